/// The rows of a CSV file (RFC 4180), one at a time; with semicolons, tabs or bars in the place of
/// commas where its first line has no comma, or says so (`SeparatorLine`).
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

  /// The column of photos' names among `titles`, beside the column `other`: one that is called so,
  /// else the first that is no index; nil where there is none.
  package static func nameColumn(_ titles: [String], beside other: Int) -> Int? {
    CSVLayout.nameColumn(titles, beside: other)
  }

  /// The columns of `titles` that hold something of the rows: all but the index that pandas writes.
  package static func ownColumns(_ titles: [String]) -> [Int] { CSVLayout.ownColumns(titles) }

  /// Whether `title` is a word for the name of a photo.
  package static func isNameTitle(_ title: String) -> Bool { CSVLayout.isNameTitle(title) }

  /// What to say behind the word that it is no number of `cell`, where the cause is known.
  package static func cause(ofNoNumber cell: String) -> String { CSVTable.cause(ofNoNumber: cell) }
}
