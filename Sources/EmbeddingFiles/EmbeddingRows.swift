package import Interchange
private import Preconditions

/// Embeddings of photos [N, D], and what their rows are called.
package struct EmbeddedRows: Sendable {
  /// A row a photo, N of D numbers.
  package var rows: EmbeddingRows
  /// N names, of photos as their data call them.
  package var names: [String]
  /// The centres of the people whom the network has learnt, where these were asked for.
  package var centres: PersonCentres?

  /// As many `names` as there are `rows`.
  package init(rows: EmbeddingRows, names: [String]) {
    require(rows.count == names.count, "EmbeddedRows: \(rows.count) rows, \(names.count) names")
    self.rows = rows
    self.names = names
  }
}

/// Rows of stored embeddings: in memory, or in the file where they lie.
package enum EmbeddingRows: Sendable {
  /// [count, width] in memory.
  case held([Float], width: Int)
  case mapped(MappedRows)

  /// Numbers of a row.
  package var width: Int {
    switch self {
    case .held(_, let width): width
    case .mapped(let rows): rows.width
    }
  }

  /// How many there are.
  package var count: Int {
    switch self {
    case .held(let values, let width): width == 0 ? 0 : values.count / width
    case .mapped(let rows): rows.count
    }
  }

  /// Bytes of memory that they take; none where they are read from the file.
  package var heldBytes: Int {
    if case .held(let values, _) = self { return 4 * values.count }
    return 0
  }

  /// All of them [count, width].
  package var values: [Float] {
    switch self {
    case .held(let values, _): return values
    case .mapped(let rows):
      return [Float](unsafeUninitializedCapacity: rows.count * rows.width) { buffer, written in
        for row in 0..<rows.count { rows.read(row, into: buffer.baseAddress! + row * rows.width) }
        written = rows.count * rows.width
      }
    }
  }

  /// Overwrites `row` [width] with row number `index`.
  package func read(_ index: Int, into row: UnsafeMutablePointer<Float>) {
    switch self {
    case .mapped(let rows): rows.read(index, into: row)
    case .held(let values, let width):
      require(
        index >= 0 && (index + 1) * width <= values.count,
        "EmbeddingRows: row \(index) of \(values.count) values, \(width) a row")
      values.withUnsafeBufferPointer {
        row.update(from: $0.baseAddress! + index * width, count: width)
      }
    }
  }
}
