/// The numbers that tensors of other programs are made of, little endian.
enum ElementType: Sendable, Hashable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8, uint64, uint32, uint16, uint8, bool

  /// Whether elements have an exponent.
  var isFloat: Bool { [.float64, .float32, .float16, .bfloat16].contains(self) }

  /// Bytes of one element.
  var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Reads `count` elements of `file` from byte `offset` on as floats, piece by piece, so that
  /// narrow types need no second copy. Throws `InterchangeError`.
  func floats(of file: PositionedFile, at offset: Int, count: Int) throws -> [Float] {
    try [Float](unsafeUninitializedCapacity: count) { buffer, written in
      if self == .float32 {
        try file.read(
          at: offset,
          into: UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: 4 * count))
      } else {
        let piece = 1 << 15
        var first = 0
        while first < count {
          let size = min(piece, count - first)
          let bytes = try file.bytes(at: offset + first * byteCount, count: size * byteCount)
          bytes.withUnsafeBytes { source in
            for i in 0..<size { buffer[first + i] = float(source, i) }
          }
          first += size
        }
      }
      written = count
    }
  }

  /// Element `index` of `bytes` as a float.
  @inline(__always)
  func float(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Float {
    func word<Word: FixedWidthInteger>(_ type: Word.Type) -> Word {
      Word(
        littleEndian: bytes.loadUnaligned(
          fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self))
    }
    return switch self {
    case .float64: Float(Double(bitPattern: word(UInt64.self)))
    case .float32: Float(bitPattern: word(UInt32.self))
    case .float16: Self.half(word(UInt16.self))
    case .bfloat16: Float(bitPattern: UInt32(word(UInt16.self)) << 16)
    case .int64: Float(word(Int64.self))
    case .int32: Float(word(Int32.self))
    case .int16: Float(word(Int16.self))
    case .int8: Float(word(Int8.self))
    case .uint64: Float(word(UInt64.self))
    case .uint32: Float(word(UInt32.self))
    case .uint16: Float(word(UInt16.self))
    case .uint8, .bool: Float(word(UInt8.self))
    }
  }

  /// The value of a half-precision number (IEEE 754 binary16), exactly.
  private static func half(_ bits: UInt16) -> Float {
    let sign: Float = bits >> 15 == 0 ? 1 : -1
    let exponent = Int(bits >> 10 & 0x1F)
    let fraction = Float(bits & 0x3FF)
    switch exponent {
    case 0: return sign * fraction * 0x1p-24
    case 0x1F: return fraction == 0 ? sign * .infinity : .nan
    default:
      return sign * Float(sign: .plus, exponent: exponent - 15, significand: 1 + fraction * 0x1p-10)
    }
  }

  /// The product of `shape`, nil where a side is negative or its bytes overflow.
  func count(_ shape: [Int]) -> Int? {
    var count = 1
    for side in shape {
      let (next, overflows) = count.multipliedReportingOverflow(by: side)
      if overflows || side < 0 { return nil }
      count = next
    }
    return count.multipliedReportingOverflow(by: byteCount).overflow ? nil : count
  }
}
