/// Tensors of a file of `torch.save`: a state dict, or those inside a checkpoint.
///
/// The pickle in it is read as data (`PickleReader`): nothing is executed, whatever it names.
/// Tensors are read one by one, at any offset and strides, from storages of any number type. One
/// that cannot be read is an error for those alone who ask for it.
package final class PyTorchFile: TensorArchive {
  package let path: String
  /// The names of the tensors (`TorchDictionaries`), of those too that cannot be read.
  package let names: [String]
  /// Numbers and texts beside the tensors, by their keys.
  package let metadata: [String: String]
  /// Lists of texts beside the tensors, by the last of their keys.
  package let texts: [(key: String, values: [String])]
  /// Whether the tensors are elements of lists, called by their places: names of nothing else.
  package let areListed: Bool
  private let file: PositionedFile
  private let tensors: [String: TorchTensor]
  /// Why tensors cannot be read, by their names.
  private let refusals: [String: String]
  /// Where the bytes of each storage lie, by its key.
  private let storages: [String: Range<Int>]

  /// Opens the file and checks it; throws `InterchangeError`.
  package convenience init(path: String) throws { try self.init(path: path, root: .dictionary) }

  /// Opens a file that may be a tensor by itself, which is called "", or a list of tensors; throws
  /// `InterchangeError`.
  package convenience init(rowsOf path: String) throws {
    try self.init(path: path, root: .anything)
  }

  private convenience init(path: String, root: TorchDictionaries.Root) throws {
    let file = try PositionedFile(path: path)
    let start = try file.bytes(at: 0, count: min(file.byteCount, 16))
    if LegacyPyTorch.begins(start) {
      try self.init(legacy: file, root: root)
    } else {
      try self.init(ZipArchive(file), root: root)
    }
  }

  /// The zip file that torch writes since 1.6; the checksums of all its members are compared.
  init(_ archive: ZipArchive, root kind: TorchDictionaries.Root = .dictionary) throws {
    file = archive.file
    path = archive.file.path
    guard let entry = archive.entries.first(where: { $0.name.hasSuffix("data.pkl") }) else {
      throw InterchangeError.malformed(path: path, reason: "it is a zip file without data.pkl")
    }
    let root = entry.name.dropLast("data.pkl".count)
    if archive.entries.contains(where: { $0.name == root + "constants.pkl" }) {
      throw InterchangeError.unsupported(
        path: path, reason: "TorchScript; save model.state_dict() with torch.save")
    }
    var storages: [String: Range<Int>] = [:]
    for member in archive.entries {
      try archive.verify(member)
      let range = try archive.range(of: member)
      if member.name.hasPrefix(root + "data/") {
        storages[String(member.name.dropFirst(root.count + 5))] = range
      } else if member.name == root + "byteorder" {
        let order = String(
          decoding: try file.bytes(at: range.lowerBound, count: min(range.count, 16)), as: UTF8.self
        )
        guard order == "little" else {
          throw InterchangeError.unsupported(path: path, reason: "its byte order is '\(order)'")
        }
      }
    }
    self.storages = storages
    let range = try archive.range(of: entry)
    let pickle = try file.bytes(at: range.lowerBound, count: range.count)
    do {
      let (document, _) = try PickleReader.read(
        pickle[...], fileByteCount: file.byteCount)
      let found = try TorchDictionaries(of: document, root: kind)
      (names, tensors, refusals) = (found.names, found.tensors, found.refusals)
      (texts, areListed) = (found.texts, found.areListed)
    } catch {
      throw Self.described(error, path: path)
    }
    metadata = [:]
    try checkStorages()
  }

  /// The format before torch 1.6: pickles, then the storages one behind the other.
  init(legacy file: PositionedFile, root: TorchDictionaries.Root = .dictionary) throws {
    self.file = file
    path = file.path
    do {
      let legacy = try LegacyPyTorch(file)
      let found = try TorchDictionaries(of: legacy.document, root: root)
      (names, tensors, refusals) = (found.names, found.tensors, found.refusals)
      (texts, areListed) = (found.texts, found.areListed)
      storages = try legacy.storages(tensors.values)
    } catch {
      throw Self.described(error, path: file.path)
    }
    metadata = [:]
    try checkStorages()
  }

  private static func described(_ error: any Error, path: String) -> any Error {
    switch error {
    case let problem as PickleProblem: problem.error(path: path)
    case let refusal as TorchRefusal:
      InterchangeError.unsupported(path: path, reason: refusal.message)
    default: error
    }
  }

  /// Every tensor lies inside its storage.
  private func checkStorages() throws {
    for name in names {
      guard let tensor = tensors[name] else { continue }
      guard let range = storages[tensor.storageKey] else {
        throw InterchangeError.corrupt(
          path: path, reason: "the storage of tensor '\(name)' is missing")
      }
      guard tensor.byteEnd.map({ $0 <= range.count }) == true else {
        throw InterchangeError.corrupt(
          path: path,
          reason: "tensor '\(name)' \(tensor.shape) reaches beyond its storage of "
            + "\(range.count) bytes")
      }
    }
  }

  package func shape(of name: String) -> [Int]? { tensors[name]?.shape }

  package func holdsFloats(_ name: String) -> Bool { tensors[name]?.type.isFloat == true }

  package func elements(of name: String) throws -> [Float] {
    guard let tensor = tensors[name], let storage = storages[tensor.storageKey] else {
      throw InterchangeError.unsupported(
        path: path,
        reason: refusals[name].map { "tensor '\(name)' is \($0)" } ?? "it has no tensor '\(name)'")
    }
    let start = storage.lowerBound + tensor.offset * tensor.type.byteCount
    if tensor.isContiguous {
      return try tensor.type.floats(of: file, at: start, count: tensor.count)
    }
    let span = tensor.span ?? 0
    let bytes = try file.bytes(at: start, count: span * tensor.type.byteCount)
    var values: [Float] = []
    values.reserveCapacity(tensor.count)
    bytes.withUnsafeBytes { source in
      tensor.forEachPlace { values.append(tensor.type.float(source, $0)) }
    }
    return values
  }
}

/// A file of PyTorch that holds what is not read here.
struct TorchRefusal: Error {
  let message: String
}
