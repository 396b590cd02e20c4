/// The rows of a CSV file (RFC 4180), one at a time.
package struct CSVRows {
  private var reader: CSVTable.Reader

  /// Reads the file at `path`; throws `InterchangeError`.
  package init(path: String) throws {
    let file = try PositionedFile(path: path)
    var bytes = try file.bytes(at: 0, count: file.byteCount)
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
    reader = CSVTable.Reader(bytes: bytes, path: path)
  }

  /// The cells of the next row, nil at the end; throws `InterchangeError.malformed`.
  package mutating func next() throws -> [String]? { reader.isAtEnd ? nil : try reader.row() }
}
