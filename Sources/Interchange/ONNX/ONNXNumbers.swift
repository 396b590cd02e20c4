/// The numbers of tensors in the messages of an ONNX file (onnx.proto, TensorProto).
enum ONNXNumbers {
  /// How the numbers of a field of a tensor are stored.
  private enum Storage {
    case raw, words32, words64, variable

    /// That of field `number` for elements of `type`; nil where it holds none of them.
    init?(_ number: Int, of type: ElementType) {
      switch (number, type) {
      case (9, _): self = .raw
      case (4, .float32): self = .words32
      case (10, .float64): self = .words64
      case (5, .int32), (5, .int16), (5, .int8), (5, .uint16), (5, .uint8), (5, .bool),
        (5, .float16), (5, .bfloat16), (7, .int64), (11, .uint64), (11, .uint32):
        self = .variable
      default: return nil
      }
    }
  }

  /// How many numbers the message in `range` stores.
  static func count(
    in range: Range<Int>, of bytes: [UInt8], as type: ElementType
  ) throws -> Int {
    var count = 0
    try forEachNumber(in: range, of: bytes, as: type) { range in
      guard range.count % type.byteCount == 0 else {
        throw ProtobufReader.Problem(
          message: "a tensor has \(range.count) bytes of numbers of \(type.byteCount)")
      }
      count += range.count / type.byteCount
    } body: { _ in
      count += 1
    }
    return count
  }

  /// Calls `raw` with where elements lie as they are, and `body` with the bits of each other one.
  private static func forEachNumber(
    in range: Range<Int>, of bytes: [UInt8], as type: ElementType,
    raw: (Range<Int>) throws -> Void, body: (UInt64) -> Void
  ) throws {
    var reader = ProtobufReader(bytes, range)
    while let field = try reader.next() {
      guard let storage = Storage(field.number, of: type) else { continue }
      switch (storage, field.value) {
      case (.raw, .bytes(let range)): try raw(range)
      case (.words32, .fixed32(let bits)): body(UInt64(bits))
      case (.words64, .fixed64(let bits)), (.variable, .variable(let bits)): body(bits)
      case (_, .bytes(let range)):
        var numbers = ProtobufReader(bytes, range)
        while !numbers.isAtEnd {
          switch storage {
          case .words32: body(UInt64(try numbers.fixed(UInt32.self)))
          case .words64: body(try numbers.fixed(UInt64.self))
          default: body(try numbers.variable())
          }
        }
      default:
        throw ProtobufReader.Problem(message: "the field at byte \(field.place) holds no numbers")
      }
    }
  }

  /// The elements of a tensor that has been read, each from its bytes and its number in them.
  private static func elements<Element>(
    of tensor: ONNXTensor, in bytes: [UInt8],
    _ element: (UnsafeRawBufferPointer, Int) -> Element
  ) -> [Element] {
    var elements: [Element] = []
    elements.reserveCapacity(tensor.count)
    // The file was read once, and nothing has changed it since.
    try! forEachNumber(in: tensor.message, of: bytes, as: tensor.type) { range in
      bytes.withUnsafeBytes { all in
        let raw = UnsafeRawBufferPointer(rebasing: all[range])
        for i in 0..<range.count / tensor.type.byteCount { elements.append(element(raw, i)) }
      }
    } body: { bits in
      withUnsafeBytes(of: bits.littleEndian) { elements.append(element($0, 0)) }
    }
    return elements
  }

  static func floats(of tensor: ONNXTensor, in bytes: [UInt8]) -> [Float] {
    elements(of: tensor, in: bytes) { tensor.type.float($0, $1) }
  }

  static func integers(of tensor: ONNXTensor, in bytes: [UInt8]) -> [Int] {
    elements(of: tensor, in: bytes) { tensor.type.integer($0, $1) }
  }
}

extension ElementType {
  /// Element `index` of `bytes`, which are whole numbers, as one of 64 bits.
  fileprivate func integer(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Int {
    func word<Word: FixedWidthInteger>(_ type: Word.Type) -> Int {
      Int(
        truncatingIfNeeded: Word(
          littleEndian: bytes.loadUnaligned(
            fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)))
    }
    return switch self {
    case .int64, .uint64, .float64: word(Int64.self)
    case .int32, .float32: word(Int32.self)
    case .uint32: word(UInt32.self)
    case .int16: word(Int16.self)
    case .uint16, .float16, .bfloat16: word(UInt16.self)
    case .int8: word(Int8.self)
    case .uint8, .bool: word(UInt8.self)
    }
  }
}
