/// The element types that are read, and the order of their bytes.
struct NumPyType: Equatable {
  enum Kind: Equatable {
    case numbers(ElementType)
    /// Strings of at most so many characters, each a 32-bit word (`<U7`).
    case text(length: Int)
    /// Strings of at most so many bytes (`|S7`).
    case bytes(length: Int)
  }

  let kind: Kind
  let isBigEndian: Bool

  static let names: [String: ElementType] = [
    "f4": .float32, "f8": .float64, "f2": .float16, "u1": .uint8, "i1": .int8, "b1": .bool,
    "i2": .int16, "u2": .uint16, "i4": .int32, "u4": .uint32, "i8": .int64, "u8": .uint64,
  ]

  init(_ kind: Kind, isBigEndian: Bool = false) {
    self.kind = kind
    self.isBigEndian = isBigEndian
  }

  /// The type that NumPy calls `word`, such as `<f4`; nil for others.
  init?(_ word: String) {
    guard let order = word.first, "<>|=".contains(order) else { return nil }
    let name = word.dropFirst()
    isBigEndian = order == ">"
    if let type = Self.names[String(name)] {
      kind = .numbers(type)
    } else if let letter = name.first, let length = Int(name.dropFirst()),
      (0...65536).contains(length), letter == "U" || letter == "S"
    {
      kind = letter == "U" ? .text(length: length) : .bytes(length: length)
    } else {
      return nil
    }
  }

  var byteCount: Int {
    switch kind {
    case .numbers(let type): type.byteCount
    case .text(let length): 4 * length
    case .bytes(let length): length
    }
  }
}

/// Bytes in a part of a file, or of a member that was unpacked from one.
enum NumPyBytes {
  case stored(PositionedFile, Range<Int>)
  case unpacked([UInt8], path: String)

  var path: String {
    switch self {
    case .stored(let file, _): file.path
    case .unpacked(_, let path): path
    }
  }

  var count: Int {
    switch self {
    case .stored(_, let range): range.count
    case .unpacked(let bytes, _): bytes.count
    }
  }

  /// The `count` bytes from `offset`, which there must be; throws `InterchangeError`.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    switch self {
    case .stored(let file, let range):
      try file.bytes(at: range.lowerBound + offset, count: count)
    case .unpacked(let bytes, _): Array(bytes[offset..<offset + count])
    }
  }
}

/// An array of a file, its header read and its size checked.
struct NumPyArray {
  let header: NumPyHeader
  let source: NumPyBytes
  /// Where the elements begin in `source`.
  let dataStart: Int
  private let count: Int

  /// The array that fills `source`; throws `InterchangeError`.
  init(_ source: NumPyBytes) throws {
    let path = source.path
    let byteCount = source.count
    let start = try source.bytes(at: 0, count: min(byteCount, 12))
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
    let bytes = try source.bytes(at: prefix, count: length)
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
    self.source = source
    dataStart = prefix + length
    count = elements
  }

  /// Whether the elements are strings.
  var isText: Bool {
    if case .numbers = header.type.kind { return false }
    return true
  }

  /// The numbers in C order; throws `InterchangeError`, also for an array of text.
  func floats() throws -> [Float] {
    guard case .numbers(let type) = header.type.kind else {
      throw InterchangeError.unsupported(
        path: source.path, reason: "an array of text, not of numbers")
    }
    let values = try inOrderOfFile(type)
    return header.isFortran ? Self.transposed(values, header.shape) : values
  }

  private func inOrderOfFile(_ type: ElementType) throws -> [Float] {
    if case .stored(let file, let range) = source, !header.type.isBigEndian {
      return try type.floats(of: file, at: range.lowerBound + dataStart, count: count)
    }
    return try [Float](unsafeUninitializedCapacity: count) { buffer, written in
      let piece = 1 << 15
      let width = type.byteCount
      for first in stride(from: 0, to: count, by: piece) {
        let size = min(piece, count - first)
        var bytes = try source.bytes(at: dataStart + first * width, count: size * width)
        if header.type.isBigEndian, width > 1 {
          for element in 0..<size { bytes[element * width..<(element + 1) * width].reverse() }
        }
        bytes.withUnsafeBytes { bytes in
          for i in 0..<size { buffer[first + i] = type.float(bytes, i) }
        }
      }
      written = count
    }
  }

  /// Elements in Fortran order (the first index runs fastest) in C order.
  private static func transposed(_ values: [Float], _ shape: [Int]) -> [Float] {
    guard shape.count > 1, values.count > 1 else { return values }
    var strides = [Int](repeating: 1, count: shape.count)
    for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
    var ordered: [Float] = []
    ordered.reserveCapacity(values.count)
    StridedPlaces.forEach(shape: shape, strides: strides) { ordered.append(values[$0]) }
    return ordered
  }

  /// The strings; throws `InterchangeError`, also for an array of numbers.
  func strings() throws -> [String] {
    switch header.type.kind {
    case .numbers:
      throw InterchangeError.unsupported(
        path: source.path, reason: "an array of numbers, not of text")
    case .text(let length):
      return try (0..<count).map { row in
        try characters(
          of: source.bytes(at: dataStart + 4 * length * row, count: 4 * length), row: row)
      }
    case .bytes(let length):
      return try (0..<count).map { row in
        let bytes = try source.bytes(at: dataStart + length * row, count: length)
        let text = String(validating: bytes[..<Self.end(of: bytes)], as: UTF8.self)
        guard let text else {
          throw InterchangeError.malformed(path: source.path, reason: "text \(row) is not UTF-8")
        }
        return text
      }
    }
  }

  /// NumPy fills strings up with zeros.
  private static func end(of bytes: [UInt8]) -> Int {
    (bytes.lastIndex { $0 != 0 } ?? -1) + 1
  }

  private func characters(of bytes: [UInt8], row: Int) throws -> String {
    var text = String.UnicodeScalarView()
    for i in 0..<bytes.count / 4 {
      let word = bytes.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
      }
      let code = header.type.isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
      if code == 0 { break }
      guard let scalar = Unicode.Scalar(code) else {
        throw InterchangeError.malformed(
          path: source.path, reason: "text \(row) holds \(code), which is no character")
      }
      text.append(scalar)
    }
    return String(text)
  }
}

/// The dictionary of a `.npy` file, a Python literal.
struct NumPyHeader {
  var type = NumPyType(.numbers(.float32))
  var shape: [Int] = []
  /// Whether the first index runs fastest.
  var isFortran = false

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
            path: path,
            reason: word == "|O"
              ? "an array of Python objects; save it as numbers or text"
              : "elements of type '\(word)', not one of \(names)")
        }
        self.type = type
      case "fortran_order":
        isFortran = take("True")
        guard isFortran || take("False") else {
          throw malformed("its fortran_order is not a truth value")
        }
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
