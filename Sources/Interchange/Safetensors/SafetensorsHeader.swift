private import Determinism

/// The element types of safetensors files, by their names in the header.
package enum SafetensorsType: String, Sendable, Equatable, CaseIterable {
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"
  case float32 = "F32"
  case int32 = "I32"
  case uint32 = "U32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int16 = "I16"
  case uint16 = "U16"
  case int8 = "I8"
  case uint8 = "U8"
  case bool = "BOOL"
  case float8e5m2 = "F8_E5M2"
  case float8e4m3 = "F8_E4M3"
  case float8e8m0 = "F8_E8M0"
  case complex64 = "C64"

  /// Bytes of one element.
  package var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64, .complex64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool, .float8e5m2, .float8e4m3, .float8e8m0: 1
    }
  }
}

extension SafetensorsType {
  /// How the elements become floats; nil for those of eight bits of float and complex ones.
  var elements: ElementType? {
    switch self {
    case .float64: .float64
    case .int64: .int64
    case .uint64: .uint64
    case .float32: .float32
    case .int32: .int32
    case .uint32: .uint32
    case .float16: .float16
    case .bfloat16: .bfloat16
    case .int16: .int16
    case .uint16: .uint16
    case .int8: .int8
    case .uint8: .uint8
    case .bool: .bool
    case .float8e5m2, .float8e4m3, .float8e8m0, .complex64: nil
    }
  }
}

/// One tensor of a safetensors file.
package struct SafetensorsEntry: Sendable, Equatable {
  /// What the file calls the tensor.
  package let name: String
  /// The type of its elements.
  package let type: SafetensorsType
  /// Dimensions, the slowest first; empty for a scalar.
  package let shape: [Int]
  /// The tensor's bytes, counted from the first byte behind the header.
  package let range: Range<Int>

  /// "F32 [2, 3]".
  package var summary: String { "\(type.rawValue) \(shape)" }

  /// Bytes of a tensor of that type and shape; nil where they overflow or a side is negative.
  static func byteCount(_ type: SafetensorsType, _ shape: [Int]) -> Int? {
    var product = type.byteCount
    for side in shape {
      let (next, overflows) = product.multipliedReportingOverflow(by: side)
      if overflows || side < 0 { return nil }
      product = next
    }
    return product
  }
}

/// The header of a safetensors file (huggingface/safetensors, README and src/tensor.rs).
struct SafetensorsHeader {
  /// The largest header that readers accept.
  static let byteLimit = 100_000_000
  static let metadataKey = "__metadata__"
  /// Metadata key of the hash of the header itself.
  static let integrityKey = "integrity"
  /// Prefix of the metadata keys of the tensors' hashes.
  static let checksumPrefix = "xxh64:"

  /// In the order of their bytes.
  var entries: [SafetensorsEntry]
  /// Everything that is no checksum.
  var metadata: [String: String]
  /// XXH64 of each tensor's bytes as 16 hexadecimal digits, by name.
  var checksums: [String: String]
  /// The hash of the header that was read; nil where it has none.
  private(set) var integrity: String?

  init(entries: [SafetensorsEntry], metadata: [String: String], checksums: [String: String]) {
    self.entries = entries
    self.metadata = metadata
    self.checksums = checksums
  }

  /// The length, the JSON and its padding, sealed by the hash of all these bytes with zeros for
  /// the hash's own digits where there are checksums; throws `Problem` above the limit of size.
  func bytes() throws -> [UInt8] {
    let zeros = String(repeating: "0", count: 16)
    var written = metadata
    for (name, checksum) in checksums { written[Self.checksumPrefix + name] = checksum }
    if !checksums.isEmpty { written[Self.integrityKey] = zeros }
    var members: [String] = []
    if !written.isEmpty {
      let pairs = written.sorted { $0.key < $1.key }.map { key, value in
        "\(HeaderJSON.quoted(key)):\(HeaderJSON.quoted(value))"
      }
      members.append("\"\(Self.metadataKey)\":{\(pairs.joined(separator: ","))}")
    }
    for entry in entries {
      let shape = entry.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(HeaderJSON.quoted(entry.name)):{\"dtype\":\"\(entry.type.rawValue)\","
          + "\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(entry.range.lowerBound),\(entry.range.upperBound)]}")
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: 0x20, count: (8 - json.count % 8) % 8)
    if json.count > Self.byteLimit {
      throw HeaderJSON.Problem(
        message: "the header has \(json.count) bytes, over \(Self.byteLimit)")
    }
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) } + json
    if !checksums.isEmpty {
      let root = try HeaderJSON.parse(bytes, from: 8, valueLimit: .max)
      if let range = Self.integrityRange(in: root) {
        let seal = Array(Hash64.text(bytes.withUnsafeBytes { Hash64.of($0) }).utf8)
        bytes.replaceSubrange(range, with: seal)
      }
    }
    return bytes
  }

  /// Reads the header out of the first `8 + N` bytes of a file that has `dataByteCount` bytes
  /// behind them; throws `Problem` for what breaks the format, `Damage` for a wrong seal.
  init(bytes: [UInt8], dataByteCount: Int) throws {
    guard bytes.count > 8, bytes[8] == UInt8(ascii: "{") else {
      throw HeaderJSON.Problem(message: "the header does not start with {")
    }
    let root = try HeaderJSON.parse(
      bytes, from: 8, valueLimit: (bytes.count + dataByteCount) / 128 + 16384)
    guard case .object(let members) = root else {
      throw HeaderJSON.Problem(message: "the header is not an object")
    }
    if Set(members.map(\.key)).count != members.count {
      throw HeaderJSON.Problem(message: "a name stands twice in the header")
    }
    entries = []
    metadata = [:]
    checksums = [:]
    for member in members {
      let (key, value) = (member.key, member.value)
      if key == Self.metadataKey {
        try readMetadata(value)
      } else {
        entries.append(try Self.entry(key, value))
      }
    }
    try checkSeal(root: root, bytes: bytes)
    entries.sort {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    try checkRanges(dataByteCount: dataByteCount)
  }

  /// Bytes that are not those that were written.
  struct Damage: Error {
    let message: String
  }

  private mutating func readMetadata(_ value: HeaderJSON) throws {
    guard case .object(let pairs) = value else {
      throw HeaderJSON.Problem(message: "the metadata is not an object")
    }
    for pair in pairs {
      let (key, value) = (pair.key, pair.value)
      guard case .string(let text, _) = value else {
        throw HeaderJSON.Problem(message: "metadata '\(key)' is not a string")
      }
      if key.hasPrefix(Self.checksumPrefix) {
        checksums[String(key.dropFirst(Self.checksumPrefix.count))] = text
      } else {
        if metadata[key] != nil {
          throw HeaderJSON.Problem(message: "metadata '\(key)' stands twice")
        }
        metadata[key] = text
      }
    }
  }

  /// A file with checksums has the seal, and one for every tensor; other files have neither.
  private mutating func checkSeal(root: HeaderJSON, bytes: [UInt8]) throws {
    if checksums.isEmpty { return }
    guard let range = Self.integrityRange(in: root), range.count == 16 else {
      throw Damage(message: "it has checksums of tensors and none of its header")
    }
    let expected = String(decoding: bytes[range], as: UTF8.self)
    var blank = bytes
    blank.replaceSubrange(range, with: [UInt8](repeating: UInt8(ascii: "0"), count: 16))
    let found = Hash64.text(blank.withUnsafeBytes { Hash64.of($0) })
    if found != expected {
      throw Damage(message: "its header has the checksum \(found), not \(expected)")
    }
    metadata[Self.integrityKey] = nil
    integrity = expected
    if Set(checksums.keys) != Set(entries.map(\.name)) {
      throw Damage(message: "its checksums are not those of its tensors")
    }
  }

  private func checkRanges(dataByteCount: Int) throws {
    var end = 0
    for entry in entries {
      let range = entry.range
      if range.lowerBound != end {
        throw HeaderJSON.Problem(
          message: "tensor '\(entry.name)' starts at byte \(range.lowerBound), "
            + "\(range.lowerBound < end ? "inside" : "with a hole behind") the one before, "
            + "which ends at \(end)")
      }
      end = range.upperBound
    }
    if end > dataByteCount {
      throw Damage(message: "it is cut short, with \(dataByteCount) of \(end) bytes of tensors")
    }
    if end < dataByteCount {
      throw HeaderJSON.Problem(message: "\(dataByteCount - end) bytes follow the last tensor")
    }
  }

  private static func integrityRange(in root: HeaderJSON) -> Range<Int>? {
    guard case .object(let members) = root,
      case .object(let pairs)? = members.first(where: { $0.key == metadataKey })?.value,
      case .string(_, let range)? = pairs.first(where: { $0.key == integrityKey })?.value
    else { return nil }
    return range
  }

  private static func entry(_ name: String, _ value: HeaderJSON) throws -> SafetensorsEntry {
    func problem(_ message: String) -> HeaderJSON.Problem {
      HeaderJSON.Problem(message: "tensor '\(name)' \(message)")
    }
    guard case .object(let members) = value, members.count == 3 else {
      throw problem("is not an object of dtype, shape and data_offsets")
    }
    func member(_ key: String) throws -> HeaderJSON {
      guard let member = members.first(where: { $0.key == key }) else {
        throw problem("has no \(key)")
      }
      return member.value
    }
    guard case .string(let typeName, _) = try member("dtype") else {
      throw problem("has a dtype that is not a string")
    }
    guard let type = SafetensorsType(rawValue: typeName) else {
      throw problem("has the unknown dtype '\(typeName)'")
    }
    guard let shape = integers(try member("shape")) else {
      throw problem("has a shape that is not a list of whole numbers")
    }
    guard let offsets = integers(try member("data_offsets")), offsets.count == 2,
      offsets[0] <= offsets[1]
    else { throw problem("has data_offsets that are no range") }
    let byteCount = SafetensorsEntry.byteCount(type, shape)
    guard let byteCount, byteCount == offsets[1] - offsets[0] else {
      throw problem("is \(typeName) \(shape) and has \(offsets[1] - offsets[0]) bytes")
    }
    return SafetensorsEntry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
  }

  private static func integers(_ value: HeaderJSON) -> [Int]? {
    guard case .array(let elements) = value else { return nil }
    var integers: [Int] = []
    for element in elements {
      guard case .integer(let integer) = element, integer >= 0 else { return nil }
      integers.append(integer)
    }
    return integers
  }
}
