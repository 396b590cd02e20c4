import Datasets
import Foundation
import Testing

/// WebDataset shards as people pack them.
@Suite struct ShardReadingTests {
  private let disk = TemporaryFolder()

  private func photo(_ seed: Int) -> [UInt8] { Pictures.jpeg(8 + seed, 8, seed: seed) }

  private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private func open(_ members: [Tar.Member]) throws -> PhotoSet {
    try PhotoSet(path: disk.write("s.tar", Tar.archive(members)))
  }

  private func complaint(_ members: [Tar.Member]) throws -> String {
    let error = #expect(throws: DatasetError.self) { try open(members) }
    let complaint = try #require(error).description
    // Nothing is damaged: another copy would be the same.
    #expect(!complaint.contains("copy it again"), "\(complaint)")
    return complaint
  }

  @Test func twinsOfMacOSAndOtherHiddenMembersAreNoPhotos() throws {
    let members = (0..<3).flatMap { sample in
      ["train/\(sample).jpg", "train/\(sample).cls"].flatMap { name in
        let hidden = name.replacing("train/", with: "train/._")
        return [
          Tar.Member(name: hidden, bytes: [0, 5, 0x16, 7]),
          Tar.Member(
            name: name, bytes: name.hasSuffix("jpg") ? photo(sample) : text("\(sample)")),
        ]
      }
    }
    let set = try open(
      [Tar.Member(name: ".DS_Store", bytes: [0]), Tar.Member(name: "__MACOSX/train/._0.jpg")]
        + members)
    #expect(set.index.photos.map(\.path) == ["train/0.jpg", "train/1.jpg", "train/2.jpg"])
    #expect(try PackTests.contents(set) == (0..<3).map(photo))
  }

  @Test func linksAreWhatTheyLeadTo() throws {
    let set = try open([
      Tar.Member(name: "a/", kind: "5"),
      Tar.Member(name: "a/0.jpg", bytes: photo(0)), Tar.Member(name: "a/0.cls", bytes: text("x")),
      Tar.Member(name: "a/1.jpg", kind: "1", link: "a/0.jpg"),
      Tar.Member(name: "a/1.cls", kind: "1", link: "./a/0.cls"),
      Tar.Member(name: "a/2.jpg", kind: "2", link: "../b/./3.jpg"),
      Tar.Member(name: "a/2.cls", bytes: text("y")),
      Tar.Member(name: "b/3.jpg", kind: "2", link: "4.jpg"),
      Tar.Member(name: "b/3.cls", bytes: text("y")),
      Tar.Member(name: "b/4.jpg", bytes: photo(4)), Tar.Member(name: "b/4.cls", bytes: text("z")),
    ])
    #expect(
      set.index.photos.map(\.path) == ["a/0.jpg", "a/1.jpg", "a/2.jpg", "b/3.jpg", "b/4.jpg"])
    #expect(set.index.photos.map { set.index.people[$0.person] } == ["x", "x", "y", "y", "z"])
    #expect(
      try PackTests.contents(set) == [photo(0), photo(0), photo(4), photo(4), photo(4)])
  }

  @Test func linksToNowhereAreNamed() throws {
    let label = Tar.Member(name: "1.cls", bytes: text("x"))
    for target in ["0.jpg", "/etc/passwd", "1.jpg", "2.jpg"] {
      let said = try complaint([
        Tar.Member(name: "1.jpg", kind: "2", link: target), label,
        Tar.Member(name: "2.jpg", kind: "2", link: "1.jpg"), label,
      ])
      #expect(said.contains("1.jpg, a link to what is not in it"), "\(said)")
    }
    let said = try complaint([Tar.Member(name: "1.jpg", bytes: photo(0), kind: "S"), label])
    #expect(said.contains("1.jpg, which is a device or a sparse file"), "\(said)")
  }

  @Test func dotsInNamesHideNoEnding() throws {
    let one = try open([
      Tar.Member(name: "v1.0/0.face.a.jpg", bytes: photo(0)),
      Tar.Member(name: "v1.0/0.face.a.cls", bytes: text("3")),
      Tar.Member(name: "v1.0/1.face.jpg", bytes: photo(1)),
      Tar.Member(name: "v1.0/1.cls", bytes: text("4")),
    ])
    #expect(one.index.photos.map(\.path) == ["v1.0/0.face.a.jpg", "v1.0/1.face.jpg"])
    #expect(one.index.people == ["3", "4"])
    // Photos whose first dot is in the date are one sample to WebDataset, and several here.
    let several = try open([
      Tar.Member(name: "2019.01.jpg", bytes: photo(1)),
      Tar.Member(name: "2019.01.cls", bytes: text("5")),
      Tar.Member(name: "2019.02.json", bytes: text("{\"label\": 6}")),
      Tar.Member(name: "2019.02.jpg", bytes: photo(2)),
    ])
    #expect(several.index.people == ["5", "6"])
    #expect(try PackTests.contents(several) == [photo(1), photo(2)])
    let said = try complaint([
      Tar.Member(name: "0.left.jpg", bytes: photo(0)),
      Tar.Member(name: "0.right.jpg", bytes: photo(1)),
      Tar.Member(name: "0.cls", bytes: text("3")),
    ])
    #expect(
      said.contains("below its own name where it has dots") && said.contains("0.left.jpg"),
      "\(said)")
    let twice = try complaint([
      Tar.Member(name: "0.jpg", bytes: photo(0)), Tar.Member(name: "0.a.cls", bytes: text("3")),
      Tar.Member(name: "0.b.cls", bytes: text("4")),
    ])
    #expect(twice.contains("shows 3 and 4"), "\(twice)")
  }

  @Test func longJSONIsReadAndItsLimitIsNamed() throws {
    let embedding = "[" + Array(repeating: "0.125", count: 1024).joined(separator: ", ") + "]"
    let long = String(repeating: "x", count: 100_000)
    let set = try open([
      Tar.Member(name: "0.jpg", bytes: photo(0)),
      Tar.Member(name: "0.json", bytes: text("{\"embedding\": \(embedding), \"label\": 3.0}")),
      Tar.Member(name: "1.jpg", bytes: photo(1)),
      Tar.Member(name: "1.json", bytes: text("{\"label\": \"bob\", \"exif\": \"\(long)\"}")),
    ])
    #expect(set.index.people == ["3", "bob"])
    let said = try complaint([
      Tar.Member(name: "0.jpg", bytes: photo(0)),
      Tar.Member(name: "0.json", bytes: [UInt8](repeating: 0x20, count: (1 << 24) + 1)),
    ])
    #expect(said.contains("16777217 bytes in 0.json, more than the 16777216"), "\(said)")
  }

  @Test func oneWordOfJSONDecidesForAllSamples() throws {
    let said = try complaint([
      Tar.Member(name: "0.jpg", bytes: photo(0)),
      Tar.Member(name: "0.json", bytes: text("{\"label\": 3}")),
      Tar.Member(name: "1.jpg", bytes: photo(1)),
      Tar.Member(name: "1.json", bytes: text("{\"person\": \"bob\"}")),
    ])
    #expect(said.contains("says of 1.jpg neither in a .cls, nor in a .json"), "\(said)")
  }

  @Test func archivesOneBehindTheOtherAreNotReadByHalves() throws {
    let archive = Tar.archive([
      Tar.Member(name: "0.jpg", bytes: photo(0)), Tar.Member(name: "0.cls", bytes: text("3")),
    ])
    let path = disk.write("two.tar", archive + archive)
    let error = #expect(throws: DatasetError.self) { try PhotoSet(path: path) }
    #expect("\(error!)".contains("another archive behind its end, at byte \(archive.count)"))
    // Blocks of zeros fill up a tape.
    let filled = disk.write("one.tar", archive + [UInt8](repeating: 0, count: 9 * 512))
    #expect(try PhotoSet(path: filled).index.photos.count == 1)
  }

  @Test func compressedShardsAreCalledSoWhereverTheyLie() throws {
    let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    for name in ["faces.tar.gz", "faces.tgz", "faces.tar", "shards/s-000.tar.gz"] {
      disk.write(name, gzip)
      let path = disk.path + "/" + (name.hasPrefix("shards") ? "shards" : name)
      let error = #expect(throws: DatasetError.self) { try PhotoSet(path: path) }
      #expect(
        "\(error!)" == "\(disk.path)/\(name) is compressed with gzip; unpack it with gunzip")
    }
  }
}
