private import Interchange

/// The rows of a list of photos, one at a time: by the reader of CSV where commas, semicolons or
/// bars part the cells, or tabs with quotes; else line by line.
enum ListRows {
  /// Calls `body` with the cells of each row that is not blank and the line it begins on, until it
  /// says false; throws `DatasetError`.
  static func forEach(
    _ path: String, _ separator: ListLayout.Separator?, hasQuotes: Bool,
    _ body: ([Substring], Int) throws(DatasetError) -> Bool
  ) throws(DatasetError) {
    if let separator, separator != .space, separator != .tab || hasQuotes {
      try forEachOfCSV(path, separator.rawValue, body)
    } else {
      try LineReader.forEachUntilDone(path) { (bytes, number) throws(DatasetError) in
        guard let text = String(validating: bytes, as: UTF8.self) else {
          throw .badLine(path: path, line: number, reason: "is not UTF-8 text")
        }
        // A tab at the end of a line is an empty cell more, which no layout minds.
        let line = text[...].trimmedASCII
        if line.isEmpty || isSeparatorLine(line, number) { return true }
        guard let separator else { return try body([line], number) }
        return try body(cells(of: line, separator, hasQuotes: hasQuotes), number)
      }
    }
  }

  private static func forEachOfCSV(
    _ path: String, _ separator: UInt8, _ body: ([Substring], Int) throws(DatasetError) -> Bool
  ) throws(DatasetError) {
    var rows: CSVRows
    do {
      rows = try CSVRows(path: path, separator: separator)
    } catch {
      throw DatasetError(error, path: path)
    }
    while true {
      let number = rows.line
      let row: [String]?
      do {
        row = try rows.next()
      } catch {
        throw DatasetError(error, path: path)
      }
      guard let row else { return }
      if row.allSatisfy({ $0[...].trimmedASCII.isEmpty }) { continue }
      guard try body(row.map { $0[...] }, number) else { return }
    }
  }

  /// The cells of `line`, empty ones too; with `hasQuotes` a cell that stands in quotes is one, and
  /// keeps them.
  static func cells(
    of line: Substring, _ separator: ListLayout.Separator, hasQuotes: Bool
  ) -> [Substring] {
    let (mark, quote) = (separator.rawValue, UInt8(ascii: "\""))
    guard hasQuotes, line.utf8.contains(quote) else {
      return line.utf8.split(separator: mark, omittingEmptySubsequences: false).map {
        Substring($0)
      }
    }
    var cells: [Substring] = []
    var rest = line.utf8[...]
    while true {
      var end = rest.firstIndex(of: mark)
      if rest.first == quote {
        // A quote that nothing parts from what follows is one of the cell's own.
        let closing = rest.indices.dropFirst().first { place in
          let next = rest.index(after: place)
          return rest[place] == quote && (next == rest.endIndex || rest[next] == mark)
        }
        if let closing {
          let next = rest.index(after: closing)
          end = next == rest.endIndex ? nil : next
        }
      }
      guard let end else { return cells + [Substring(rest)] }
      cells.append(Substring(rest[..<end]))
      rest = rest[rest.index(after: end)...]
    }
  }

  /// Whether `line` is the first one and says what parts the cells.
  private static func isSeparatorLine(_ line: Substring, _ number: Int) -> Bool {
    number == 1 && SeparatorLine.separator(in: line.utf8) != nil
  }

  /// What parts the cells of the list at `path`, where its first line says it; throws
  /// `DatasetError`, also for a mark that parts no list.
  static func toldSeparator(of path: String) throws(DatasetError) -> ListLayout.Separator? {
    var told: UInt8?
    try LineReader.forEachUntilDone(path) { (line, _) throws(DatasetError) in
      told = SeparatorLine.separator(in: line)
      return false
    }
    guard let told else { return nil }
    guard let separator = ListLayout.Separator(rawValue: told) else {
      throw .badLine(
        path: path, line: 1,
        reason: "says that '\(UnicodeScalar(told))' parts the cells; tabs, spaces, commas, "
          + "semicolons and bars do")
    }
    return separator
  }

  /// The first lines of the file at `path` that are not blank and no comments; throws
  /// `DatasetError`.
  static func firstLines(
    of path: String, count: Int
  ) throws(DatasetError) -> [String] {
    var lines: [String] = []
    try LineReader.forEachUntilDone(path) { (bytes, number) throws(DatasetError) in
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw .badLine(path: path, line: number, reason: "is not UTF-8 text")
      }
      let line = text[...].trimmedASCII
      if !line.isEmpty, line.utf8.first != UInt8(ascii: "#"), !isSeparatorLine(line, number) {
        lines.append(String(line))
      }
      return lines.count < count
    }
    return lines
  }
}

extension ListLayout {
  /// The layout of the list at `path`; `isThere` tells whether there is a photo of that path.
  /// Throws `DatasetError` where it cannot be told.
  static func find(
    _ path: String, isThere: (Substring) -> Bool
  ) throws(DatasetError) -> (layout: ListLayout, hasQuotes: Bool) {
    let lines = try ListRows.firstLines(of: path, count: sampleCount)
    guard let first = lines.first else { throw .unusable(path: path, reason: "names no photos") }
    let hasQuotes = lines.contains { $0.contains("\"") }
    var separators: [Separator?] = [.tab]
    if let told = try ListRows.toldSeparator(of: path), first.utf8.contains(told.rawValue) {
      separators = [told]
    } else if !first.utf8.contains(Separator.tab.rawValue) {
      let marks: [Separator] = [.space, .comma, .semicolon, .bar]
      separators = marks.filter { first.utf8.contains($0.rawValue) } + [nil]
    }
    var candidates: [Candidate] = []
    var failure: DatasetError?
    for separator in separators {
      var rows: [[Substring]] = []
      // A quote that is nowhere closed is one, of a list whose cells something else parts.
      do throws(DatasetError) {
        try ListRows.forEach(path, separator, hasQuotes: hasQuotes) {
          (row, _) throws(DatasetError) in
          if row.first?.utf8.first != UInt8(ascii: "#") { rows.append(row) }
          return rows.count < sampleCount
        }
      } catch {
        failure = error
      }
      if let found = candidate(rows, separator, isThere: isThere) { candidates.append(found) }
    }
    let titled = candidates.filter { $0.layout.titles != nil }
    guard let best = best(titled.isEmpty ? candidates : titled) else {
      throw failure ?? .badLine(path: path, line: 1, reason: "is not 'path label'")
    }
    if let problem = best.problem { throw .badLine(path: path, line: 1, reason: problem) }
    if best.layout.titles == nil, best.found > 0, lines.count > 1 {
      try requirePhoto(in: first, best.layout, hasQuotes, path, isThere)
    }
    return (best.layout, hasQuotes)
  }

  /// Throws where the first line of a list, `line`, is most likely one of titles.
  private static func requirePhoto(
    in line: String, _ layout: ListLayout, _ hasQuotes: Bool, _ path: String,
    _ isThere: (Substring) -> Bool
  ) throws(DatasetError) {
    let row = layout.separator.map { ListRows.cells(of: line[...], $0, hasQuotes: hasQuotes) }
    let parts = layout.parts(of: row ?? [line[...]])
    if let parts, !isThere(parts.photo), let label = parts.label, isThere(label) {
      throw .badLine(
        path: path, line: 1,
        reason: "has the photo where most lines after it have the label; these are lines of two "
          + "kinds: write all of them alike")
    }
    guard let photo = parts?.photo, !isThere(photo),
      !looksLikePhoto(photo), !photo.utf8.contains(UInt8(ascii: "/"))
    else { return }
    throw .badLine(
      path: path, line: 1,
      reason: "names '\(photo)', which is no photo that is there; if these are titles of columns, "
        + "call them path and label, else remove the line")
  }
}
