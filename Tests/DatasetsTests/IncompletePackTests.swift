import Datasets
import Foundation
import Testing

/// Packs of which a part is missing where nothing in what is left is torn.
@Suite struct IncompletePackTests {
  private let disk = TemporaryFolder()

  /// Twelve photos of four people, with their labels.
  private static let members = (0..<12).flatMap { sample in
    [
      Tar.Member(name: "\(sample).jpg", bytes: Pictures.jpeg(8, 8, seed: sample)),
      Tar.Member(name: "\(sample).cls", bytes: Array("\(sample / 3)".utf8)),
    ]
  }

  @Test func anArchiveWithoutItsEndIsTold() throws {
    let whole = Tar.archive(Self.members)
    #expect(try PhotoSet(path: disk.write("whole.tar", whole)).notes == DataNotes())
    let half = Array(Tar.archive(Array(Self.members.prefix(12))).dropLast(1024))
    // Within the zeros that fill up the last block, too.
    for (name, bytes) in [("half.tar", half), ("filling.tar", Array(half.dropLast(100)))] {
      let path = disk.write(name, bytes)
      let set = try PhotoSet(path: path)
      #expect(set.index.photos.count == 6)
      #expect(
        set.notes.warnings == [
          "\(path) ends at byte \(bytes.count) without the zeros that a tar archive ends with: it "
            + "may have been cut short; what is there is taken"
        ])
    }
    disk.write("s-0.tar", half)
    disk.write("s-1.tar", whole)
    disk.write("s-2.tar", half)
    let warnings = try PhotoSet(path: disk.path + "/s-{0..2}.tar").notes.warnings
    #expect(warnings.count == 1 && warnings[0].contains("s-0.tar ends at byte \(half.count) "))
    #expect(warnings[0].contains(" ends with, as 1 more do: "))
    // One block of zeros is an end, as GNU tar has it.
    let short = disk.write("short.tar", Array(whole.dropLast(512)))
    #expect(try PhotoSet(path: short).notes.warnings.isEmpty)
  }

  @Test func shardsThatHoldNothingOrLackAreTold() throws {
    for number in 0..<6 {
      let members = Array(Self.members[4 * number..<4 * number + 4])
      disk.write("set/f-000\(number).tar", Tar.archive(members))
    }
    #expect(try PhotoSet(path: disk.path + "/set").notes == DataNotes())
    disk.write("set/f-0003.tar", [])
    disk.write("set/f-0004.tar", [UInt8](repeating: 0, count: 10_240))
    try FileManager.default.removeItem(atPath: disk.path + "/set/f-0002.tar")
    let set = try PhotoSet(path: disk.path + "/set")
    #expect(set.index.photos.count == 6)
    #expect(
      set.notes.warnings == [
        "shards that hold nothing: 2, such as \(disk.path)/set/f-0003.tar; fetch them again",
        "shards that lack between the numbers 0 and 5 of \(disk.path)/set/f-: 1, the first is number "
          + "2",
      ])
  }

  /// Numbers that are dates, or whatever else, need not follow one another.
  @Test func numbersFarApartAreNoRow() throws {
    for (name, start) in [("f-20240101.tar", 0), ("f-20240301.tar", 4)] {
      disk.write("dates/" + name, Tar.archive(Array(Self.members[start..<start + 4])))
    }
    #expect(try PhotoSet(path: disk.path + "/dates").notes == DataNotes())
  }

  @Test func foldersThatAreDeadLinksAreTold() throws {
    for person in ["Ann", "Bob"] {
      for photo in 0..<2 {
        disk.write("people/\(person)/\(photo).jpg", Pictures.jpeg(8, 8, seed: photo))
      }
    }
    for person in ["Eve", "Joe"] {
      try FileManager.default.createSymbolicLink(
        atPath: disk.path + "/people/" + person, withDestinationPath: "/not/mounted/" + person)
    }
    let set = try PhotoSet(path: disk.path + "/people")
    #expect(set.index.people == ["Ann", "Bob"])
    #expect(
      set.notes.warnings == [
        "links that lead nowhere: 2, such as Eve; look whether what they lead to is mounted, and "
          + "has not been moved"
      ])
  }

  private func pack() throws -> String {
    let photos = PackTests.folder()
    defer { withExtendedLifetime(photos) {} }
    let out = disk.path + "/\(UUID().uuidString)"
    _ = try PackWriter.write(PhotoSet(path: photos.path), as: .rec, to: out)
    return out
  }

  /// A list may name photos anywhere; an archive is unpacked in one folder.
  @Test func noMemberLeadsOutOfTheArchive() throws {
    for photo in 0..<4 {
      disk.write("photos/p\(photo / 2)/\(photo).jpg", Pictures.jpeg(8, 8, seed: photo))
    }
    let list = disk.write(
      "lists/l.txt", (0..<4).map { "../photos/p\($0 / 2)/\($0).jpg \($0 / 2)\n" }.joined())
    let set = try PhotoSet(path: list)
    let out = disk.path + "/out.tar"
    _ = try PackWriter.write(set, as: .tar, to: out)
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: out)))
    let names = stride(from: 0, to: bytes.count, by: 512).map { start in
      String(decoding: bytes[start..<start + 100].prefix { $0 != 0 }, as: UTF8.self)
    }
    #expect(names.contains("photo-3.jpg") && !names.contains { $0.hasPrefix("..") })
    let read = try PhotoSet(path: out)
    #expect(read.index.photos.map(\.path) == set.index.photos.map(\.path))
    #expect(try PackTests.contents(read) == PackTests.contents(set))
  }

  /// The files of a pack get their names when all of them are on the disk.
  @Test func aPackThatFindsNoRoomLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      let photos = TemporaryFolder()
      for photo in 0..<24 {
        photos.write("p\(photo % 3)/\(photo).jpg", Pictures.jpeg(64, 64, seed: photo))
      }
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 8192, rlim_max: 8192)
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let out = photos.path + "/out"
      let set = try PhotoSet(path: photos.path)
      #expect(throws: (any Error).self) { try PackWriter.write(set, as: .rec, to: out) }
      let left = try FileManager.default.contentsOfDirectory(atPath: out)
      withExtendedLifetime(photos) {}
      exit(left.isEmpty ? 0 : 1)
    }
  }

  @Test func recordsThatAnIndexDoesNotNameAreTold() throws {
    let out = try pack()
    #expect(try PhotoSet(path: out).notes == DataNotes())
    let index = out + "/train.idx"
    let lines = try String(contentsOfFile: index, encoding: .utf8).split(separator: "\n")
    let photos = try PhotoSet(path: out).index.photos.count
    try lines.prefix(2).joined(separator: "\n").write(
      toFile: index, atomically: true, encoding: .utf8)
    let set = try PhotoSet(path: out)
    #expect(set.index.photos.count == 2)
    let end = try #require(lines[2].split(separator: "\t").last)
    #expect(
      set.notes.warnings == [
        "\(out)/train.rec has records behind the last of the 2 that \(index) names, from byte "
          + "\(end) on, which are left out; give the .idx that belongs to it, or move the .idx "
          + "away: the records are found without it",
        "\(out)/train.lst names \(photos) photos, the pack has 2: it is another pack's, or photos "
          + "lack; it is left aside",
      ])
    // As it says.
    try FileManager.default.removeItem(atPath: index)
    let found = try PhotoSet(path: out)
    #expect(found.index.photos.count == photos && found.notes == DataNotes())
  }

  @Test func whatOthersWriteForNobodyIsTold() throws {
    for label in ["nan", "None", "-1", "unknown"] {
      let members = Self.members.map { member in
        member.name.hasSuffix("cls") && member.bytes == Array("2".utf8)
          ? Tar.Member(name: member.name, bytes: Array(label.utf8)) : member
      }
      let set = try PhotoSet(path: disk.write("\(label).tar", Tar.archive(members)))
      #expect(
        set.notes.warnings == [
          "3 photos have the label '\(label)', which other programs write where there is none, and "
            + "are taken for one person's; if nobody is meant, leave them out"
        ])
    }
  }

  /// JSON as programs of Windows write it.
  @Test func aByteOrderMarkBeforeJSONIsPassedOver() throws {
    let members = (0..<4).flatMap { sample in
      [
        Tar.Member(name: "\(sample).jpg", bytes: Pictures.jpeg(8, 8, seed: sample)),
        Tar.Member(
          name: "\(sample).json",
          bytes: [0xEF, 0xBB, 0xBF] + Array("{\"label\": \(sample / 2)}".utf8)),
      ]
    }
    let set = try PhotoSet(path: disk.write("marked.tar", Tar.archive(members)))
    #expect(set.index.people == ["0", "1"] && set.index.photos.count == 4)
  }
}
