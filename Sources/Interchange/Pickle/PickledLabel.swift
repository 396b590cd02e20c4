/// The label at the end of a pickle of `(image, label)` or `(image, feature, label)`, whoever has
/// written it: Python's numbers and texts, NumPy's and PyTorch's scalars. Nothing is executed.
package enum PickledLabel {
  /// Why a value is no label.
  package struct Problem: Error, CustomStringConvertible {
    package let description: String
  }

  /// The label of the pickle `bytes` as text; throws `Problem`, which names what is there instead.
  package static func read(_ bytes: [UInt8]) throws(Problem) -> String {
    let document: PickleDocument
    do {
      document = try PickleReader.read(bytes[...], fileByteCount: bytes.count).document
    } catch {
      let reason = (error as? PickleProblem)?.message ?? "\(error)"
      throw Problem(description: "a pickle that is not read: \(reason)")
    }
    guard let parts = document.elements(document.root), parts.count == 2 || parts.count == 3 else {
      throw Problem(description: "a pickle of something else than (image, label)")
    }
    return try text(parts[parts.count - 1], document, bytes)
  }

  /// The whole number that the pickle at the start of `bytes` is; nil for another one.
  package static func number(_ bytes: [UInt8]) -> Int? {
    guard let (document, _) = try? PickleReader.read(bytes[...], fileByteCount: bytes.count) else {
      return nil
    }
    return document.integer(document.root)
  }

  private static func text(
    _ value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) throws(Problem) -> String {
    switch document[value] {
    case .integer(let number): return String(number)
    case .text(let text): return text
    case .float(let number): return try whole(number)
    case .bytes(let range):
      if let text = String(validating: source[range], as: UTF8.self) { return text }
      throw Problem(description: "a label of bytes that are no UTF-8 text")
    case .bool: throw Problem(description: "a label that is True or False")
    case .none: throw Problem(description: "a label that is None")
    case .largeInteger: throw Problem(description: "a label of more than 64 bits")
    case .tuple, .list: throw Problem(description: "a label that is a list")
    case .dictionary: throw Problem(description: "a label that is a dictionary")
    case .global(let name): throw Problem(description: "a label that is the class \(name)")
    case .persistent: throw Problem(description: "a label that is kept outside of the pickle")
    case .object:
      if let written = bytes(value, document, source) {
        if let text = String(validating: written, as: UTF8.self) { return text }
        throw Problem(description: "a label of bytes that are no UTF-8 text")
      }
      if let found = try numpy(value, document, source) { return found }
      if let found = try torch(value, document, source) { return found }
      throw Problem(
        description: "a label that is a \(document.callee(value) ?? "object of Python")")
    }
  }

  private static func whole(_ number: Double) throws(Problem) -> String {
    guard let whole = Int(exactly: number) else {
      throw Problem(description: "a label that is \(number), no whole number")
    }
    return String(whole)
  }

  private static func arguments(
    _ value: PickleDocument.Value, _ document: PickleDocument
  ) -> [PickleDocument.Value] {
    guard case .object(_, let arguments, _) = document[value] else { return [] }
    return document.elements(arguments) ?? []
  }

  /// The bytes of a byte string, as protocols from 3 on have it and as Python 2's do: text in
  /// Latin-1.
  private static func bytes(
    _ value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) -> [UInt8]? {
    switch document[value] {
    case .bytes(let range): return Array(source[range])
    case .object where document.callee(value) == "_codecs.encode":
      guard let given = arguments(value, document).first, let text = document.text(given) else {
        return nil
      }
      let units = text.unicodeScalars.map { UInt8(exactly: $0.value) }
      return units.contains(nil) ? nil : units.compactMap { $0 }
    default: return nil
    }
  }

  // MARK: NumPy

  /// The label of `numpy.int64(7)`, `numpy.str_("ann")` or an array of one such; nil for another
  /// object.
  private static func numpy(
    _ value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) throws(Problem) -> String? {
    let callee = document.callee(value) ?? ""
    let given = arguments(value, document)
    var type: PickleDocument.Value?
    var data: PickleDocument.Value?
    if callee.hasSuffix("multiarray.scalar"), given.count == 2 {
      (type, data) = (given[0], given[1])
    } else if callee.hasSuffix("multiarray._reconstruct"),
      let state = document.states[value].flatMap(document.elements), state.count == 5
    {
      try requireOne(document.integers(state[1]))
      (type, data) = (state[2], state[4])
    } else if callee.hasSuffix("numeric._frombuffer"), given.count >= 3 {
      try requireOne(document.integers(given[2]))
      (type, data) = (given[1], given[0])
    }
    guard let type, let data else { return nil }
    let word = arguments(type, document).first.flatMap { name in
      document.text(name)
        ?? bytes(name, document, source).map { String(decoding: $0, as: UTF8.self) }
    }
    let order = document.states[type].flatMap(document.elements).flatMap { state in
      state.count > 1 ? document.text(state[1]) : nil
    }
    guard let word, let found = bytes(data, document, source) else {
      throw Problem(description: "a label of NumPy that is no number and no text")
    }
    return try label(found, type: word, isBigEndian: order == ">")
  }

  /// Throws `Problem` where an array of NumPy of shape `shape` has not one element.
  private static func requireOne(_ shape: [Int]?) throws(Problem) {
    let count = (shape ?? [0]).reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    guard count == 1 else {
      throw Problem(description: "a label that is an array of NumPy of \(count) numbers")
    }
  }

  /// The label that `bytes` of NumPy's type `type`, such as `i8` or `U3`, say.
  private static func label(
    _ bytes: [UInt8], type: String, isBigEndian: Bool
  ) throws(Problem) -> String {
    let type = type.drop { "<>=|".contains($0) }
    let width = Int(type.dropFirst()) ?? 0
    let ordered = isBigEndian ? bytes : bytes.reversed()
    let word = ordered.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    switch (type.first, width) {
    case ("i", 1...8) where bytes.count == width:
      let shift = UInt64(64 - 8 * width)
      return String(Int64(bitPattern: word << shift) >> Int64(shift))
    case ("u", 1...8) where bytes.count == width: return String(word)
    case ("f", 4) where bytes.count == 4:
      return try whole(Double(Float(bitPattern: UInt32(truncatingIfNeeded: word))))
    case ("f", 8) where bytes.count == 8: return try whole(Double(bitPattern: word))
    case ("S", _):
      if let text = String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self) { return text }
    case ("U", _) where bytes.count % 4 == 0:
      let scalars = stride(from: 0, to: bytes.count, by: 4).map { place in
        let unit = Array(bytes[place..<place + 4])
        let value = (isBigEndian ? unit : unit.reversed()).reduce(UInt32(0)) {
          $0 << 8 | UInt32($1)
        }
        return UnicodeScalar(value)
      }
      if !scalars.contains(nil) {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars.compactMap { $0 }.prefix { $0.value != 0 })
        return String(text)
      }
    default: break
    }
    throw Problem(description: "a label of NumPy's type '\(type)'")
  }

  // MARK: PyTorch

  /// NumPy's names of what the storages of PyTorch hold.
  private static let storages = [
    "torch.LongStorage": "i8", "torch.IntStorage": "i4", "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1", "torch.ByteStorage": "u1", "torch.FloatStorage": "f4",
    "torch.DoubleStorage": "f8",
  ]

  /// The label of `torch.tensor(7)`: a storage that is a file of `torch.save` before version 1.6
  /// within the pickle; nil for another object.
  private static func torch(
    _ value: PickleDocument.Value, _ document: PickleDocument, _ source: [UInt8]
  ) throws(Problem) -> String? {
    guard document.callee(value)?.hasPrefix("torch._utils._rebuild_tensor") == true else {
      return nil
    }
    let given = arguments(value, document)
    guard given.count >= 3, document.callee(given[0]) == "torch.storage._load_from_bytes",
      let inner = arguments(given[0], document).first.flatMap({ bytes($0, document, source) }),
      let offset = document.integer(given[1]), let shape = document.integers(given[2])
    else { throw Problem(description: "a label that is a tensor of PyTorch of an unknown form") }
    guard shape.allSatisfy({ $0 == 1 }) else {
      throw Problem(description: "a label that is a tensor of PyTorch of \(shape)")
    }
    guard let found = try? element(offset, ofStorageIn: inner) else {
      throw Problem(description: "a label that is a tensor of PyTorch of an unknown form")
    }
    return try label(found.bytes, type: found.type, isBigEndian: false)
  }

  private static func element(
    _ offset: Int, ofStorageIn file: [UInt8]
  ) throws -> (bytes: [UInt8], type: String) {
    guard LegacyPyTorch.begins(file) else { throw PickleProblem(message: "another format") }
    // The magic number, the protocol, the machine, the storage and the keys.
    var end = 0
    var documents: [PickleDocument] = []
    for _ in 0..<5 {
      let (document, next) = try PickleReader.read(file[end...], fileByteCount: file.count)
      documents.append(document)
      end = next
    }
    let storage = documents[3]
    guard case .persistent(let id) = storage[storage.root],
      let parts = storage.elements(id), parts.count >= 5,
      case .global(let name) = storage[parts[1]], let type = storages[name],
      let width = Int(type.dropFirst())
    else { throw PickleProblem(message: "another storage") }
    let (place, overflows) = offset.multipliedReportingOverflow(by: width)
    guard !overflows, offset >= 0, place <= file.count - end - 8 - width else {
      throw PickleProblem(message: "an end inside a storage", isCutShort: true)
    }
    let start = end + 8 + place
    return (Array(file[start..<start + width]), type)
  }
}
