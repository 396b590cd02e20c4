import Determinism
import Testing

@Suite struct Hash64Tests {
  /// Published vectors of XXH64 with seed 0 (xxhsum 0.8).
  @Test(
    arguments: [
      ("", 0xef46_db37_51d8_e999), ("a", 0xd24e_c4f1_a98c_6e5b), ("abc", 0x44bc_2cf5_ad77_0999),
      ("The quick brown fox jumps over the lazy dog", 0x0b24_2d36_1fda_71bc),
    ] as [(String, UInt64)])
  func equalsThePublishedVectors(text: String, expected: UInt64) {
    #expect(Hash64.of(text) == expected)
  }

  /// In parts, of which another process goes on from the one before.
  @Test(arguments: [0, 1, 31, 32, 63, 64, 100, 1_003]) func partsHaveTheHashOfTheWhole(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 5) }
    let whole = bytes.withUnsafeBytes { Hash64.of($0) }
    for first in stride(from: 0, through: count, by: Hash64Stream.unit) {
      bytes.withUnsafeBytes { bytes in
        var stream = Hash64Stream()
        stream.add(UnsafeRawBufferPointer(rebasing: bytes[..<first]))
        var next = Hash64Stream(words: stream.words)
        next.add(UnsafeRawBufferPointer(rebasing: bytes[first...]))
        #expect(next.hash == whole, "\(first) of \(count) bytes first")
      }
    }
  }

  @Test func printsSixteenDigits() {
    #expect(Hash64.text(0xab) == "00000000000000ab")
  }

  @Test func everyByteCounts() {
    let bytes = [UInt8](repeating: 7, count: 100)
    let hash = bytes.withUnsafeBytes { Hash64.of($0) }
    for i in bytes.indices {
      var changed = bytes
      changed[i] ^= 1
      #expect(changed.withUnsafeBytes { Hash64.of($0) } != hash)
    }
  }
}
