internal import Interchange

/// Names of the rows of stored embeddings in a text file: one a line, or a column of a table.
enum NamesFile {
  /// The names in the file at `path`, in order; `tell` is given a sentence of what is passed over.
  /// Throws `InterchangeError`, also where columns do not tell which holds the names.
  static func read(_ path: String, tell: (String) -> Void) throws -> [String] {
    let all = try TextFile.lines(of: path)
    let told = all.first.flatMap { SeparatorLine.separator(in: $0.utf8) }
    let lines = all.dropFirst(told == nil ? 0 : 1).filter { !$0.isEmpty }
    let mark = told.map { Character(UnicodeScalar($0)) }
    if let table = try findTable(lines, told: mark, path: path) {
      tell(
        "\(path): the names are column \(table.column + 1) of \(table.columnCount)"
          + (table.isTitled ? ", below the titles" : ""))
      return table.names
    }
    // A title above names that are told from it.
    if lines.count > 1, CSVRows.isNameTitle(lines[0]), lines.dropFirst().allSatisfy(isPath) {
      tell("\(path): line 1, '\(lines[0])', is taken for a title")
      return Array(lines.dropFirst())
    }
    return lines
  }

  private struct Table {
    let names: [String]
    let column: Int
    let columnCount: Int
    let isTitled: Bool
  }

  /// The names of `lines` that are rows of a table; nil where each is a name.
  private static func findTable(_ lines: [String], told: Character?, path: String) throws -> Table?
  {
    let marks: [Character] = told.map { [$0] } ?? ["\t", ",", ";", "|", " "]
    for mark in marks {
      let isSure = mark == told || mark == "\t"
      // Names may hold any other mark.
      if !isSure, lines.allSatisfy(PhotoLookup.hasEnding) { return nil }
      let rows = lines.map { LineCells.split($0[...], separator: mark) }
      guard let count = rows.first?.count, count > 1, rows.allSatisfy({ $0.count == count }) else {
        continue
      }
      guard let (column, isTitled) = nameColumn(rows, isSure: isSure) else {
        guard isSure else { continue }
        throw InterchangeError.badLine(
          path: path, line: 1,
          reason: "has \(count) columns, and nothing says which holds the names; leave the others "
            + "away, or put a line of titles before it, such as 'name'")
      }
      return Table(
        names: rows.dropFirst(isTitled ? 1 : 0).map { $0[column] }, column: column,
        columnCount: count, isTitled: isTitled)
    }
    return nil
  }

  /// The column of names in `rows`, by its title or as the only one of paths, and whether the first
  /// row has titles; nil where it cannot be told. Where no column is sure to be one names end as
  /// photos do.
  private static func nameColumn(_ rows: [[String]], isSure: Bool) -> (column: Int, isTitled: Bool)?
  {
    let body = rows.count > 1 ? rows.dropFirst() : rows[...]
    func isName(_ cell: String) -> Bool { isSure ? isPath(cell) : PhotoLookup.hasEnding(cell) }
    let titled = rows[0].indices.filter { CSVRows.isNameTitle(rows[0][$0]) }
    if rows.count > 1, titled.count == 1, !rows[0].contains(where: isPath) {
      return (titled[0], true)
    }
    let columns = rows[0].indices.filter { column in body.allSatisfy { isName($0[column]) } }
    guard columns.count == 1 else { return nil }
    return (columns[0], !isName(rows[0][columns[0]]))
  }

  private static func isPath(_ cell: String) -> Bool {
    cell.contains("/") || cell.contains("\\") || PhotoLookup.hasEnding(cell)
  }
}
