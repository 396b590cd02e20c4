/// The rows of a CSV file (RFC 4180), one at a time; with semicolons or tabs in the place of commas
/// where its first line has no comma.
package struct CSVRows {
  private var reader: CSVTable.Reader

  /// Reads the file at `path`; throws `InterchangeError`.
  package init(path: String) throws {
    reader = try CSVTable.Reader(path: path)
  }

  /// The cells of the next row, nil at the end; throws `InterchangeError.badLine`.
  package mutating func next() throws -> [String]? { reader.isAtEnd ? nil : try reader.row() }

  /// The line, from one, on which the next row begins.
  package var line: Int { reader.line }
}
