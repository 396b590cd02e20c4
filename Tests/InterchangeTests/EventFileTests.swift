import Foundation
import Interchange
import Testing

@Suite struct EventFileTests {
  private func bytes(_ hex: String) -> [UInt8] {
    let digits = hex.filter { $0 != " " }
    return stride(from: 0, to: digits.count, by: 2).map { at in
      UInt8(digits.dropFirst(at).prefix(2), radix: 16)!
    }
  }

  @Test("The checksums of facts")
  func checksums() {
    #expect(CRC32C.of(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.masked(Array("123456789".utf8)) == 0xC78A_B0E5)
    #expect(CRC32C.of([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.masked([UInt8](repeating: 0, count: 32)) == 0x0FD7_FFFA)
    #expect(CRC32C.of([]) == 0 && CRC32C.masked([]) == 0xA282_EAD8)
  }

  @Test("The file of facts: the version, then loss 0.25 after step 7")
  func frames() {
    let first = EventFile.frame(EventFile.version(seconds: 1.5))
    let expected = bytes(
      "1800000000000000a37f4b22 09000000000000f83f1a0d627261696e2e4576656e743a32 2a28646c")
    #expect(first == expected)
    let event = EventFile.event([("loss", .scalar(0.25))], step: 7, seconds: 2.5)
    let second = bytes(
      "1a00000000000000129bd82d 09000000000000044010072a0d0a0b0a046c6f7373150000803e a884b989")
    #expect(EventFile.frame(event) == second)
  }

  @Test func filesHaveNamesOfTheirOwnAndGrow() throws {
    let folder = try TemporaryFolder()
    let first = try EventFile(folder: folder.path, seconds: 1_700_000_000, resumedAfter: 0)
    let second = try EventFile(folder: folder.path, seconds: 1_700_000_000, resumedAfter: 5)
    #expect(first.path != second.path && folder.names.count == 2)
    #expect(folder.names.allSatisfy { $0.hasPrefix("events.out.tfevents.1700000000.") })
    let before = try Data(contentsOf: URL(fileURLWithPath: first.path)).count
    try first.write([("a", .scalar(1))], step: 1, seconds: 3)
    let after = try Data(contentsOf: URL(fileURLWithPath: first.path)).count
    let event = EventFile.event([("a", .scalar(1))], step: 1, seconds: 3)
    #expect(after - before == event.count + 16)
    #expect(throws: InterchangeError.self) {
      try EventFile(folder: folder.path + "/none", seconds: 1, resumedAfter: 0)
    }
  }

  @Test func histogramsCountEveryFiniteValue() {
    let values: [Float] = [-1, -0.5, 0, 0.25, 3, .nan, .infinity]
    let histogram = values.withUnsafeBufferPointer { EventHistogram($0, bucketCount: 4) }
    #expect(histogram.counts == [2, 2, 0, 1] && histogram.limits == [0, 1, 2, 3])
    #expect(histogram.count == 5 && histogram.minimum == -1 && histogram.maximum == 3)
    #expect(histogram.sum == 1.75 && histogram.sumOfSquares == 10.3125)
    let one = [Float](repeating: 2, count: 3).withUnsafeBufferPointer { EventHistogram($0) }
    #expect(one.counts == [3] && one.minimum == 2 && one.maximum == 2)
    let bins = EventHistogram(counts: [0, 2, 1, 0], width: 0.5)
    #expect(bins.count == 3 && bins.minimum == 0.5 && bins.maximum == 1.5)
    #expect(bins.sum == 2 * 0.75 + 1.25 && bins.limits == [0.5, 1, 1.5, 2])
  }
}
