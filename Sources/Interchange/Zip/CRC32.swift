/// CRC-32 of zip files (reflected polynomial 0xEDB88320), eight bytes at a step.
struct CRC32 {
  private static let tables: [[UInt32]] = {
    var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
    for i in 0..<256 {
      var word = UInt32(i)
      for _ in 0..<8 { word = word & 1 == 1 ? word >> 1 ^ 0xEDB8_8320 : word >> 1 }
      tables[0][i] = word
    }
    for i in 0..<256 {
      for t in 1..<8 {
        let before = tables[t - 1][i]
        tables[t][i] = before >> 8 ^ tables[0][Int(before & 0xFF)]
      }
    }
    return tables
  }()

  private static let flat: [UInt32] = tables.flatMap { $0 }

  private var state: UInt32 = 0xFFFF_FFFF

  /// The checksum of what was added.
  var value: UInt32 { ~state }

  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var crc = state
    Self.flat.withUnsafeBufferPointer { table in
      var i = 0
      while i + 8 <= bytes.count {
        let word =
          UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self))
          ^ UInt64(crc)
        var next: UInt32 = 0
        for byte in 0..<8 {
          next ^= table[(7 - byte) * 256 + Int(word >> (8 * UInt64(byte)) & 0xFF)]
        }
        crc = next
        i += 8
      }
      while i < bytes.count {
        crc = crc >> 8 ^ table[Int((crc ^ UInt32(bytes[i])) & 0xFF)]
        i += 1
      }
    }
    state = crc
  }
}
