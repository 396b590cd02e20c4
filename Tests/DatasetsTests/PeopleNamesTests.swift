import Datasets
import Foundation
import TestSupport
import Testing
import Threads

/// What people are called goes from any data into packs and out of them again.
@Suite struct PeopleNamesTests {
  /// Five photos of three people in one folder, whose names a list alone says.
  private static func listed(_ labels: [String]) throws -> (TemporaryFolder, PhotoSet) {
    let disk = TemporaryFolder()
    for photo in labels.indices {
      disk.write("all/\(photo).jpg", Pictures.jpeg(16, 16, seed: photo))
    }
    disk.write("list.txt", labels.enumerated().map { "all/\($0).jpg\t\($1)\n" }.joined())
    return (disk, try PhotoSet(path: disk.path + "/list.txt"))
  }

  @Test(arguments: [
    ["Bob B", "Ann", "Ann", "0e17", "Bob B"], ["12", "7", "7", "400", "12"],
    ["1", "0", "0", "2", "1"],
  ])
  func peopleOfALabelledListKeepTheirNames(labels: [String]) throws {
    let (disk, set) = try Self.listed(labels)
    defer { _ = disk.path }
    #expect(Set(set.index.people) == Set(labels))
    for (form, name) in [(PackWriter.Form.tar, "a.tar"), (.rec, "a.rec"), (.rec, "folder")] {
      let out = disk.path + "/" + name
      let files = try PackWriter.write(set, as: form, to: out)
      let pack = try PhotoSet(path: out)
      try PackTests.expectSame(pack, set)
      #expect(pack.notes.passedOver.lines.isEmpty, "\(name)")
      // Where numbers are the names, nothing is written beside them.
      let isPlain = labels.contains("0")
      #expect(files.contains { $0.hasSuffix(".people") } == (form == .rec && !isPlain))
    }
    // And on into another pack.
    _ = try PackWriter.write(PhotoSet(path: disk.path + "/a.tar"), as: .rec, to: disk.path + "/b")
    try PackTests.expectSame(PhotoSet(path: disk.path + "/b"), set)
    _ = try PackWriter.write(PhotoSet(path: disk.path + "/b"), as: .tar, to: disk.path + "/c.tar")
    try PackTests.expectSame(PhotoSet(path: disk.path + "/c.tar"), set)
  }

  /// What WebDataset makes a whole number of stays one; the name stands beside it.
  @Test func aShardHasNumbersForReadersAndNamesBesideThem() throws {
    let (disk, set) = try Self.listed(["Bob B", "Ann", "Ann", "0e17", "Bob B"])
    _ = try PackWriter.write(set, as: .tar, to: disk.path + "/a.tar")
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: disk.path + "/a.tar")))
    func member(_ name: String) throws -> String {
      let blocks = stride(from: 0, to: bytes.count, by: 512)
      let at = try #require(blocks.first { bytes[$0...].starts(with: Array(name.utf8) + [0]) })
      let size = try #require(
        Int(String(decoding: bytes[at + 124..<at + 135], as: UTF8.self), radix: 8))
      return String(decoding: bytes[at + 512..<at + 512 + size], as: UTF8.self)
    }
    #expect(try member("all/0.cls") == "2" && member("all/1.cls") == "1")
    #expect(try member("all/0.json") == #"{"path":"all/0.jpg","person":"Bob B"}"#)
    #expect(try member("all/3.json") == #"{"path":"all/3.jpg","person":"0e17"}"#)
  }

  @Test func aFolderNeedsNoNamesBesideItsPaths() throws {
    let disk = PackTests.folder()
    let set = try PhotoSet(path: disk.path)
    let out = TemporaryFolder()
    _ = try PackWriter.write(set, as: .tar, to: out.path + "/a.tar")
    let text = String(
      decoding: try Data(contentsOf: URL(fileURLWithPath: out.path + "/a.tar")), as: UTF8.self)
    // Of thirteen photos those alone whose names WebDataset would read as others'.
    #expect(text.components(separatedBy: ".json").count - 1 == 4)
    try PackTests.expectSame(PhotoSet(path: out.path + "/a.tar"), set)
  }

  private static func shard(
    _ photos: [(name: String, label: String, json: String?)], _ folder: TemporaryFolder,
    _ name: String
  ) {
    var members: [(String, [UInt8])] = []
    for photo in photos {
      members.append((photo.name + ".jpg", Pictures.jpeg(16, 16)))
      members.append((photo.name + ".cls", Array(photo.label.utf8)))
      if let json = photo.json { members.append((photo.name + ".json", Array(json.utf8))) }
    }
    Tar.write(members, to: folder, name)
  }

  /// A person whose photos are in two shards is called as in one.
  @Test func foldersInSeveralShardsAreOnePerson() throws {
    let disk = TemporaryFolder()
    Self.shard([("ann/1", "0", nil), ("bob/1", "1", nil)], disk, "s-0.tar")
    Self.shard([("ann/2", "0", nil), ("çelik/1", "2", nil)], disk, "s-1.tar")
    let set = try PhotoSet(path: disk.path)
    #expect(set.index.people == ["ann", "bob", "çelik"])
    #expect(set.index.photos.map(\.person) == [0, 1, 0, 2])
    #expect(set.index.photos[2].path == "s-1/ann/2.jpg")
  }

  /// A name that does not fit its label is no name: two people of one, one of two, one of none.
  @Test(arguments: [
    (["x", "x", "y"], ["x", "y"]), (["x", "z", "y"], ["3", "8"]), (["x", "x", "x"], ["3", "8"]),
    (["x", "x", ""], ["3", "8"]),
  ])
  func namesThatDoNotFitTheirLabelsAreNone(
    names: [String], people: [String]
  ) throws {
    let labels = ["3", "3", "8"]
    let disk = TemporaryFolder()
    let photos = zip(names, labels).enumerated().map { number, pair in
      (
        name: "\(number)", label: pair.1,
        json: pair.0.isEmpty ? nil : "{\"person\": \"\(pair.0)\", \"age\": 3}"
      )
    }
    Self.shard(photos, disk, "a.tar")
    let set = try PhotoSet(path: disk.path + "/a.tar")
    #expect(set.index.people == people && set.labels == [3, 8])
  }

  @Test(arguments: ["Ann\nBob\n", "Ann\nBob\nBob\n", "Ann\nBob\nC\nD\n", "Ann\n\nBob\n"])
  func namesOfAnotherPackAreRefused(names: String) throws {
    let (disk, set) = try Self.listed(["Bob B", "Ann", "Ann", "0e17", "Bob B"])
    _ = try PackWriter.write(set, as: .rec, to: disk.path + "/a.rec")
    disk.write("a.people", names)
    #expect {
      try PhotoSet(path: disk.path + "/a.rec")
    } throws: {
      "\($0)".contains("a.people")
    }
  }
}

/// Who opens data is told how far that is, in every form.
@Suite struct OpeningMeterTests {
  @Test func everyFormCountsItsPhotos() throws {
    let disk = PackTests.folder()
    let folder = try PhotoSet(path: disk.path)
    let out = TemporaryFolder()
    func path(_ name: String) -> String { out.path + "/" + name }
    _ = try PackWriter.write(folder, as: .tar, to: path("a.tar"))
    for name in ["listed", "unlisted", "alone"] {
      _ = try PackWriter.write(folder, as: .rec, to: path(name))
      if name != "listed" { try FileManager.default.removeItem(atPath: path(name) + "/train.lst") }
    }
    try FileManager.default.removeItem(atPath: path("alone/train.idx"))
    // A list that does not fit counts from its beginning, and then what is read in its place.
    _ = try PackWriter.write(folder, as: .rec, to: path("strange"))
    out.write("strange/train.lst", "1\t0\tann/1.jpg\n")
    out.write(
      "photos.lmdb",
      LMDBWriter.file(
        (0..<13).map { ("\($0)", LMDBWriter.value(Pictures.jpeg(8, 8), label: $0 / 5)) }))
    disk.write("list.txt", folder.index.photos.map { "\($0.path) \($0.person)\n" }.joined())
    let forms = [
      disk.path, path("a.tar"), path("listed"), path("unlisted"), path("alone"), path("strange"),
      path("photos.lmdb"), disk.path + "/list.txt",
    ]
    for form in forms {
      let meter = WorkMeter()
      #expect(try PhotoSet(path: form, meter: meter).index.photos.count == 13)
      #expect(meter.doneCount == 13, "\(form)")
      #expect([0, 13].contains(meter.totalCount), "\(form)")
    }
    let metadata = folder.index.photos.map { "\($0.path),\($0.person)\n" }.joined()
    disk.write("metadata.csv", "file_name,label\n" + metadata)
    let meter = WorkMeter()
    _ = try PhotoSet(path: disk.path, meter: meter)
    // Those that the metadata name, and those that are there.
    #expect(meter.doneCount >= 13)
  }
}
