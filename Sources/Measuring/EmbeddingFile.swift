internal import Evaluation
internal import Interchange

/// The forms in which embeddings with their names are stored, by the ending of the file's name.
package enum EmbeddingFile: String, Sendable, CaseIterable {
  /// An array [photos, dimension]; the names stand in `FILE.txt`, one a line.
  case npy
  /// The arrays `embeddings` [photos, dimension] and `names` [photos].
  case npz
  /// A line a photo: its name and the numbers.
  case csv

  /// The form of `path`; nil for another ending.
  package init?(path: String) {
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return nil }
    self.init(rawValue: name[name.index(after: dot)...].lowercased())
  }

  /// Where the names beside `path` stand; nil where they stand in it.
  package func namesPath(beside path: String) -> String? {
    self == .npy ? String(path.dropLast(rawValue.count + 1)) + ".txt" : nil
  }

  /// Writes `embeddings` and their `names`; `asBytes` scales each row to fill whole numbers from
  /// -127 to 127. Throws `InterchangeError`, or `EvaluationFailure.notInBytes` for rows that are no
  /// numbers.
  func write(_ embeddings: Embeddings, names: [String], asBytes: Bool, to path: String) throws {
    let shape = [embeddings.count, embeddings.dimension]
    var bytes: [Int8]?
    if asBytes {
      // No byte says that a number is none.
      guard embeddings.nonFiniteCount == 0 else {
        throw EvaluationFailure.notInBytes(count: embeddings.nonFiniteCount)
      }
      bytes = embeddings.quantized(bits: 8).values.map { Int8($0) }
    }
    switch self {
    case .npy:
      try writeNames(names, to: namesPath(beside: path)!)
      if let bytes {
        try NumPyFile.write(bytes: bytes, shape: shape, to: path)
      } else {
        try NumPyFile.write(embeddings.values, shape: shape, to: path)
      }
    case .npz:
      let tensor =
        bytes.map { bytes in
          SafetensorsTensor(name: "embeddings", type: .int8, shape: shape) {
            try bytes.withUnsafeBytes($0)
          }
        } ?? SafetensorsTensor(name: "embeddings", shape: shape, floats: embeddings.values)
      try NumPyArchive.write(
        [NumPyMember(tensor), NumPyMember(name: "names", strings: names)], to: path)
    case .csv:
      let dimension = embeddings.dimension
      try CSVTable.write(names: names, columns: dimension, to: path) { row in
        let range = row * dimension..<(row + 1) * dimension
        return bytes.map { $0[range].map { "\($0)" } } ?? embeddings.values[range].map { "\($0)" }
      }
    }
  }

  private func writeNames(_ names: [String], to path: String) throws {
    if let name = names.first(where: { $0.contains(where: \.isNewline) }) {
      throw EvaluationFailure.nameOfSeveralLines(name: name)
    }
    try TextFile.write(names.map { $0 + "\n" }.joined(), to: path)
  }

  /// The embeddings of `path` and their names; `tell` is given a sentence of what is passed over.
  /// Throws what is wrong.
  static func read(
    _ path: String, names namesPath: String?, tell: (String) -> Void
  ) throws -> (Embeddings, [String]) {
    switch EmbeddingFile(path: path) {
    case .csv:
      let table = try CSVTable(path: path)
      if !table.passedOver.isEmpty || !table.uncounted.isEmpty {
        let span = table.uncounted.map { "'\($0)'" }.joined(separator: " to ")
        let shown = table.passedOver.prefix(8).map { "'\($0)'" }.joined(separator: ", ")
        let others = table.passedOver.count - 8
        tell(
          "\(path): the \(table.columns) numbers of a photo are "
            + (span.isEmpty ? "those whose titles count them or a list" : "the columns \(span)")
            + (shown.isEmpty ? "" : "; passed over: " + shown)
            + (others > 0 ? " and \(others) more" : ""))
      }
      return (Embeddings(table.values, dimension: table.columns), table.names)
    case .npz:
      let archive = try NumPyArchive(path: path)
      let rows = only(archive, called: "embeddings") {
        archive.shape(of: $0)?.count == 2 && !archive.holdsText($0)
      }
      let words = only(archive, called: "names") { archive.holdsText($0) }
      return try pair(
        path, archive.shape(of: rows) ?? [], try archive.elements(of: rows),
        try archive.strings(of: words))
    case .npy, nil:
      guard let namesPath else { throw EvaluationFailure.noNames(path: path) }
      let names = try TextFile.lines(of: namesPath).filter { !$0.isEmpty }
      if tensorEndings.contains(where: path.lowercased().hasSuffix) {
        let archive = try TensorFiles.open(path)
        let rows = only(archive, called: "embeddings") { archive.shape(of: $0)?.count == 2 }
        return try pair(
          path, archive.shape(of: rows) ?? [], try archive.elements(of: rows), names)
      }
      let contents = try NumPyFile.read(path)
      return try pair(path, contents.shape, contents.values, names)
    }
  }

  /// Of files of tensors by name that are read and not written.
  private static let tensorEndings = [".safetensors", ".pt", ".pth"]

  /// The array called `name`, or the only one that is fit for it; else `name` again.
  private static func only(
    _ archive: any TensorArchive, called name: String, where isFit: (String) -> Bool
  ) -> String {
    if archive.names.contains(name) { return name }
    let fit = archive.names.filter(isFit)
    return fit.count == 1 ? fit[0] : name
  }

  private static func pair(
    _ path: String, _ shape: [Int], _ values: [Float], _ names: [String]
  ) throws -> (Embeddings, [String]) {
    guard shape.count == 2, shape[1] > 0 else {
      throw EvaluationFailure.notTwoDimensional(path: path, shape: shape)
    }
    guard names.count == shape[0] else {
      throw EvaluationFailure.namesAndRows(
        names: names.count, rows: shape[0], first: names.first ?? "")
    }
    return (Embeddings(values, dimension: shape[1]), names)
  }
}
