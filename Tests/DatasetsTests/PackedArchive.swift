import Foundation
import Interchange

/// A zip of packed members whose checksums are made to fit what they unpack to, so that what is
/// broken in them gets further than to the checksum.
enum PackedArchive {
  static func mend(_ path: String) throws {
    let url = URL(fileURLWithPath: path)
    var file = [UInt8](try Data(contentsOf: url))
    func number(_ at: Int, _ count: Int) -> Int {
      file[at..<at + count].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    for at in file.indices.dropLast(45) where file[at..<at + 4].elementsEqual([0x50, 0x4B, 1, 2]) {
      let (packed, unpacked, local) = (number(at + 20, 4), number(at + 24, 4), number(at + 42, 4))
      guard local + 30 <= file.count else { continue }
      let start = local + 30 + number(local + 26, 2) + number(local + 28, 2)
      guard start + packed <= file.count,
        let bytes = try? Inflate.bytes(of: Array(file[start..<start + packed]), count: unpacked)
      else { continue }
      let checksum = withUnsafeBytes(of: Self.checksum(bytes).littleEndian) { Array($0) }
      file.replaceSubrange(at + 16..<at + 20, with: checksum)
      file.replaceSubrange(local + 14..<local + 18, with: checksum)
    }
    try Data(file).write(to: url)
  }

  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var value: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
    return ~value
  }
}
