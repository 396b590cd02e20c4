import Datasets
import Foundation
import Testing
import TestSupport

@Suite struct FolderTests {
  @Test func listsPeopleAndPhotosInByteOrder() throws {
    let disk = TemporaryFolder()
    for path in [
      "b/2.jpg", "b/10.JPG", "a b/x y.jpeg", "a/deep/er/1.JpEg", "Ünï çødé/ß 顔.jpg", "a/z.jpg",
      "a/readme.txt", "a/photo.png", "a/.hidden.jpg", ".cache/t.jpg", "none/notes.txt", "a/.jpg",
    ] {
      disk.write(path, [1])
    }
    let folder = try FaceFolder(root: disk.path)
    #expect(folder.people == ["a", "a b", "a/deep/er", "b", "Ünï çødé"])
    #expect(
      folder.photos.map(\.path) == [
        "a b/x y.jpeg", "a/deep/er/1.JpEg", "a/photo.png", "a/z.jpg", "b/10.JPG", "b/2.jpg",
        "Ünï çødé/ß 顔.jpg",
      ])
    #expect(folder.photos.map(\.person) == [1, 2, 0, 0, 3, 3, 4])
    #expect(folder.index.photosPerPerson == [2, 1, 1, 2, 1])
    let buffer = ByteBuffer()
    for photo in folder.photos.indices { try FolderSource(folder).read(photo, into: buffer) }
    #expect(buffer.bytes.count == 1)
  }

  @Test func followsLinksButNotInCircles() throws {
    let disk = TemporaryFolder()
    let elsewhere = TemporaryFolder()
    elsewhere.write("far.jpg", [1])
    disk.write("a/1.jpg", [1])
    disk.write("a/b/2.jpg", [1])
    disk.link("a/b/up", to: "..")
    disk.link("a/self", to: ".")
    disk.link("root", to: disk.path)
    disk.link("linked", to: elsewhere.path)
    disk.link("a/copy.jpg", to: "1.jpg")
    disk.link("gone", to: "nowhere")
    let folder = try FaceFolder(root: disk.path)
    #expect(
      folder.photos.map(\.path) == ["a/1.jpg", "a/b/2.jpg", "a/copy.jpg", "linked/far.jpg"])
  }

  @Test func eachUnusableFolderHasOneClearLine() throws {
    let disk = TemporaryFolder()
    func line(_ relative: String) -> String {
      do {
        let folder = try FaceFolder(root: disk.path + "/" + relative)
        try folder.index.requireSeveralPeople(in: folder.root)
        try DataSplit.all.divide(folder.index).require(batch: 5)
        return ""
      } catch {
        return "\(error)"
      }
    }
    disk.write("empty/readme.txt", "no photos")
    disk.write("single/ann/1.jpg", [1])
    disk.write("few/ann/1.jpg", [1])
    disk.write("few/bob/1.jpg", [1])
    disk.write("file", "x")
    for (name, text) in [
      ("missing", "no such folder"), ("file", "not a folder"), ("empty", "no JPEG, PNG or WebP"),
      ("single", "only one person (ann)"), ("few", "2 training photos are fewer than a batch of 5"),
    ] {
      let message = line(name)
      #expect(message.contains(text), "\(name): \(message)")
      #expect(!message.contains("\n"))
    }
    if getuid() != 0 {
      disk.write("locked/ann/1.jpg", [1])
      chmod(disk.path + "/locked/ann", 0)
      #expect(line("locked").contains("ermission"))
      chmod(disk.path + "/locked/ann", 0o755)
    }
  }

  @Test func namesThatAreNotUTF8AreNamed() throws {
    let disk = TemporaryFolder()
    disk.write("a/1.jpg", [1])
    let path = Array((disk.path + "/a/").utf8) + [0xFF, 0xFE] + Array(".jpg".utf8) + [0]
    let file = path.withUnsafeBytes {
      open($0.baseAddress!.assumingMemoryBound(to: CChar.self), O_CREAT | O_WRONLY, 0o644)
    }
    try #require(file >= 0)
    close(file)
    let error = #expect(throws: DatasetError.self) { try FaceFolder(root: disk.path) }
    #expect(error?.description.contains("not UTF-8") == true)
  }

  /// Four times the people take about four times as long; what looked each one up among all the
  /// others would take sixteen times.
  @Test func listingGrowsWithThePhotos() throws {
    func seconds(people: Int) throws -> Double {
      let disk = TemporaryFolder()
      for person in 0..<people {
        for photo in 0..<4 { disk.write("p\(person)/\(photo).jpg", []) }
      }
      return try (0..<3).map { _ in
        try ProcessorTime.measure {
          let folder = try FaceFolder(root: disk.path)
          #expect(folder.photos.count == 4 * people && folder.people.count == people)
        }
      }.min()!
    }
    #expect(try seconds(people: 1600) < 10 * seconds(people: 400))
  }
}
