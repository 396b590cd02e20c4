/// A verification set of InsightFace (`lfw.bin`; eval/verification.py, rec2pack.py): a pickle of a
/// list of encoded images, two for each pair, and a list that says which pairs show one person.
///
/// The pickle is read as data, of protocols 2, 4 and 5: images as byte strings, as what Python 3
/// writes for them at protocol 2, and as NumPy arrays of bytes; truths as Python's or NumPy's, or
/// as one NumPy array of them.
package struct VerificationBin: Sendable {
  private enum Image: Sendable {
    case stored(Range<Int>)
    case made([UInt8])
  }

  /// Where the file is.
  package let path: String
  /// Whether pair i, photos 2i and 2i + 1, shows one person.
  package let isSame: [Bool]
  private let bytes: [UInt8]
  private let images: [Image]

  /// Reads the file at `path`; throws `InterchangeError`. `onBytes` is told of every count of bytes
  /// read.
  package init(path: String, onBytes: (Int) -> Void = { _ in }) throws {
    bytes = try PositionedFile(path: path).allBytes(onBytes: onBytes)
    self.path = path
    do {
      let (document, _) = try PickleReader.read(bytes[...], fileByteCount: bytes.count)
      guard let parts = document.elements(document.root), parts.count == 2,
        let items = document.elements(parts[0]) ?? Self.objects(of: parts[0], document)
      else {
        throw PickleProblem(message: "it is no pair of a list of images and a list of truths")
      }
      let source = bytes
      isSame = try Self.truths(parts[1], document, source)
      guard items.count == 2 * isSame.count, !isSame.isEmpty else {
        throw PickleProblem(message: "it has \(items.count) images for \(isSame.count) pairs")
      }
      images = try items.map { try Self.image($0, document, source) }
    } catch let problem as PickleProblem {
      throw problem.error(path: path)
    }
  }

  /// Two photos a pair.
  package var photoCount: Int { images.count }

  /// Lends the encoded image `photo` to `body`.
  package func withImage<Result>(
    _ photo: Int, _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    switch images[photo] {
    case .stored(let range):
      bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    case .made(let bytes): bytes.withUnsafeBytes { body($0) }
    }
  }

  private static func arguments(
    _ value: PickleDocument.Value, _ document: PickleDocument
  ) -> [PickleDocument.Value] {
    guard case .object(_, let arguments, _) = document[value] else { return [] }
    return document.elements(arguments) ?? []
  }

  /// The elements of a NumPy array of objects.
  private static func objects(
    of value: PickleDocument.Value, _ document: PickleDocument
  ) -> [PickleDocument.Value]? {
    guard document.callee(value)?.hasSuffix("multiarray._reconstruct") == true,
      let parts = document.states[value].flatMap(document.elements), parts.count == 5
    else { return nil }
    return document.elements(parts[4])
  }

  private static func image(
    _ value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) throws -> Image {
    switch document[value] {
    case .bytes(let range): return .stored(range)
    case .object:
      let callee = document.callee(value) ?? ""
      let given = arguments(value, document)
      if callee == "_codecs.encode", given.count == 2, let text = document.text(given[0]),
        document.text(given[1]) == "latin1"
      {
        let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
        guard bytes.count == text.unicodeScalars.count else { break }
        return .made(bytes)
      }
      if callee.hasSuffix("multiarray._reconstruct"), let state = document.states[value],
        let parts = document.elements(state), parts.count == 5
      {
        return try array(parts[4], shape: parts[1], document, source)
      }
      if callee.hasSuffix("multiarray.scalar"), given.count == 2,
        document.callee(given[1]).map({ $0 == "_codecs.encode" }) ?? true
      {
        return try image(given[1], document, source)
      }
      if callee.hasSuffix("numeric._frombuffer"), given.count >= 3 {
        return try array(given[0], shape: given[2], document, source)
      }
    default: break
    }
    throw PickleProblem(message: "one of its images is no string of bytes")
  }

  /// The bytes of an array of single bytes.
  private static func array(
    _ raw: PickleDocument.Value, shape: PickleDocument.Value, _ document: PickleDocument,
    _ source: [UInt8]
  ) throws -> Image {
    // Bytes hold no bytes of their own, so this goes no deeper.
    guard document.callee(raw).map({ $0 == "_codecs.encode" }) ?? true else {
      throw PickleProblem(message: "one of its arrays holds no bytes")
    }
    let image = try image(raw, document, source)
    let count =
      switch image {
      case .stored(let range): range.count
      case .made(let bytes): bytes.count
      }
    let sides = document.integers(shape) ?? []
    let product = sides.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    guard !sides.isEmpty, product == count else {
      throw PickleProblem(message: "one of its arrays is not of bytes: \(sides), \(count) bytes")
    }
    return image
  }

  private static func truths(
    _ value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) throws -> [Bool] {
    if let elements = document.elements(value) {
      return try elements.map { try truth($0, document, source) }
    }
    let parts = document.states[value].flatMap(document.elements) ?? []
    let given = arguments(value, document)
    let callee = document.callee(value) ?? ""
    let (raw, type) =
      if callee.hasSuffix("multiarray._reconstruct"), parts.count == 5 {
        (parts[4], parts[2])
      } else if callee.hasSuffix("numeric._frombuffer"), given.count >= 3 {
        (given[0], given[1])
      } else {
        throw PickleProblem(message: "it is no pair of a list of images and a list of truths")
      }
    if let elements = document.elements(raw) {
      return try elements.map { try truth($0, document, source) }
    }
    let number = try number(of: type, document, source)
    let bytes = try bytes(of: raw, document, source)
    guard bytes.count % number.width == 0 else {
      throw PickleProblem(message: "its truths are \(bytes.count) bytes, \(number.width) each")
    }
    return try stride(from: 0, to: bytes.count, by: number.width).map {
      try truth(ofBytes: bytes[$0..<$0 + number.width], number)
    }
  }

  /// The kind of an element of the NumPy type that `value` is a call for (`b`, `i`, `u`, `f`), and
  /// its bytes; throws `PickleProblem` for what is neither truth nor number.
  private static func number(
    of value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) throws -> (kind: Character, width: Int) {
    let isType = document.callee(value)?.hasSuffix("dtype") == true
    let word = isType ? arguments(value, document).first ?? value : value
    let name =
      switch document[word] {
      case .text(let text): text
      case .bytes(let range): String(decoding: source[range], as: UTF8.self)
      default: ""
      }
    guard let kind = name.first, "biuf".contains(kind), let width = Int(name.dropFirst()),
      (kind == "f" ? [2, 4, 8] : [1, 2, 4, 8]).contains(width)
    else { throw PickleProblem(message: "its truths are an array of '\(name)', not of bool") }
    return (kind, width)
  }

  /// 1 for true, 0 or -1 for false, in either order of bytes.
  private static func truth(
    ofBytes bytes: ArraySlice<UInt8>, _ number: (kind: Character, width: Int)
  ) throws -> Bool {
    let sign = UInt64(1) << (8 * number.width - 1)
    let isFloat = number.kind == "f"
    // Halves, singles and doubles of IEEE 754.
    let one: UInt64 =
      !isFloat ? 1 : [2: 0x3C00, 4: 0x3F80_0000, 8: 0x3FF0 << 48][number.width] ?? 0
    var falsehoods: [UInt64] = [0]
    if isFloat { falsehoods += [sign, sign | one] }
    if number.kind == "i" { falsehoods.append(sign | (sign - 1)) }
    func bits(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    for bits in [bits(bytes), bits(bytes.reversed())] {
      if bits == one { return true }
      if falsehoods.contains(bits) { return false }
    }
    throw PickleProblem(message: "one of its answers is neither true nor false")
  }

  /// The bytes of a byte string, however Python has written it.
  private static func bytes(
    of value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) throws -> [UInt8] {
    switch try image(value, document, source) {
    case .stored(let range): Array(source[range])
    case .made(let bytes): bytes
    }
  }

  private static func truth(
    _ value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) throws -> Bool {
    switch document[value] {
    case .bool(let truth): return truth
    case .integer(let number) where [-1, 0, 1].contains(number): return number == 1
    case .float(let number) where [-1, 0, 1].contains(number): return number == 1
    case .object:
      let given = arguments(value, document)
      if document.callee(value)?.hasSuffix("multiarray.scalar") == true, given.count == 2 {
        let bytes = try bytes(of: given[1], document, source)
        let number = try number(of: given[0], document, source)
        guard bytes.count == number.width else { break }
        return try truth(ofBytes: bytes[...], number)
      }
    default: break
    }
    throw PickleProblem(message: "one of its answers is neither true nor false")
  }
}
