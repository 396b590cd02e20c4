private import Preconditions

/// Arrays in NumPy's `.npy` format (numpy/lib/format.py), versions 1 to 3.
package enum NumPyFile {
  /// An array as read: `values` in C order, whose count is the product of `shape`.
  package struct Contents: Sendable, Equatable {
    package let shape: [Int]
    package let values: [Float]

    package init(shape: [Int], values: [Float]) {
      self.shape = shape
      self.values = values
    }
  }

  /// Reads an array of floats, integers or bytes as `Float`; throws `InterchangeError`.
  package static func read(_ path: String) throws -> Contents {
    let file = try PositionedFile(path: path)
    let start = try file.bytes(at: 0, count: min(file.byteCount, 12))
    if start.count < 10 {
      throw InterchangeError.corrupt(path: path, reason: "it has \(start.count) bytes")
    }
    guard start[..<6].elementsEqual(magic) else {
      throw InterchangeError.malformed(path: path, reason: "it does not start as a .npy file")
    }
    guard (1...3).contains(start[6]), start[7] == 0 else {
      throw InterchangeError.unsupported(
        path: path, reason: "version \(start[6]).\(start[7]) of the format, not 1.0 to 3.0")
    }
    let prefix = start[6] == 1 ? 10 : 12
    let length = start[8..<min(prefix, start.count)].reversed().reduce(0) { $0 << 8 | Int($1) }
    if prefix + length > file.byteCount {
      throw InterchangeError.corrupt(path: path, reason: "it is cut short in its header")
    }
    let text = String(decoding: try file.bytes(at: prefix, count: length), as: UTF8.self)
    let header = try NumPyHeader(text, path: path)
    let found = file.byteCount - prefix - length
    guard let count = header.count, header.type.byteCount * count == found else {
      let expected = header.count.map { "\($0 * header.type.byteCount)" } ?? "too many"
      throw InterchangeError.corrupt(
        path: path,
        reason: "its shape \(header.shape) needs \(expected) bytes of data, and \(found) follow")
    }
    let values: [Float]
    if header.type == .float32 {
      values = try [Float](unsafeUninitializedCapacity: count) { buffer, written in
        try file.read(
          at: prefix + length,
          into: UnsafeMutableRawBufferPointer(
            rebasing: UnsafeMutableRawBufferPointer(buffer)[..<found]))
        written = count
      }
    } else {
      values = header.type.floats(try file.bytes(at: prefix + length, count: found))
    }
    return Contents(shape: header.shape, values: values)
  }

  /// Writes `values` [shape] as float32 in version 1, the very bytes of `numpy.save`, whole or not
  /// at all; throws `InterchangeError.unwritable`.
  package static func write(
    _ values: UnsafeBufferPointer<Float>, shape: [Int], to path: String
  ) throws {
    require(
      shape.reduce(1, *) == values.count,
      "NumPyFile.write: shape \(shape) for \(values.count) values")
    let file = try AtomicFile(path: path)
    try file.append(header(shape: shape))
    try file.append(UnsafeRawBufferPointer(values))
    try file.commit()
  }

  /// Writes `values` [shape]; see `write(_:shape:to:)` on memory.
  package static func write(_ values: [Float], shape: [Int], to path: String) throws {
    try values.withUnsafeBufferPointer { try write($0, shape: shape, to: path) }
  }

  /// Writes `bytes` [shape] as int8, as above.
  package static func write(bytes: [Int8], shape: [Int], to path: String) throws {
    require(
      shape.reduce(1, *) == bytes.count,
      "NumPyFile.write: shape \(shape) for \(bytes.count) values")
    let file = try AtomicFile(path: path)
    try file.append(header(shape: shape, type: "|i1"))
    try bytes.withUnsafeBytes { try file.append($0) }
    try file.commit()
  }

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// The prefix and header of an array, a multiple of 64 bytes.
  private static func header(shape: [Int], type: String = "<f4") -> [UInt8] {
    let sides = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sides)), }"
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    let length = text.utf8.count
    require(length <= 0xFFFF, "NumPyFile.write: \(shape.count) dimensions are too many")
    return magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(text.utf8)
  }
}

/// The element types that are read.
private enum NumPyType: String, CaseIterable {
  case float32 = "<f4"
  case float64 = "<f8"
  case float16 = "<f2"
  case uint8 = "|u1"
  case int8 = "|i1"
  case bool = "|b1"
  case int16 = "<i2"
  case uint16 = "<u2"
  case int32 = "<i4"
  case uint32 = "<u4"
  case int64 = "<i8"
  case uint64 = "<u8"

  var byteCount: Int { Int(rawValue.suffix(1)) ?? 1 }

  func floats(_ bytes: [UInt8]) -> [Float] {
    switch self {
    case .float32: Self.map(bytes) { (bits: UInt32) in Float(bitPattern: bits) }
    case .float64: Self.map(bytes) { (bits: UInt64) in Float(Double(bitPattern: bits)) }
    case .float16: Self.map(bytes, Self.half)
    case .uint8, .bool: bytes.map { Float($0) }
    case .int8: bytes.map { Float(Int8(bitPattern: $0)) }
    case .int16: Self.map(bytes) { (value: Int16) in Float(value) }
    case .uint16: Self.map(bytes) { (value: UInt16) in Float(value) }
    case .int32: Self.map(bytes) { (value: Int32) in Float(value) }
    case .uint32: Self.map(bytes) { (value: UInt32) in Float(value) }
    case .int64: Self.map(bytes) { (value: Int64) in Float(value) }
    case .uint64: Self.map(bytes) { (value: UInt64) in Float(value) }
    }
  }

  private static func map<Word: FixedWidthInteger>(
    _ bytes: [UInt8], _ convert: (Word) -> Float
  ) -> [Float] {
    bytes.withUnsafeBytes { raw in
      (0..<raw.count / MemoryLayout<Word>.size).map { index in
        let offset = index * MemoryLayout<Word>.size
        return convert(
          Word(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: Word.self)))
      }
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
}

/// The dictionary of a `.npy` file, a Python literal.
private struct NumPyHeader {
  var type = NumPyType.float32
  var shape: [Int] = []

  /// The product of the shape; nil where it overflows.
  var count: Int? {
    var count = 1
    for side in shape {
      let (next, overflows) = count.multipliedReportingOverflow(by: side)
      if overflows { return nil }
      count = next
    }
    return count.multipliedReportingOverflow(by: 8).overflow ? nil : count
  }

  init(_ text: String, path: String) throws {
    func malformed(_ reason: String) -> InterchangeError { .malformed(path: path, reason: reason) }
    var rest = Substring(text).drop { $0 == " " }
    func skip() { rest = rest.drop { $0 == " " || $0 == "\n" } }
    func take(_ word: String) -> Bool {
      skip()
      guard rest.hasPrefix(word) else { return false }
      rest = rest.dropFirst(word.count)
      return true
    }
    func quoted() throws -> String {
      for quote in ["'", "\""] where take(quote) {
        guard let end = rest.firstIndex(of: Character(quote)) else { break }
        defer { rest = rest[rest.index(after: end)...] }
        return String(rest[..<end])
      }
      throw malformed("its header is not a dictionary of quoted names")
    }
    guard take("{") else { throw malformed("its header is not a dictionary") }
    var seen: Set<String> = []
    while !take("}") {
      let key = try quoted()
      guard seen.insert(key).inserted, take(":") else {
        throw malformed("its header is not a dictionary of distinct names")
      }
      switch key {
      case "descr":
        if take("[") {
          throw InterchangeError.unsupported(path: path, reason: "an array of records")
        }
        let word = try quoted()
        guard let type = NumPyType(rawValue: word) else {
          let names = NumPyType.allCases.map(\.rawValue).joined(separator: " ")
          throw InterchangeError.unsupported(
            path: path, reason: "elements of type '\(word)', not one of \(names)")
        }
        self.type = type
      case "fortran_order":
        if take("True") {
          throw InterchangeError.unsupported(
            path: path, reason: "an array in Fortran order; save numpy.ascontiguousarray of it")
        }
        guard take("False") else { throw malformed("its fortran_order is not a truth value") }
      case "shape":
        guard take("(") else { throw malformed("its shape is not a tuple") }
        while !take(")") {
          skip()
          let digits = rest.prefix { $0.isASCII && $0.isNumber }
          guard let side = Int(digits) else { throw malformed("its shape is not of whole numbers") }
          shape.append(side)
          rest = rest.dropFirst(digits.count)
          guard take(",") || rest.first == ")" else { throw malformed("its shape is not a tuple") }
        }
      default: throw malformed("its header has the unknown name '\(key)'")
      }
      guard take(",") || rest.first == "}" else { throw malformed("its header has no end") }
    }
    skip()
    guard seen.count == 3, rest.isEmpty else {
      throw malformed("its header is not a dictionary of descr, fortran_order and shape")
    }
  }
}
