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
    if isONNX(start) {
      throw InterchangeError.foreign(
        path: path,
        reason:
          "is an ONNX model, a network without a table of arrays: ddp-train import makes a "
          + "checkpoint of it")
    }
    if let complaint = FileKind.complaint(aboutStart: start) {
      throw InterchangeError.foreign(path: path, reason: complaint)
    }
    throw InterchangeError.malformed(
      path: path, reason: "it is neither safetensors nor a PyTorch or NumPy file")
  }

  /// Whether the file at `path` is an ONNX model, by what it begins with; throws
  /// `InterchangeError`.
  package static func isONNX(_ path: String) throws -> Bool {
    let file = try PositionedFile(path: path)
    return isONNX(try file.bytes(at: 0, count: min(file.byteCount, 16)))
  }

  /// Whether a file that begins with `start` is an ONNX model: its first field is the version of
  /// the format, and a field of strings, numbers or the graph comes next.
  private static func isONNX(_ start: [UInt8]) -> Bool {
    start.count > 2 && start[0] == 0x08 && (1...32).contains(start[1])
      && [0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42].contains(start[2])
  }

  /// What a file that begins with `start` is, and what makes a checkpoint of it, to stand behind
  /// its path; nil for what may be one.
  static func noCheckpoint(_ start: [UInt8]) -> String? {
    if isONNX(start) {
      return "is an ONNX model, no checkpoint: make one of it with ddp-train import"
    }
    if start.starts(with: ZipArchive.magic) || LegacyPyTorch.begins(start) {
      return
        "is a file of weights of PyTorch or NumPy, no checkpoint: make one of it with ddp-train "
        + "import"
    }
    if start.starts(with: NumPyFile.magic) { return "is one array of NumPy, no checkpoint" }
    return FileKind.complaint(aboutStart: start)
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
