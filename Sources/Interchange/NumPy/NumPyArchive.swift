private import Preconditions

/// A `.npz` file: a zip of arrays, each a member `NAME.npy`, stored (`numpy.savez`) or packed
/// (`numpy.savez_compressed`).
package final class NumPyArchive: TensorArchive {
  package let path: String
  /// The names of the arrays in the order of the file.
  package let names: [String]
  /// The lines `KEY=VALUE` of the array of text that `NumPyMember(metadata:)` writes; the format
  /// itself has no place for them.
  package let metadata: [String: String]

  static let metadataName = "__metadata__"
  private let arrays: [String: NumPyArray]
  /// What is wrong with arrays that cannot be read, by their names.
  private let refusals: [String: InterchangeError]

  /// Opens the file and checks every array's header and checksum; throws `InterchangeError`. An
  /// array of elements that are not read is an error for those alone who ask for it.
  package convenience init(path: String) throws {
    try self.init(ZipArchive(PositionedFile(path: path)))
  }

  init(_ archive: ZipArchive) throws {
    path = archive.file.path
    var arrays: [String: NumPyArray] = [:]
    var refusals: [String: InterchangeError] = [:]
    var names: [String] = []
    for entry in archive.entries {
      let isArray = entry.name.hasSuffix(".npy")
      let name = isArray ? String(entry.name.dropLast(4)) : entry.name
      names.append(name)
      do throws(InterchangeError) {
        guard isArray else {
          throw .unsupported(path: path, reason: "its member '\(entry.name)' is no array")
        }
        arrays[name] = try Self.array(entry, of: archive)
      } catch {
        guard case .unsupported = error else { throw error }
        refusals[name] = error
      }
    }
    guard Set(names).count == names.count else {
      throw InterchangeError.malformed(path: path, reason: "two arrays have one name")
    }
    if arrays.isEmpty, let refusal = refusals.min(by: { $0.key < $1.key }) { throw refusal.value }
    let lines = try arrays[Self.metadataName]?.strings() ?? []
    metadata = Dictionary(
      lines.compactMap { line in
        line.firstIndex(of: "=").map {
          (String(line[..<$0]), String(line[line.index(after: $0)...]))
        }
      }, uniquingKeysWith: { first, _ in first })
    self.arrays = arrays
    self.refusals = refusals
    self.names = names.filter { $0 != Self.metadataName }
  }

  private static func array(
    _ entry: ZipArchive.Entry, of archive: ZipArchive
  ) throws(InterchangeError) -> NumPyArray {
    do {
      guard entry.isStored else {
        return try NumPyArray(.unpacked(archive.bytes(of: entry), path: archive.file.path))
      }
      let range = try archive.range(of: entry)
      try archive.verify(entry)
      return try NumPyArray(.stored(archive.file, range))
    } catch let error as InterchangeError {
      throw error
    } catch {
      throw .unreadable(path: archive.file.path, reason: "\(error)")
    }
  }

  package func shape(of name: String) -> [Int]? { arrays[name]?.header.shape }

  /// Whether the array of that name is of text.
  package func holdsText(_ name: String) -> Bool { arrays[name]?.isText == true }

  package func holdsFloats(_ name: String) -> Bool {
    guard case .numbers(let type) = arrays[name]?.header.type.kind else { return false }
    return type.isFloat
  }

  package func elements(of name: String) throws -> [Float] { try array(name).floats() }

  /// The strings of an array of text; throws `InterchangeError`.
  package func strings(of name: String) throws -> [String] { try array(name).strings() }

  func array(_ name: String) throws -> NumPyArray {
    if let array = arrays[name] { return array }
    throw refusals[name]
      ?? .unsupported(
        path: path,
        reason: "it has no array '\(name)'; its arrays are "
          + names.prefix(8).map { "'\($0)'" }.joined(separator: ", "))
  }
}

/// An array to be written into a `.npz` file: its header, and the way to its bytes.
package struct NumPyMember {
  /// The name of the array, without `.npy`.
  package let name: String
  let header: [UInt8]
  let byteCount: Int
  let withBytes: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

  /// Numbers of a tensor that will be lent twice; F32, F16, I64 and I8 are written as they are.
  package init(_ tensor: SafetensorsTensor) {
    let types: [SafetensorsType: String] = [
      .float32: "<f4", .float16: "<f2", .int64: "<i8", .int8: "|i1",
    ]
    let type = types[tensor.type]
    require(type != nil, "NumPyMember: '\(tensor.name)' is \(tensor.type.rawValue)")
    name = tensor.name
    header = NumPyFile.header(shape: tensor.shape, type: type!)
    byteCount = tensor.shape.reduce(tensor.type.byteCount, *)
    withBytes = tensor.withBytes
  }

  /// What a file says of itself, as an array of lines `KEY=VALUE`.
  package init(metadata: [String: String]) {
    self.init(
      name: NumPyArchive.metadataName, strings: metadata.map { "\($0)=\($1)" }.sorted())
  }

  /// Strings, as an array [count] of fixed width.
  package init(name: String, strings: [String]) {
    let length = max(1, strings.map(\.unicodeScalars.count).max() ?? 1)
    self.name = name
    header = NumPyFile.header(shape: [strings.count], type: "<U\(length)")
    byteCount = 4 * length * strings.count
    withBytes = { lend in
      var words = [UInt32](repeating: 0, count: length * strings.count)
      for (row, text) in strings.enumerated() {
        for (i, scalar) in text.unicodeScalars.enumerated() {
          words[row * length + i] = scalar.value.littleEndian
        }
      }
      try words.withUnsafeBytes { try lend($0) }
    }
  }
}

extension NumPyArchive {
  /// Writes `members` as `numpy.savez` does, stored, whole or not at all; throws
  /// `InterchangeError.unwritable`.
  package static func write(_ members: [NumPyMember], to path: String) throws {
    require(
      Set(members.map(\.name)).count == members.count,
      "NumPyArchive.write: two of the \(members.count) arrays have one name")
    var writer = try ZipWriter(path: path)
    for member in members {
      try writer.add(
        name: member.name + ".npy", byteCount: member.header.count + member.byteCount
      ) { lend in
        try member.header.withUnsafeBytes { try lend($0) }
        try member.withBytes(lend)
      }
    }
    try writer.finish()
  }
}
