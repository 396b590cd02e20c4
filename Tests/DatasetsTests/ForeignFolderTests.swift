import Datasets
import Foundation
import Testing

/// Data in which something else than a person's photos looks like them.
@Suite struct ForeignFolderTests {
  private static let jpeg = Pictures.jpeg(8, 8)
  private let disk = TemporaryFolder()

  /// A network storage keeps thumbnails of each photo in a folder of its name.
  @Test func foldersThatSystemsKeepAreNoPeople() throws {
    let folders = [
      "@eaDir", "$RECYCLE.BIN", "#recycle", "System Volume Information", "__MACOSX", "lost+found",
      "@Recycle", "$Recycle.Bin", "@__thumb", ".@__thumb", "#snapshot",
    ]
    for person in ["ann", "bob"] {
      disk.write("\(person)/1.jpg", Self.jpeg)
      disk.write("\(person)/@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", Self.jpeg)
    }
    for folder in folders { disk.write("\(folder)/x/1.jpg", Self.jpeg) }
    let set = try PhotoSet(path: disk.path)
    #expect(set.index.people == ["ann", "bob"])
    #expect(set.index.photos.map(\.path) == ["ann/1.jpg", "bob/1.jpg"])
    #expect(set.notes.warnings.isEmpty, "\(set.notes.warnings)")
    let groups = set.notes.passedOver.groups
    let thumbnails = groups.first { $0.kind == "@eaDir (folder of a network storage)" }
    #expect(thumbnails?.count == 3 && thumbnails?.example == "@eaDir")
    #expect(groups.reduce(0) { $0 + $1.count } == 2 + folders.count)
  }

  @Test func aFolderOfOnesOwnIsAPerson() throws {
    for person in ["recycle", "lost and found", "eaDir"] {
      disk.write("\(person)/1.jpg", Self.jpeg)
    }
    #expect(try PhotoSet(path: disk.path).index.people.count == 3)
  }

  @Test func peopleWithinPeopleAreWarnedOf() throws {
    for path in ["ann/1.jpg", "ann/crops/1.jpg", "ann/x/y/1.jpg", "bob/1.jpg", "deep/cy/1.jpg"] {
      disk.write(path, Self.jpeg)
    }
    let warnings = try PhotoSet(path: disk.path).notes.warnings
    #expect(
      warnings.contains {
        $0.hasPrefix("2 of 5 people are folders within another person's folder, such as ann/crops")
      }, "\(warnings)")
  }

  @Test func nearlyEveryPhotoAPersonIsWarnedOf() throws {
    for person in 0..<19 { disk.write("p\(person)/1.jpg", Self.jpeg) }
    disk.write("p0/2.jpg", Self.jpeg)
    let lone = try PhotoSet(path: disk.path).index.lonePhotosWarning
    #expect(lone?.hasPrefix("18 of 19 people have one photo, such as 'p1'") == true)
    for person in 0..<2 { disk.write("p\(person)/3.jpg", Self.jpeg) }
    for person in 2..<4 { disk.write("p\(person)/2.jpg", Self.jpeg) }
    #expect(try PhotoSet(path: disk.path).index.lonePhotosWarning == nil)
  }

  // MARK: Lists

  private func list(_ rows: [String]) throws -> PhotoSet {
    for photo in 0..<6 { disk.write("f/\(photo).jpg", Self.jpeg) }
    return try PhotoSet(path: disk.write("list.txt", rows.joined(separator: "\n") + "\n"))
  }

  private func complaint(_ rows: [String]) throws -> String {
    "\(try #require(#expect(throws: DatasetError.self) { try list(rows) }))"
  }

  @Test func numbersThatRepeatAreNoIndex() throws {
    let rows = (0..<6).map { "\($0 / 3)\t\($0 % 3)\tf/\($0).jpg" }
    #expect(try complaint(rows).contains("nothing says which is the label"))
    let people = try list((0..<6).map { "\(9 - $0)\t\($0 / 3)\tf/\($0).jpg" }).index.people
    #expect(people == ["0", "1"])
  }

  @Test(arguments: [",", "\t"]) func aFirstColumnOfTwoNumbersIsNoFlag(mark: String) throws {
    let rows = (0..<6).map { "\($0 / 3)\(mark)f/\($0).jpg\(mark)\($0 % 3)" }
    #expect(try complaint(rows).contains("nothing says which is the label"))
  }

  @Test(arguments: ["Bo Xi", "Bob"], [true, false])
  func labelsWithSpacesAskForATab(other: String, isFirst: Bool) throws {
    let rows = (0..<6).map { photo in
      let (path, label) = ("f/\(photo).jpg", photo % 2 == 0 ? "Ann Lee" : other)
      return (path, label)
    }
    let said = try complaint(rows.map { isFirst ? "\($0.1) \($0.0)" : "\($0.0) \($0.1)" })
    #expect(said.contains("line 1:") && said.contains("by a tab"), "\(said)")
    #expect(try list(rows.map { "\($0.0)\t\($0.1)" }).index.people.first == "Ann Lee")
  }

  /// Paths may have spaces, and labels none.
  @Test func pathsWithSpacesAreReadAsTheyStand() throws {
    for photo in 0..<4 { disk.write("f/a b \(photo).jpg", Self.jpeg) }
    let rows = (0..<4).map { "f/a b \($0).jpg p\($0 / 2)" }
    let set = try PhotoSet(path: disk.write("l.txt", rows.joined(separator: "\n")))
    #expect(set.index.people == ["p0", "p1"] && set.index.photos.count == 4)
  }

  @Test func aNameThatIsTheFilesIsNoLabel() throws {
    let rows = (0..<6).map { "\($0 / 3),\($0).jpg,f/\($0).jpg" }
    #expect(try complaint(["id,name,path"] + rows).contains("call it 'person_id' if it is not"))
    let names = (0..<6).map { "\($0 / 3),ann\($0 / 3),f/\($0).jpg" }
    #expect(try list(["id,name,path"] + names).index.people == ["ann0", "ann1"])
  }

  @Test(arguments: [";", ",", "\t"])
  func theFirstLineOfASpreadsheetIsNoPhoto(mark: String) throws {
    let rows = (0..<6).map { "f/\($0).jpg\(mark)p\($0 % 2)" }
    let set = try list(["sep=\(mark)", "image\(mark)label"] + rows)
    #expect(set.index.people == ["p0", "p1"] && set.index.photos.count == 6)
  }

  // MARK: Tar archives

  private func tar(_ notes: (Int) -> [(String, String)]) throws -> PhotoSet {
    let files = (0..<12).flatMap { photo in
      [("\(photo).jpg", Self.jpeg)]
        + notes(photo).map { ("\(photo).\($0.0)", Array($0.1.utf8)) }
    }
    return try PhotoSet(path: Tar.write(files, to: disk, "t.tar"))
  }

  @Test func captionsAreSaidToBeTheLabels() throws {
    let set = try tar { [("txt", "a photo of face \($0)")] }
    #expect(set.notes.remarks == ["labels are what each .txt says, such as 'a photo of face 0'"])
    #expect(set.index.lonePhotosWarning?.contains("its caption") == true)
  }

  @Test func aJSONThatSaysOtherwiseThanTheClassIsWarnedOf() throws {
    for key in ["identity", "person_id", "label"] {
      let set = try tar { [("cls", "\($0 % 2)"), ("json", "{\"\(key)\": \($0 / 4)}")] }
      #expect(set.index.people == ["0", "1"])
      let warnings = set.notes.warnings
      #expect(warnings.count == 1 && warnings[0].contains("class 0 is '0' and '1'"), "\(warnings)")
    }
    let agreeing = try tar { [("cls", "\($0 % 2)"), ("json", "{\"identity\": \"p\($0 % 2)\"}")] }
    #expect(agreeing.index.people == ["p0", "p1"] && agreeing.notes.warnings.isEmpty)
  }

  /// What a network storage and macOS put beside the photos goes into an archive with them.
  @Test func foldersThatSystemsKeepAreNoSamples() throws {
    let files = [
      ("ann/1.jpg", Self.jpeg), ("ann/1.cls", Array("0".utf8)),
      ("ann/@eaDir/1.jpg/THUMB.jpg", Self.jpeg), ("__MACOSX/ann/1.jpg", Self.jpeg),
      ("bob/2.jpg", Self.jpeg), ("bob/2.cls", Array("1".utf8)),
    ]
    let set = try PhotoSet(path: Tar.write(files, to: disk, "t.tar"))
    #expect(set.index.photos.map(\.path) == ["ann/1.jpg", "bob/2.jpg"])
    #expect(set.notes.passedOver.count == 2 && set.notes.warnings.isEmpty)
  }

  @Test func aTarOfFoldersSaysWhatToDo() throws {
    let files = [("faces/ann/1.jpg", Self.jpeg), ("faces/bob/1.jpg", Self.jpeg)]
    let path = Tar.write(files, to: disk, "t.tar")
    let said = "\(try #require(#expect(throws: DatasetError.self) { try PhotoSet(path: path) }))"
    #expect(said.contains("unpack it and give the folder"), "\(said)")
  }
}
