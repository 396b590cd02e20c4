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
