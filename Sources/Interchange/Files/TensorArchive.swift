/// A file of named tensors that are read one by one, whatever its format.
package protocol TensorArchive: AnyObject {
  var path: String { get }
  /// The names of the tensors in the order of the file.
  var names: [String] { get }
  /// What the file says of itself beside its tensors.
  var metadata: [String: String] { get }

  /// The dimensions of the tensor of that name, the slowest first; nil where there is none.
  func shape(of name: String) -> [Int]?

  /// Whether the tensor of that name is stored as floats of some size, not as whole numbers.
  func holdsFloats(_ name: String) -> Bool

  /// The elements of the tensor of that name in C order, whatever type they are stored as; throws
  /// `InterchangeError`.
  func elements(of name: String) throws -> [Float]
}

/// Opens files of tensors by what they begin with.
package enum TensorFiles {
  /// What a file of arrays is, by what it begins with.
  package enum Kind: Sendable {
    case numPyArray, numPyArchive, pyTorch, safetensors
  }

  /// What the file at `path` is; throws `InterchangeError`, also for another file.
  package static func kind(of path: String) throws -> Kind {
    let file = try PositionedFile(path: path)
    let start = try file.bytes(at: 0, count: min(file.byteCount, 16))
    if start.starts(with: NumPyFile.magic) { return .numPyArray }
    if start.starts(with: ZipArchive.magic) {
      let isTorch = try ZipArchive(file).entries.contains { $0.name.hasSuffix("data.pkl") }
      return isTorch ? .pyTorch : .numPyArchive
    }
    if LegacyPyTorch.begins(start) { return .pyTorch }
    if start.count > 8, start[8] == UInt8(ascii: "{") { return .safetensors }
    let others: [(start: [UInt8], name: String)] = [
      ([0x80], "a pickle of Python's"), (Array("{".utf8), "JSON"), (Array("[".utf8), "JSON"),
    ]
    if let other = others.first(where: { start.starts(with: $0.start) }) {
      throw InterchangeError.foreign(
        path: path,
        reason: "is \(other.name), which is not read: save its numbers by numpy.save, or as CSV")
    }
    throw InterchangeError.malformed(
      path: path, reason: "it is neither safetensors nor a PyTorch or NumPy file")
  }

  /// The safetensors, PyTorch or NumPy (`.npz`) file at `path`; throws `InterchangeError`.
  package static func open(_ path: String) throws -> any TensorArchive {
    switch try kind(of: path) {
    case .pyTorch: try PyTorchFile(path: path)
    case .numPyArchive: try NumPyArchive(path: path)
    case .safetensors: try SafetensorsFile(path: path)
    case .numPyArray:
      throw InterchangeError.malformed(
        path: path, reason: "it is one array of NumPy without a name, not a file of tensors")
    }
  }
}
