private import Interchange

/// The rows of `metadata.csv` and `metadata.jsonl` of Hugging Face's imagefolder.
enum MetadataRows {
  /// Calls `body` with photo and label of each row of the file at `path`, nil for what is not
  /// there, and its line; returns what is to be said of the columns. Throws `DatasetError`,
  /// `.noColumns` where they are not those of photos and labels.
  static func forEach(
    _ path: String, _ body: (String?, String?, Int) throws(DatasetError) -> Void
  ) throws(DatasetError) -> DataNotes {
    path.hasSuffix(".csv") ? try forEachOfCSV(path, body) : try forEachOfJSON(path, body)
  }

  /// Whether the file at `path` has columns of photos and of labels; throws `DatasetError` for one
  /// that cannot be read as what it is called.
  static func hasColumns(_ path: String) throws(DatasetError) -> Bool {
    var titles: [String] = []
    if path.hasSuffix(".csv") {
      try ListRows.forEach(path, try separator(of: path), hasQuotes: true) {
        (row, _) throws(DatasetError) in
        titles = row.map(String.init)
        return false
      }
    } else {
      try LineReader.forEachUntilDone(path) { (line, _) throws(DatasetError) in
        if isBlank(line) { return true }
        titles = JSONFields(Array(line))?.names ?? []
        return false
      }
    }
    return columns(ColumnTitles(titles)) != nil
  }

  static let wanted =
    "a column of photos, 'file_name', and one that says who is on them: 'label', 'person', "
    + "'identity', 'class' or 'name' ('id' may be the photo's: call it 'person_id' if it is not)"

  /// The columns that are taken; nil where one of them is not there.
  private static func columns(_ titles: ColumnTitles) -> (photo: Int, label: Int)? {
    guard let photo = titles.photo, let label = titles.labelColumns.first(where: { $0 != photo })
    else { return nil }
    return (photo, label)
  }

  private static func notes(
    _ path: String, _ titles: ColumnTitles, _ taken: (photo: Int, label: Int)
  ) -> DataNotes {
    var notes = DataNotes()
    let name = path.split(separator: "/").last.map(String.init) ?? path
    notes.remarks.append(titles.remark(file: name, photo: taken.photo, label: taken.label))
    if let doubt = titles.doubt(file: name, label: taken.label) { notes.warnings.append(doubt) }
    return notes
  }

  /// What parts the cells of the file at `path`, by its first line or by what stands before it.
  private static func separator(of path: String) throws(DatasetError) -> ListLayout.Separator {
    if let told = try ListRows.toldSeparator(of: path) { return told }
    let first = try ListRows.firstLines(of: path, count: 1).first ?? ""
    let marks: [ListLayout.Separator] = [.comma, .semicolon, .tab, .bar]
    return marks.first { first.utf8.contains($0.rawValue) } ?? .comma
  }

  private static func forEachOfCSV(
    _ path: String, _ body: (String?, String?, Int) throws(DatasetError) -> Void
  ) throws(DatasetError) -> DataNotes {
    var taken: (photo: Int, label: Int)?
    var said = DataNotes()
    try ListRows.forEach(path, try separator(of: path), hasQuotes: true) {
      (row, line) throws(DatasetError) in
      guard let (photo, label) = taken else {
        let titles = ColumnTitles(row.map(String.init))
        guard let found = columns(titles) else {
          throw .badLine(path: path, line: line, reason: "has not \(wanted)")
        }
        taken = found
        said = notes(path, titles, found)
        return true
      }
      try body(
        photo < row.count ? String(row[photo]) : nil, label < row.count ? String(row[label]) : nil,
        line)
      return true
    }
    return said
  }

  private static func forEachOfJSON(
    _ path: String, _ body: (String?, String?, Int) throws(DatasetError) -> Void
  ) throws(DatasetError) -> DataNotes {
    // The first line decides for all: one person must not be called by two columns.
    var taken: (photo: String, label: String)?
    var said = DataNotes()
    try LineReader.forEach(path) { (line, number) throws(DatasetError) in
      if isBlank(line) { return }
      guard let fields = JSONFields(Array(line)) else {
        throw .badLine(path: path, line: number, reason: "is no JSON object")
      }
      guard let (photo, label) = taken else {
        let titles = ColumnTitles(fields.names)
        guard let found = columns(titles) else {
          throw .badLine(path: path, line: number, reason: "has not \(wanted)")
        }
        let names = (titles.titles[found.photo], titles.titles[found.label])
        taken = names
        said = notes(path, titles, found)
        return try body(fields[names.0], fields[names.1], number)
      }
      try body(fields[photo], fields[label], number)
    }
    return said
  }

  private static func isBlank(_ line: UnsafeRawBufferPointer) -> Bool {
    line.allSatisfy { $0 == 0x20 || $0 == 0x09 }
  }
}
