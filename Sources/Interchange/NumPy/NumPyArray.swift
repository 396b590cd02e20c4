/// The element types that are read.
enum NumPyType: Equatable {
  case numbers(ElementType)
  /// Strings of at most so many characters, each a 32-bit word (`<U7`).
  case text(length: Int)

  static let names: [String: ElementType] = [
    "<f4": .float32, "<f8": .float64, "<f2": .float16, "|u1": .uint8, "|i1": .int8, "|b1": .bool,
    "<i2": .int16, "<u2": .uint16, "<i4": .int32, "<u4": .uint32, "<i8": .int64, "<u8": .uint64,
  ]

  init?(_ word: String) {
    if let type = Self.names[word] {
      self = .numbers(type)
    } else if word.hasPrefix("<U"), let length = Int(word.dropFirst(2)),
      (0...65536).contains(length)
    {
      self = .text(length: length)
    } else {
      return nil
    }
  }

  var byteCount: Int {
    switch self {
    case .numbers(let type): type.byteCount
    case .text(let length): 4 * length
    }
  }
}

/// An array in a part of a file, its header read and its size checked.
struct NumPyArray {
  let header: NumPyHeader
  private let file: PositionedFile
  private let dataStart: Int
  private let count: Int

  /// The array in `byteCount` bytes from `offset` on; throws `InterchangeError`.
  init(_ file: PositionedFile, at offset: Int, byteCount: Int) throws {
    let path = file.path
    let start = try file.bytes(at: offset, count: min(byteCount, 12))
    if start.count < 10 {
      throw InterchangeError.corrupt(path: path, reason: "it has \(start.count) bytes")
    }
    guard start[..<6].elementsEqual(NumPyFile.magic) else {
      throw InterchangeError.malformed(path: path, reason: "it does not start as a .npy file")
    }
    guard (1...3).contains(start[6]), start[7] == 0 else {
      throw InterchangeError.unsupported(
        path: path, reason: "version \(start[6]).\(start[7]) of the format, not 1.0 to 3.0")
    }
    let prefix = start[6] == 1 ? 10 : 12
    let length = start[8..<min(prefix, start.count)].reversed().reduce(0) { $0 << 8 | Int($1) }
    if prefix + length > byteCount {
      throw InterchangeError.corrupt(path: path, reason: "it is cut short in its header")
    }
    let bytes = try file.bytes(at: offset + prefix, count: length)
    let header = try NumPyHeader(String(decoding: bytes, as: UTF8.self), path: path)
    let found = byteCount - prefix - length
    let elements = ElementType.uint8.count(header.shape)
    let size = elements.map { $0.multipliedReportingOverflow(by: header.type.byteCount) }
    guard let elements, let size, !size.overflow, size.partialValue == found else {
      let expected = size.map { $0.overflow ? "too many" : "\($0.partialValue)" } ?? "too many"
      throw InterchangeError.corrupt(
        path: path,
        reason: "its shape \(header.shape) needs \(expected) bytes of data, and \(found) follow")
    }
    self.header = header
    self.file = file
    dataStart = offset + prefix + length
    count = elements
  }

  /// The numbers; throws `InterchangeError`, also for an array of text.
  func floats() throws -> [Float] {
    guard case .numbers(let type) = header.type else {
      throw InterchangeError.unsupported(
        path: file.path, reason: "an array of text, not of numbers")
    }
    return try type.floats(of: file, at: dataStart, count: count)
  }

  /// The strings; throws `InterchangeError`, also for an array of numbers.
  func strings() throws -> [String] {
    guard case .text(let length) = header.type else {
      throw InterchangeError.unsupported(
        path: file.path, reason: "an array of numbers, not of text")
    }
    return try (0..<count).map { row in
      let bytes = try file.bytes(at: dataStart + 4 * length * row, count: 4 * length)
      var text = String.UnicodeScalarView()
      for i in 0..<length {
        let code = bytes.withUnsafeBytes {
          UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
        }
        if code == 0 { break }
        guard let scalar = Unicode.Scalar(code) else {
          throw InterchangeError.malformed(
            path: file.path, reason: "text \(row) holds \(code), which is no character")
        }
        text.append(scalar)
      }
      return String(text)
    }
  }
}

/// The dictionary of a `.npy` file, a Python literal.
struct NumPyHeader {
  var type = NumPyType.numbers(.float32)
  var shape: [Int] = []

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
        guard let type = NumPyType(word) else {
          let names = NumPyType.names.keys.sorted().joined(separator: " ")
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
          // NumPy's own limit.
          guard shape.count < 64 else { throw malformed("its shape has more than 64 sides") }
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
