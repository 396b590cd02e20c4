/// The rows of a CSV file (RFC 4180), one at a time; with semicolons or tabs in the place of commas
/// where its first line has no comma.
package struct CSVRows {
  private var reader: CSVTable.Reader

  /// Reads the file at `path`, its cells parted by `separator` where it is given; throws
  /// `InterchangeError`.
  package init(path: String, separator: UInt8? = nil) throws {
    reader = try CSVTable.Reader(path: path, separator: separator)
  }

  /// The cells of the next row, nil at the end; throws `InterchangeError.badLine`.
  package mutating func next() throws -> [String]? { reader.isAtEnd ? nil : try reader.row() }

  /// The line, from one, on which the next row begins.
  package var line: Int { reader.line }
}
