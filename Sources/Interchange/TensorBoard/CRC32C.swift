/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as TFRecord frames have it.
package enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    var word = UInt32(byte)
    for _ in 0..<8 { word = word & 1 == 1 ? word >> 1 ^ 0x82F6_3B78 : word >> 1 }
    return word
  }

  /// The checksum of `bytes`.
  package static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    table.withUnsafeBufferPointer { table in
      for byte in bytes { crc = crc >> 8 ^ table[Int((crc ^ UInt32(byte)) & 0xFF)] }
    }
    return ~crc
  }

  /// The checksum rotated and shifted, so that a checksum of data with checksums in them is none.
  package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
    let crc = of(bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}
