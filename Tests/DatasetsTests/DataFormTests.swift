import Datasets
import Foundation
import Testing

/// A folder that is several forms of data at once, or nearly so.
@Suite struct DataFormTests {
  private static let jpeg = Pictures.jpeg(16, 16)

  /// What the folder with `more` in it is.
  private static func open(_ more: [String: [UInt8]]) throws -> PhotoSet {
    let disk = people(more)
    defer { withExtendedLifetime(disk) {} }
    return try PhotoSet(path: disk.path)
  }

  private static func people(_ more: [String: [UInt8]] = [:]) -> TemporaryFolder {
    let disk = TemporaryFolder()
    for path in ["ann/1.jpg", "ann/2.jpg", "bob/1.jpg"] { disk.write(path, jpeg) }
    for (path, bytes) in more { disk.write(path, bytes) }
    return disk
  }

  @Test func aPackBesideFoldersOfPeopleIsAsked() throws {
    let other = PackTests.folder()
    let out = TemporaryFolder()
    _ = try PackWriter.write(PhotoSet(path: other.path), as: .rec, to: out.path + "/backup.rec")
    let pack = [UInt8](try Data(contentsOf: URL(fileURLWithPath: out.path + "/backup.rec")))
    let base = try Pictures.fixture("faces.lmdb")
    for (name, bytes) in [("backup.rec", pack), ("train.rec", pack), ("data.mdb", base)] {
      let disk = Self.people([name: bytes])
      let error = #expect(throws: DatasetError.self) { try PhotoSet(path: disk.path) }
      #expect("\(error!)".contains("holds both a pack, \(name), and photos in folders"))
      #expect("\(error!)".contains("folder:\(disk.path) to take the folders"), "\(error!)")
      // Both ways that it names.
      let folders = try PhotoSet(path: "folder:" + disk.path)
      #expect(folders.format == .folder && folders.index.people == ["ann", "bob"])
      #expect(try PhotoSet(path: disk.path + "/" + name).format != .folder)
    }
    // Folders without photos are none of people.
    let alone = TemporaryFolder()
    alone.write("backup.rec", pack)
    alone.write("logs/train.log", [1])
    let set = try PhotoSet(path: alone.path)
    #expect(set.format == .recordIO && set.notes.passedOver.count == 1)
  }

  @Test func filesThatAreNoPacksDoNotMakeAFolderUnusable() throws {
    for (name, bytes) in [("x.rec", []), ("data.mdb", []), ("x.rec", [1, 2, 3, 4, 5])]
      as [(String, [UInt8])]
    {
      let set = try Self.open([name: bytes])
      #expect(set.format == .folder && set.index.people == ["ann", "bob"])
      #expect(set.notes.warnings.count == 1)
      #expect(set.notes.warnings[0].hasPrefix("\(name) is \(bytes.isEmpty ? "empty" : "not what")"))
    }
    let disk = Self.people()
    Tar.write([("a.jpg", Self.jpeg), ("a.cls", [0x31])], to: disk, "old.tar")
    let set = try PhotoSet(path: disk.path)
    #expect(set.format == .folder && set.notes.warnings.count == 1)
    #expect(set.notes.warnings[0].contains("give \(disk.path)/old.tar"))
  }

  @Test func metadataOfOnePersonAreNotThoseOfAll() throws {
    let table = Array("file_name,label\n1.jpg,zed\n".utf8)
    let set = try Self.open(["ann/metadata.csv": table])
    #expect(set.format == .folder && set.index.photos.count == 3)
    #expect(set.notes.warnings.count == 1)
    #expect(set.notes.warnings[0].hasPrefix("ann/metadata.csv is not read, since other folders"))
    // Where each folder has its own, they are parts of a data set.
    let both = Self.people(["ann/metadata.csv": table, "bob/metadata.csv": table])
    #expect(try PhotoSet(path: both.path).format == .metadata)
  }

  @Test func metadataAboutSomethingElseLeaveTheFolders() throws {
    for text in ["file_name,age\nann/1.jpg,7\n", "license,url\nx,y\n", "x\n"] {
      let disk = Self.people(["metadata.csv": Array(text.utf8)])
      let set = try PhotoSet(path: disk.path)
      #expect(set.format == .folder && set.index.people == ["ann", "bob"], "\(text)")
      #expect(set.notes.warnings.count == 1)
      #expect(set.notes.warnings[0].hasPrefix("metadata.csv is not read, since it has not"))
      #expect(throws: DatasetError.self) { try PhotoSet(path: disk.path + "/metadata.csv") }
    }
    let disk = Self.people([
      "metadata.csv": Array("file_name,label\nann/1.jpg,0\nann/2.jpg,1\nbob/1.jpg,1\n".utf8)
    ])
    #expect(try PhotoSet(path: disk.path).index.people == ["0", "1"])
    #expect(try PhotoSet(path: "folder:" + disk.path).index.people == ["ann", "bob"])
    #expect(throws: DatasetError.self) { try PhotoSet(path: "folder:/nowhere/at/all") }
  }

  @Test func theColumnsOfMetadataAreSaid() throws {
    let csv = "file_name,label,identity\nann/1.jpg,0,ann\nann/2.jpg,1,ann\nbob/1.jpg,1,bob\n"
    let set = try Self.open(["metadata.csv": Array(csv.utf8)])
    #expect(
      set.notes.remarks == [
        "metadata.csv: photos from column 'file_name', labels from column 'label'; not used: "
          + "'identity'"
      ])
    #expect(set.notes.warnings.count == 1)
    #expect(set.notes.warnings[0].contains("column 'label' is taken for the label, and 'identity'"))
    // Other words for the columns, and blank lines at the end.
    for csv in [
      "filename,person_id\nann/1.jpg,a\nann/2.jpg,a\nbob/1.jpg,b\n,\n \n",
      "path;subject\nann/1.jpg;a\nann/2.jpg;a\nbob/1.jpg;b\n\n",
    ] {
      let set = try Self.open(["metadata.csv": Array(csv.utf8)])
      #expect(set.index.photos.map(\.person) == [0, 0, 1] && set.notes.warnings.isEmpty)
    }
    let json =
      "{\"File_Name\": \"ann/1.jpg\", \"Label\": \"a\"}\n"
      + "{\"File_Name\": \"bob/1.jpg\", \"Label\": \"b\"}\n"
    let listed = try Self.open(["metadata.jsonl": Array(json.utf8)])
    #expect(listed.index.photos.count == 2)
  }

  @Test func bothMetadataFilesMayNameThePhotosAlike() throws {
    let csv = Array("file_name,label\nann/1.jpg,a\nann/2.jpg,a\nbob/1.jpg,b\n".utf8)
    func json(_ label: String) -> [UInt8] {
      Array("{\"file_name\": \"bob/1.jpg\", \"label\": \"\(label)\"}\n".utf8)
    }
    let same = Self.people(["metadata.csv": csv, "metadata.jsonl": json("b")])
    let set = try PhotoSet(path: same.path)
    #expect(set.index.photos.count == 3)
    #expect(set.notes.warnings.contains { $0.contains("1 line names a photo again") })
    let other = Self.people(["metadata.csv": csv, "metadata.jsonl": json("c")])
    let error = #expect(throws: DatasetError.self) { try PhotoSet(path: other.path) }
    #expect("\(error!)".contains("says of bob/1.jpg that it shows"), "\(error!)")
  }
}
