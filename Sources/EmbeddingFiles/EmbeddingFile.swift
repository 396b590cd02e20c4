package import Evaluation
internal import Interchange

/// In what numbers embeddings are stored.
package enum StoredNumbers: Sendable, CaseIterable {
  /// Floats, as they are.
  case float32
  /// Floats of 16 bits, rounded to the nearest, of two the even one.
  case float16
  /// Whole numbers from -127 to 127, which each row is scaled to fill (`Embeddings.quantized`).
  case int8
}

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

  /// Writes `embeddings` in `numbers`, and their `names`. Throws `InterchangeError`, and
  /// `EmbeddingFileError` for rows that these numbers cannot say.
  package func write(
    _ embeddings: Embeddings, names: [String], in numbers: StoredNumbers, to path: String
  ) throws {
    let (tensor, texts) = try Self.stored(embeddings, in: numbers)
    switch self {
    case .npy:
      try writeNames(names, to: namesPath(beside: path)!)
      try NumPyFile.write(tensor, to: path)
    case .npz:
      try NumPyArchive.write(
        [NumPyMember(tensor), NumPyMember(name: "names", strings: names)], to: path)
    case .csv:
      let dimension = embeddings.dimension
      try CSVTable.write(names: names, columns: dimension, to: path) { row in
        texts(row * dimension..<(row + 1) * dimension)
      }
    }
  }

  /// The array `embeddings` [photos, dimension] in `numbers`, and some of it as texts that read
  /// back to the same numbers; throws `EmbeddingFileError` where they cannot say it.
  private static func stored(
    _ embeddings: Embeddings, in numbers: StoredNumbers
  ) throws -> (tensor: SafetensorsTensor, texts: (Range<Int>) -> [String]) {
    let (name, shape) = ("embeddings", [embeddings.count, embeddings.dimension])
    let values = embeddings.values
    switch numbers {
    case .float32:
      return (
        SafetensorsTensor(name: name, shape: shape, floats: values),
        { values[$0].map { "\($0)" } }
      )
    case .float16:
      let halves = values.map { Float16($0) }
      let farCount = zip(halves, values).count { $0.isInfinite && $1.isFinite }
      guard farCount == 0 else { throw EmbeddingFileError.notInHalves(count: farCount) }
      let tensor = SafetensorsTensor(name: name, type: .float16, shape: shape) {
        try halves.withUnsafeBytes($0)
      }
      return (tensor, { halves[$0].map { "\(Float($0))" } })
    case .int8:
      // No byte says that a number is none.
      guard embeddings.nonFiniteCount == 0 else {
        throw EmbeddingFileError.notInBytes(count: embeddings.nonFiniteCount)
      }
      let bytes = embeddings.quantized(bits: 8).values.map { Int8($0) }
      let tensor = SafetensorsTensor(name: name, type: .int8, shape: shape) {
        try bytes.withUnsafeBytes($0)
      }
      return (tensor, { bytes[$0].map { "\($0)" } })
    }
  }

  private func writeNames(_ names: [String], to path: String) throws {
    if let name = names.first(where: { $0.contains(where: \.isNewline) }) {
      throw EmbeddingFileError.nameOfSeveralLines(name: name)
    }
    try TextFile.write(names.map { $0 + "\n" }.joined(), to: path)
  }

  /// The embeddings of `path` and their names, all in memory; `tell` is given a sentence of what is
  /// passed over. Throws what is wrong.
  package static func read(
    _ path: String, names namesPath: String?, tell: (String) -> Void
  ) throws -> (Embeddings, [String]) {
    let (rows, names) = try open(path, names: namesPath, tell: tell)
    return (Embeddings(rows.values, dimension: rows.width), names)
  }

  /// The same where they lie, as far as they can be read there.
  package static func open(
    _ path: String, names namesPath: String?, tell: (String) -> Void
  ) throws -> (EmbeddingRows, [String]) {
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
      return (.held(table.values, width: table.columns), table.names)
    case .npz:
      return try pair(path, StoredRows(NumPyArchive(path: path)), names: namesPath, tell)
    case .npy, nil:
      switch try TensorFiles.kind(of: path) {
      case .numPyArray:
        guard let namesPath else { throw EmbeddingFileError.noNames(path: path) }
        let names = try NamesFile.read(namesPath, tell: tell)
        if let mapped = try NumPyFile.rows(of: path) {
          return try pair(path, [mapped.count, mapped.width], .mapped(mapped), names)
        }
        let contents = try NumPyFile.read(path)
        return try pair(
          path, contents.shape, .held(contents.values, width: contents.shape.last ?? 0), names)
      case .numPyArchive:
        return try pair(path, StoredRows(NumPyArchive(path: path)), names: namesPath, tell)
      case .pyTorch:
        let file = try PyTorchFile(rowsOf: path)
        let rows = try StoredRows(file, texts: file.texts, areListed: file.areListed)
        return try pair(path, rows, names: namesPath, tell)
      case .safetensors:
        let rows = try StoredRows(SafetensorsFile(path: path), texts: [], areListed: false)
        return try pair(path, rows, names: namesPath, tell)
      }
    }
  }

  /// `rows` with their own names, or with those of the file at `namesPath`.
  private static func pair(
    _ path: String, _ rows: StoredRows, names namesPath: String?, _ tell: (String) -> Void
  ) throws -> (EmbeddingRows, [String]) {
    let given = try namesPath.map { try NamesFile.read($0, tell: tell) }
    if let own = rows.names, let given, own != given {
      throw EmbeddingFileError.namesTwice(path: path)
    }
    guard let names = given ?? rows.names else { throw EmbeddingFileError.noNames(path: path) }
    return try pair(path, rows.shape, rows.values, names)
  }

  private static func pair(
    _ path: String, _ shape: [Int], _ rows: EmbeddingRows, _ names: [String]
  ) throws -> (EmbeddingRows, [String]) {
    guard shape.count == 2, shape[1] > 0 else {
      throw EmbeddingFileError.notTwoDimensional(path: path, shape: shape)
    }
    guard names.count == shape[0] else {
      throw EmbeddingFileError.namesAndRows(
        names: names.count, rows: shape[0], first: names.first ?? "")
    }
    return (rows, names)
  }
}
