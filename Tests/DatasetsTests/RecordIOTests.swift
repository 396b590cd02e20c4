import Datasets
import Foundation
import Testing

/// RecordIO as MXNet itself writes and reads it.
@Suite struct RecordIOTests {
  private static let magic: [UInt8] = [0x0A, 0x23, 0xD7, 0xCE]

  @Test("A pack that MXNet 1.9.1 has written, with the magic word within a photo")
  func readsWhatMXNetWrites() throws {
    let set = try PhotoSet(path: Pictures.fixtures.appendingPathComponent("mxnet.rec").path)
    #expect(set.format == .recordIO && set.notes == DataNotes())
    #expect(set.index.people == ["3", "5"] && set.index.photos.map(\.person) == [0, 1, 0])
    #expect(
      try PackTests.contents(set) == [
        Array("one!?".utf8), Array("abcd".utf8) + Self.magic + Array("efg".utf8),
        Array("three".utf8),
      ])
    // Without its index, and by its bytes where the name says nothing.
    let disk = TemporaryFolder()
    let pack = try Pictures.fixture("mxnet.rec")
    for name in ["alone.rec", "alone.data"] {
      let alone = try PhotoSet(path: disk.write(name, pack))
      #expect(alone.format == .recordIO)
      #expect(try PackTests.contents(alone) == PackTests.contents(set))
    }
  }

  @Test("What pack writes begins with dmlc's word")
  func writesTheTrueWord() throws {
    let out = TemporaryFolder()
    let disk = PackTests.folder()
    _ = try PackWriter.write(PhotoSet(path: disk.path), as: .rec, to: out.path + "/p")
    withExtendedLifetime(disk) {}
    let bytes = try Data(contentsOf: URL(fileURLWithPath: out.path + "/p/train.rec"))
    #expect(Array(bytes.prefix(4)) == Self.magic)
  }

  @Test("Packs of ddp-train 0.1, which have another word, are read, and one line says so")
  func readsThePacksOfBefore() throws {
    let disk = TemporaryFolder()
    let pack = try Pictures.fixture("mxnet.rec")
    let before: [UInt8] = [0x0A, 0x23, 0xD7, 0x3E]
    var old = pack
    for place in stride(from: 0, to: pack.count - 3, by: 4)
    where Array(pack[place..<place + 4]) == Self.magic {
      old.replaceSubrange(place..<place + 4, with: before)
    }
    disk.write("old.rec", old)
    disk.write("old.idx", try Pictures.fixture("mxnet.idx"))
    let set = try PhotoSet(path: disk.path + "/old.rec")
    #expect(try PackTests.contents(set)[1] == Array("abcd".utf8) + before + Array("efg".utf8))
    #expect(set.notes.warnings.isEmpty && set.notes.remarks.count == 1)
    #expect(set.notes.remarks[0].contains("was written by ddp-train 0.1"))
    #expect(try PhotoSet(path: disk.write("old.data", old)).format == .recordIO)
    // Packed again it is as MXNet has it.
    _ = try PackWriter.write(set, as: .rec, to: disk.path + "/new.rec")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: disk.path + "/new.rec"))
    #expect(Array(bytes.prefix(4)) == Self.magic)
  }

  /// InsightFace's layout whose people's records no longer follow the photos' labels.
  @Test func rangesThatContradictTheRecordsAreNotFollowed() throws {
    let out = TemporaryFolder()
    let disk = PackTests.folder()
    _ = try PackWriter.write(PhotoSet(path: disk.path), as: .rec, to: out.path + "/p")
    withExtendedLifetime(disk) {}
    try FileManager.default.removeItem(atPath: out.path + "/p/train.lst")
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: out.path + "/p/train.rec")))
    let offsets = try String(contentsOfFile: out.path + "/p/train.idx", encoding: .utf8)
      .split(separator: "\n").map { Int($0.split(separator: "\t")[1])! }
    // Photo i shows person i mod 4.
    for photo in 0..<13 {
      withUnsafeBytes(of: Float(photo % 4).bitPattern.littleEndian) {
        bytes.replaceSubrange(offsets[photo] + 12..<offsets[photo] + 16, with: $0)
      }
    }
    out.write("p/train.rec", bytes)
    let set = try PhotoSet(path: out.path + "/p")
    #expect(set.index.photos.map(\.person) == (0..<13).map { $0 % 4 })
    #expect(set.notes.warnings.count == 1)
    #expect(set.notes.warnings.first?.contains("contradict the labels") == true)
  }
}
