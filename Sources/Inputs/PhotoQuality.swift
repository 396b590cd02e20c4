internal import Datasets
internal import Interchange

/// What says how good photos are: a column of a file, by their names, or the norms of their
/// embeddings.
package struct PhotoQuality {
  private struct Entry {
    let name: String
    let value: Double
    let line: Int
  }

  /// By name; nil for the norms of embeddings.
  private let values: [Entry]?
  private let path: String
  private let file: String

  /// Reads `norm`, or `FILE.csv` with `:column` behind it where it has several; throws
  /// `InterchangeError`.
  package init(_ text: String) throws {
    path = text
    guard text != "norm" else {
      values = nil
      file = text
      return
    }
    let table = TableColumn(text)
    file = table.file
    var rows = try CSVRows(path: file)
    let top = rows.line
    guard let titles = try rows.next()?.map({ String(LineCells.trimmed($0[...])) }),
      titles.count > 1
    else {
      throw InterchangeError.malformed(
        path: file, reason: "it has no columns; a first line such as 'name,quality' stands there")
    }
    let (name, place) = try Self.columns(titles, table, line: top)
    var values: [Entry] = []
    var places: [String: Int] = [:]
    var line = rows.line
    while let row = try rows.next() {
      defer { line = rows.line }
      if row.allSatisfy({ $0.allSatisfy(\.isWhitespace) }) { continue }
      guard row.count == titles.count else {
        throw InterchangeError.badLine(
          path: file, line: line, reason: "has \(row.count) cells, the titles \(titles.count)")
      }
      let cell = String(LineCells.trimmed(row[place][...]))
      guard let value = Double(cell), !value.isNaN else {
        throw InterchangeError.badLine(
          path: file, line: line,
          reason: "has no number under '\(titles[place])'" + CSVRows.cause(ofNoNumber: cell))
      }
      let entry = Entry(name: row[name], value: value, line: line)
      if let known = places[entry.name] {
        try Self.requireEqual(values[known], entry, file: file)
      } else {
        places[entry.name] = values.count
        values.append(entry)
      }
    }
    self.values = values
  }

  /// The columns of names and of qualities among `titles`, which stand on `line`: titles say which
  /// holds the names; throws where they do not tell which holds the qualities.
  private static func columns(
    _ titles: [String], _ table: TableColumn, line: Int
  ) throws -> (name: Int, quality: Int) {
    func bad(_ reason: String) -> InterchangeError {
      .badLine(path: table.file, line: line, reason: reason)
    }
    let own = CSVRows.ownColumns(titles)
    let named = own.first { CSVRows.isNameTitle(titles[$0]) } ?? own.first
    let others = own.filter { $0 != named }
    let only = table.column == nil && others.count == 1 ? others[0] : nil
    guard let quality = table.place(among: titles) ?? only else {
      throw bad(
        "has the columns \(titles.joined(separator: ", ")); say which is the quality: --quality "
          + "\(table.file):COLUMN")
    }
    guard let name = CSVRows.nameColumn(titles, beside: quality) else {
      throw bad("has no column of names beside '\(titles[quality])'")
    }
    guard Double(titles[quality]) == nil else {
      throw bad(
        "has the number '\(titles[quality])' where the title of a column stands; put a first line "
          + "such as 'name,quality' before it")
    }
    return (name, quality)
  }

  /// Throws where two lines of `file` say two things of a photo.
  private static func requireEqual(_ known: Entry, _ other: Entry, file: String) throws {
    guard known.value != other.value else { return }
    throw InterchangeError.badLine(
      path: file, line: other.line,
      reason: "gives '\(other.name)' the quality \(other.value), line \(known.line) gives "
        + "'\(known.name)' \(known.value), and both are of one photo; leave one")
  }

  /// The quality of each of `names`, larger is better; throws where one of those `used` has none,
  /// where a name may be several of them, and where two lines say two things of one.
  package func values(of names: [String], norms: [Double], used: Set<Int>) throws -> [Double] {
    guard let values else { return norms }
    var lookup = PhotoLookup(names)
    var found = [Double](repeating: .nan, count: names.count)
    var sources: [Int: Entry] = [:]
    for entry in values {
      switch lookup.find(entry.name) {
      case .none: continue
      case .one(let photo):
        if let known = sources[photo] { try Self.requireEqual(known, entry, file: file) }
        sources[photo] = entry
        found[photo] = entry.value
      case .several(let photos):
        guard photos.contains(where: used.contains) else { continue }
        throw InterchangeError.badLine(
          path: file, line: entry.line,
          reason: "names '\(entry.name)', which may be \(lookup.text(photos)); give its path")
      }
    }
    let missing = used.filter { found[$0].isNaN }
    if let first = missing.min() {
      throw DatasetError.badOption(
        name: "--quality", text: path,
        reason: "has no line for \(missing.count) photos of the pairs, such as \(names[first])")
    }
    return found
  }
}
