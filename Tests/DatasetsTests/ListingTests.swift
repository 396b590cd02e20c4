import Datasets
import Foundation
import Glibc
import Testing

/// What a listing of folders meets on other people's disks.
@Suite struct ListingTests {
  private static let jpeg = Pictures.jpeg(16, 16)

  private static func warnings(_ paths: [String]) throws -> [String] {
    let disk = TemporaryFolder()
    for path in paths { disk.write(path, jpeg) }
    return try PhotoSet(path: disk.path).notes.allWarnings
  }

  private static func paths(_ people: [String], _ folders: [String]) -> [String] {
    people.flatMap { person in folders.map { "\(person)/\(person)-\($0)/0.jpg" } }
  }

  @Test func foldersOfVideosInFoldersOfPeopleAreDoubted() throws {
    let found = try Self.warnings(Self.paths(["id1", "id2", "id3"], ["a", "b"]))
    #expect(found.count == 1, "\(found)")
    #expect(
      found.first?.hasPrefix("6 folders of photos stand below 3 others, such as id1/id1-a") == true)
  }

  /// Parts of a data set and the first letters of names have more people than there are of them.
  @Test(arguments: [
    paths(["a", "b"], ["ann", "abe", "ada"]), paths(["train", "test"], ["ann", "bob"]),
    ["id1/0.jpg", "id2/0.jpg"], ["all/id1/0.jpg", "all/id2/0.jpg", "all/id3/0.jpg"],
    ["id1/a/0.jpg", "id2/b/0.jpg", "id3/c/0.jpg"],
  ])
  func foldersOfPeopleInFoldersAreNot(_ paths: [String]) throws {
    let found = try Self.warnings(paths)
    #expect(!found.contains { $0.contains("stand below") }, "\(found)")
  }

  @Test(arguments: ["P5\n16 16\n255\n", "P2 # made by hand\n16 16 255 ", "P6\n#\n16 16\n255\n"])
  func greyMapsArePhotosThatAreNotRead(_ start: String) throws {
    let disk = TemporaryFolder()
    disk.write("a/1.jpg", Self.jpeg)
    disk.write("b/1.jpg", Self.jpeg)
    for name in ["a/2.pgm", "a/3.PPM", "b/4"] { disk.write(name, Array(start.utf8)) }
    let notes = try PhotoSet(path: disk.path).notes
    #expect(notes.passedOver.photoCount == 3)
    #expect(notes.allWarnings.contains { $0.contains("photos of a format that is not read") })
    #expect(notes.passedOver.groups.allSatisfy { $0.advice?.hasPrefix("convert ") == true })
  }

  /// Whoever runs the tests may be allowed everything: in a process of somebody who is not.
  @Test func whatMayNotBeOpenedIsNamedWhateverItIsCalled() async {
    await #expect(processExitsWith: .success) {
      let disk = TemporaryFolder()
      disk.write("a/1.jpg", ListingTests.jpeg)
      disk.write("b/1.jpg", ListingTests.jpeg)
      disk.write("b/2", ListingTests.jpeg)
      chmod(disk.path + "/b/2", 0)
      for folder in ["", "/a", "/b"] { chmod(disk.path + folder, 0o755) }
      _ = geteuid() == 0 ? seteuid(65534) : 0
      let notes = try PhotoSet(path: disk.path).notes
      _ = getuid() == 0 ? seteuid(0) : 0
      #expect(
        notes.allWarnings == [
          "files that may be photos and are not read: 1, such as b/2: cannot be opened: "
            + "Permission denied"
        ], "\(notes.allWarnings)")
      #expect(notes.passedOver.count == 1)
    }
  }

  @Test func aListOfPeopleMeansTheFolderThatIsWrittenAsTheNameIs() throws {
    let (composed, parts) = ("Zo\u{EB}", "Zoe\u{308}")
    let names = [parts, composed, "other"]
    func index(_ names: [String]) -> PhotoIndex {
      PhotoIndex(
        photos: names.enumerated().map { Photo(path: "\($1)/1.jpg", person: $0) }, people: names)
    }
    let disk = TemporaryFolder()
    for (name, own) in [(parts, 0), (composed, 1)] {
      let list = disk.write("people.txt", name + "\nother\n")
      let divided = try DataSplit.people(file: list).divide(index(names))
      #expect(divided.training == [own, 2])
    }
    // A folder of another disk may be composed otherwise.
    let list = disk.write("people.txt", composed + "\nother\n")
    let divided = try DataSplit.people(file: list).divide(index([parts, "other", "third"]))
    #expect(divided.training == [0, 1])
  }

  @Test func aPersonWhoIsLinkedTwiceIsTold() throws {
    let disk = TemporaryFolder()
    for name in ["all/a/1.jpg", "all/b/1.jpg", "far/c/1.jpg"] { disk.write(name, Self.jpeg) }
    for (link, target) in [("z", "a"), ("y", "../far/c"), ("x", "../far/c")] {
      try FileManager.default.createSymbolicLink(
        atPath: disk.path + "/all/" + link, withDestinationPath: target)
    }
    let set = try PhotoSet(path: disk.path + "/all")
    #expect(set.index.people == ["a", "b", "x", "y", "z"])
    #expect(
      set.notes.allWarnings == [
        "links to folders that are listed by another path too: 2, such as y; their photos count "
          + "twice, as of other people"
      ], "\(set.notes.allWarnings)")
  }

  @Test func aFolderThatIsNotFinishedIsNoData() throws {
    let disk = TemporaryFolder()
    let out = disk.path + "/out"
    try UnfinishedFolder.begin(out, command: "align")
    disk.write("out/a/1.jpg", Self.jpeg)
    for _ in 0..<2 {
      let error = #expect(throws: DatasetError.self) { try PhotoSet(path: out) }
      #expect(error?.description.contains("is not finished") == true)
      #expect(throws: FolderError.unfinished(path: out)) {
        try UnfinishedFolder.begin(out, command: "align")
      }
    }
    #expect(throws: DatasetError.self) { try FaceFolder(root: out) }
    try UnfinishedFolder.end(out)
    #expect(try PhotoSet(path: out).notes == DataNotes())
    #expect(throws: FolderError.notEmpty(path: out)) {
      try UnfinishedFolder.begin(out, command: "align")
    }
  }

  @Test func tasksCallPeopleByTheirFolders() throws {
    let disk = TemporaryFolder()
    for name in ["a/1.jpg", "b/1.jpg", "loose.jpg"] { disk.write(name, Self.jpeg) }
    disk.write("metadata.csv", "file_name,label\na/1.jpg,x\nb/1.jpg,x\nloose.jpg,y\n")
    #expect(
      try FaceFolder(ofTask: disk.path).notes.warnings == [
        "metadata.csv is not read: tasks call people by their folders"
      ])
    #expect(try FaceFolder(root: disk.path).notes.warnings.count == 2)
  }
}
