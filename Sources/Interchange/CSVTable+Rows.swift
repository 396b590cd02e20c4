extension CSVTable {
  /// The rows below a header, blank lines left out.
  struct Rows {
    /// The cells of the first row; empty where there is none.
    let first: [String]
    let firstLine: Int
    /// The cells of the header.
    let width: Int
    var reader: Reader

    /// Calls `body` with each row and its line, from one; throws `InterchangeError` for one of
    /// another width, and what `body` throws.
    mutating func forEach(_ body: ([String], Int) throws -> Void) throws {
      var (cells, line) = (first, firstLine)
      guard !cells.isEmpty else { return }
      while true {
        if cells != [""] {
          guard cells.count == width else {
            throw bad(
              line,
              isSeparatorLine(cells)
                ? "says what parts the cells and stands below the titles; put it before them"
                : "has \(cells.count) cells, the first line \(width)")
          }
          try body(cells, line)
        }
        guard !reader.isAtEnd else { return }
        line = reader.line
        cells = try reader.row()
      }
    }

    private func isSeparatorLine(_ cells: [String]) -> Bool {
      cells.count < 3 && cells[0].lowercased().hasPrefix("sep=") && cells[0].count < 6
    }

    func bad(_ line: Int, _ reason: String) -> InterchangeError {
      .badLine(path: reader.path, line: line, reason: reason)
    }

    /// Why `cell` is no number.
    func noNumber(_ line: Int, _ cell: String) -> InterchangeError {
      bad(line, "'\(cell.prefix(20))' is no number" + CSVTable.cause(ofNoNumber: cell))
    }
  }

  /// What to say behind the word that `cell` is no number, where the cause is known.
  static func cause(ofNoNumber cell: String) -> String {
    let parts = cell.split(separator: ",", omittingEmptySubsequences: false)
    let hasDecimalComma = parts.count == 2 && Float(parts.joined(separator: ".")) != nil
    return hasDecimalComma
      ? ": it has a decimal comma; write the file with points (pandas: to_csv(..., decimal='.'))"
      : ""
  }

  /// Reads a column a number.
  init(columns layout: CSVLayout, _ header: [String], _ given: Rows) throws {
    var rows = given
    var names: [String] = []
    var values: [Float] = []
    values.reserveCapacity(rows.reader.separatorCount)
    try rows.forEach { cells, line in
      names.append(cells[layout.name])
      for column in layout.numbers {
        guard let value = Self.number(cells[column]) else {
          throw given.noNumber(line, cells[column])
        }
        values.append(value)
      }
    }
    if !layout.isCounted, let odd = Self.oddColumn(values, layout.numbers.count) {
      throw CSVLayout.Problem(
        reason: "has a column '\(header[layout.numbers[odd]])' of whole numbers beside others that "
          + "are none, which is hardly a number of an embedding; leave it out, or count the titles "
          + "of those that are, '0,1,...' or 'e0,e1,...'")
    }
    self.init(
      names: names, passedOver: layout.passedOver.map { header[$0] },
      uncounted: layout.isCounted
        ? [] : [header[layout.numbers[0]], header[layout.numbers[layout.numbers.count - 1]]],
      columns: layout.numbers.count, values: values)
  }

  /// The first column of whole numbers, not all zero, where most columns have others.
  private static func oddColumn(_ values: [Float], _ columns: Int) -> Int? {
    let count = values.count / columns
    guard count > 1 else { return nil }
    var whole: [Int] = []
    var wholeCount = 0
    for column in 0..<columns {
      let cells = (0..<count).lazy.map { values[$0 * columns + column] }
      guard cells.allSatisfy({ $0 == $0.rounded() }) else { continue }
      wholeCount += 1
      if cells.contains(where: { $0 != 0 }) { whole.append(column) }
    }
    return 2 * wholeCount < columns ? whole.first : nil
  }

  // MARK: Lists

  private static let listWords = [
    "embedding", "embeddings", "emb", "vector", "feature", "features",
  ]

  /// The column whose cells are lists, as `to_csv` of pandas writes arrays; nil where none are.
  static func listColumn(
    _ header: [String], _ first: [String]
  ) throws(CSVLayout.Problem) -> Int? {
    let lists = first.indices.filter { $0 < header.count && first[$0].first == "[" }
    let named = lists.filter { listWords.contains(header[$0].lowercased()) }
    guard let list = named.first ?? lists.first else { return nil }
    guard named.count == 1 || lists.count == 1 else {
      throw CSVLayout.Problem(
        reason: "has lists in the columns "
          + lists.map { "'\(header[$0])'" }.joined(separator: " and ")
          + "; call the one of the embeddings 'embedding'")
    }
    return list
  }

  /// Reads the lists in column `list`, their numbers parted by commas or white space.
  init(lists list: Int, _ header: [String], _ given: Rows) throws {
    guard let name = CSVLayout.nameColumn(header, beside: list) else {
      throw CSVLayout.Problem(reason: "has no column of names beside '\(header[list])'")
    }
    var rows = given
    var names: [String] = []
    var values: [Float] = []
    var columns = 0
    try rows.forEach { cells, line in
      let cell = cells[list]
      guard cell.first == "[", cell.last == "]" else {
        throw given.bad(line, "'\(cell.prefix(20))' is no list of numbers, '[0.1, 0.2]'")
      }
      let words = cell.dropFirst().dropLast().split { $0 == "," || $0.isWhitespace }
      if words.contains("...") {
        throw given.bad(
          line, "a list is cut short with '...'; write it whole (numpy: tolist() before to_csv)")
      }
      if names.isEmpty { columns = words.count }
      guard words.count == columns, columns > 0 else {
        throw given.bad(line, "has \(words.count) numbers in its list, the first one \(columns)")
      }
      for word in words {
        guard let value = Self.number(String(word)) else {
          throw given.noNumber(line, String(word))
        }
        values.append(value)
      }
      names.append(cells[name])
    }
    self.init(
      names: names,
      passedOver: header.indices.filter { $0 != name && $0 != list }.map { header[$0] },
      uncounted: [], columns: columns, values: values)
  }
}
