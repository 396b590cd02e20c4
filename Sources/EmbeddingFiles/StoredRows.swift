internal import Interchange

/// The rows of embeddings in a file of named arrays, and what they are called there.
///
/// They are the matrix called `embeddings`, else the only one; else vectors of one length, a row
/// each, that are called by their names or stand in a list. Matrices in a list are batches, one
/// behind the other.
struct StoredRows {
  /// [rows, dimension]; other counts of sides for an array that is no matrix.
  let shape: [Int]
  let values: EmbeddingRows
  /// What the file calls its rows; nil where it does not say.
  let names: [String]?

  /// Reads the rows of `archive`, which has lists of `texts` too and whose arrays `areListed`,
  /// called by their places in a list; `mapping` gives a matrix that need not be held. Throws
  /// `InterchangeError`, and `EmbeddingFileError` where it cannot be told which arrays are meant.
  init(
    _ archive: any TensorArchive, texts: [(key: String, values: [String])], areListed: Bool,
    mapping: (String) throws -> MappedRows? = { _ in nil }
  ) throws {
    let arrays = archive.names.filter { archive.shape(of: $0) != nil }
    for name in archive.names where name == "embeddings" || archive.names.count == 1 {
      // Why an array of numbers of no known kind cannot be read.
      if !arrays.contains(name) { _ = try archive.elements(of: name) }
    }
    if let matrix = Self.matrix(arrays, archive) {
      shape = archive.shape(of: matrix) ?? []
      values =
        try mapping(matrix).map(EmbeddingRows.mapped)
        ?? .held(try archive.elements(of: matrix), width: shape.last ?? 0)
      names = try Self.names(texts, count: shape.first ?? 0, path: archive.path)
      return
    }
    let dimension = arrays.compactMap { archive.shape(of: $0)?.last }.first ?? 0
    func rowCount(_ name: String) -> Int? {
      guard let shape = archive.shape(of: name), let last = shape.last, last == dimension else {
        return nil
      }
      if shape.count == 1 { return 1 }
      return shape.count == 2 && (areListed || shape[0] == 1) ? shape[0] : nil
    }
    let counts = arrays.compactMap(rowCount)
    guard counts.count == archive.names.count, dimension > 0, !arrays.isEmpty else {
      // The one that a reader of the message would look at.
      if arrays.count == 1 || arrays.contains("embeddings") {
        let name = arrays.contains("embeddings") ? "embeddings" : arrays[0]
        throw EmbeddingFileError.notTwoDimensional(
          path: archive.path, shape: archive.shape(of: name) ?? [])
      }
      throw EmbeddingFileError.severalMatrices(path: archive.path, names: archive.names)
    }
    shape = [counts.reduce(0, +), dimension]
    var values: [Float] = []
    values.reserveCapacity(shape[0] * dimension)
    for name in arrays { values += try archive.elements(of: name) }
    self.values = .held(values, width: dimension)
    let areCalled = !areListed && arrays.count > 1
    names =
      try Self.names(texts, count: shape[0], path: archive.path) ?? (areCalled ? arrays : nil)
  }

  /// Of the `.npz` file `archive`, whose arrays of text are lists of texts.
  init(_ archive: NumPyArchive) throws {
    let texts = archive.names.filter(archive.holdsText)
    try self.init(
      Numbers(archive), texts: try texts.map { ($0, try archive.strings(of: $0)) },
      areListed: false, mapping: archive.rows(of:))
  }

  /// The arrays of numbers of an archive that has others.
  private final class Numbers: TensorArchive {
    private let archive: NumPyArchive

    init(_ archive: NumPyArchive) { self.archive = archive }

    var path: String { archive.path }
    var names: [String] { archive.names.filter { !archive.holdsText($0) } }
    var metadata: [String: String] { archive.metadata }

    func shape(of name: String) -> [Int]? { archive.shape(of: name) }
    func holdsFloats(_ name: String) -> Bool { archive.holdsFloats(name) }
    func elements(of name: String) throws -> [Float] { try archive.elements(of: name) }
  }

  /// The array called `embeddings`, one that has no name, or the only matrix; nil without any.
  private static func matrix(_ arrays: [String], _ archive: any TensorArchive) -> String? {
    if arrays == [""] { return "" }
    let matrices = arrays.filter { archive.shape(of: $0)?.count == 2 }
    if matrices.contains("embeddings") { return "embeddings" }
    return matrices.count == 1 ? matrices[0] : nil
  }

  /// The list of names of `count` rows among `texts`: the one that is called so, of several the one
  /// that calls no two rows alike (others name people), and of those `names`; else the only one of
  /// as many; nil where there is none. Throws `EmbeddingFileError.ownNamesAndRows` for one called
  /// so of another count.
  private static func names(
    _ texts: [(key: String, values: [String])], count: Int, path: String
  ) throws -> [String]? {
    let called = texts.filter { CSVRows.isNameTitle($0.key) }
    let fitting = texts.filter { $0.values.count == count }
    let named = fitting.filter { CSVRows.isNameTitle($0.key) }
    let exact = named.count > 1 ? named.filter { Set($0.values).count == count } : named
    if let own = exact.first(where: { $0.key == "names" }) ?? (exact.count == 1 ? exact[0] : nil) {
      return own.values
    }
    if let own = named.first(where: { $0.key == "names" }) { return own.values }
    if named.isEmpty, let other = called.first {
      throw EmbeddingFileError.ownNamesAndRows(
        path: path, names: other.values.count, rows: count)
    }
    return named.isEmpty && fitting.count == 1 ? fitting[0].values : nil
  }
}
