/// Rows of numbers with a name each, as text: a header `name,0,1,...`, then `NAME,x,y,...`
/// (RFC 4180: names with commas, quotes or line ends stand in quotes).
///
/// Where titles count, `0,1,...` or `e0,e1,...`, those columns alone are the numbers, by their
/// number in whatever order. One column may hold a list a row, `NAME,"[x, y]"`.
package struct CSVTable: Sendable, Equatable {
  /// The first cell of each row.
  package let names: [String]
  /// Titles of the columns that are neither names nor numbers of a row.
  package let passedOver: [String]
  /// Titles of the first and the last number of a row, where they do not count the numbers.
  package let uncounted: [String]
  /// Numbers of a row.
  package let columns: Int
  /// Row by row [names.count, columns].
  package let values: [Float]

  /// Writes names and `row`'s numbers, as text that reads back to the same floats, whole or not at
  /// all; throws `InterchangeError.unwritable`.
  package static func write(
    names: [String], columns: Int, to path: String, row: (Int) -> [String]
  ) throws {
    let file = try AtomicFile(path: path)
    var text = (["name"] + (0..<columns).map(String.init)).joined(separator: ",") + "\n"
    for (index, name) in names.enumerated() {
      text += quoted(name)
      for number in row(index) { text += "," + number }
      text += "\n"
      if text.utf8.count > 1 << 18 {
        try file.append(Array(text.utf8))
        text = ""
      }
    }
    try file.append(Array(text.utf8))
    try file.commit()
  }

  /// A cell as RFC 4180 has it: in quotes where it holds commas, quotes or line ends.
  package static func quoted(_ cell: String) -> String {
    let isPlain = cell.utf8.allSatisfy { ![0x2C, 0x22, 0x0A, 0x0D].contains($0) }
    return isPlain
      ? cell
      : "\""
        + cell.split(separator: "\"", omittingEmptySubsequences: false)
        .joined(separator: "\"\"") + "\""
  }

  /// Reads such a file, semicolons, tabs or bars in the place of commas where its first line has no
  /// comma, or says so (`SeparatorLine`); throws `InterchangeError`, also for a file whose first
  /// line is no header.
  package init(path: String) throws {
    var reader = try Reader(path: path)
    let top = reader.line
    let header = try reader.row()
    func bad(_ line: Int, _ reason: String) -> InterchangeError {
      .badLine(path: path, line: line, reason: reason)
    }
    let wanted = "'" + ["name", "0", "1", "..."].joined(separator: reader.mark) + "'"
    guard header.count > 1 else {
      throw bad(
        top,
        top > 1
          ? "is not parted by '\(reader.mark)', as the line before it says; a header such as "
            + "\(wanted) stands there"
          : "names no columns; a header such as \(wanted) stands there")
    }
    guard !Self.isRow(header.dropFirst()) else {
      throw bad(
        top,
        "holds numbers, not names of columns; put a header \(wanted) before it"
          + (top > 1 ? ", below the line of 'sep='" : ""))
    }
    let line = reader.line
    let first = reader.isAtEnd ? [] : try reader.row()
    let rows = Rows(first: first, firstLine: line, width: header.count, reader: reader)
    do {
      if let list = try Self.listColumn(header, first) {
        try self.init(lists: list, header, rows)
      } else {
        try self.init(columns: try CSVLayout(header), header, rows)
      }
      guard !names.isEmpty else {
        throw bad(top, "has no photo below it; it names columns, and a row a photo follows")
      }
    } catch let problem as CSVLayout.Problem {
      throw bad(top, problem.reason)
    }
  }

  static func number(_ cell: String) -> Float? {
    if let value = Float(cell) { return value }
    let words = cell.split(whereSeparator: \.isWhitespace)
    return words.count == 1 ? Float(words[0]) : nil
  }

  /// Whether cells of a first line are a photo's numbers: numbers that do not count columns.
  private static func isRow(_ cells: ArraySlice<String>) -> Bool {
    let numbers = cells.compactMap(number)
    // Titles sorted as text are another order from ten numbers on.
    let titles = numbers.count > 10 ? numbers.sorted() : numbers
    guard let first = titles.first else { return false }
    let counts = titles.indices.allSatisfy { titles[$0] == first + Float($0) }
    return !counts || (first != 0 && first != 1)
  }

  /// A table of `names` and `values` as they are.
  init(
    names: [String], passedOver: [String], uncounted: [String], columns: Int, values: [Float]
  ) {
    self.names = names
    self.passedOver = passedOver
    self.uncounted = uncounted
    self.columns = columns
    self.values = values
  }

  struct Reader {
    private static let cellLimit = 1 << 16

    private let bytes: ArraySlice<UInt8>
    let path: String
    private let separator: UInt8
    private var position: Int
    /// The line, from one, at which the next row begins.
    private(set) var line = 1

    /// Reads the file at `path`, its cells parted by `separator` where it is given; throws
    /// `InterchangeError`.
    init(path: String, separator given: UInt8? = nil) throws {
      bytes = try TextFile.bytes(of: path)
      self.path = path
      position = bytes.startIndex
      var first = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
      let told = SeparatorLine.separator(in: first)
      if told != nil {
        position = first.endIndex
        if position < bytes.endIndex, bytes[position] == 0x0D { position += 1 }
        if position < bytes.endIndex, bytes[position] == 0x0A { position += 1 }
        line = 2
        first = bytes[position...].prefix { $0 != 0x0A && $0 != 0x0D }
      }
      let marks: [UInt8] = [0x2C, 0x3B, 0x09, 0x7C]
      separator = given ?? told ?? marks.first { first.contains($0) } ?? marks[0]
    }

    /// What parts the cells, to be shown.
    var mark: String { separator == 0x09 ? "<TAB>" : String(UnicodeScalar(separator)) }

    var isAtEnd: Bool { position >= bytes.endIndex }

    /// How many separators the file has.
    var separatorCount: Int { bytes.count { $0 == separator } }

    private func bad(_ reason: String) -> InterchangeError {
      .badLine(path: path, line: line, reason: reason)
    }

    /// The cells of the line, and on to the next.
    mutating func row() throws -> [String] {
      var cells: [String] = []
      var endsInside = 0
      repeat {
        guard cells.count < Self.cellLimit else {
          throw bad("has more than \(Self.cellLimit) cells")
        }
        cells.append(try cell(&endsInside))
      } while take(separator)
      let isReturned = take(0x0D)
      guard take(0x0A) || isReturned || isAtEnd else { throw bad("has no end") }
      line += 1 + endsInside
      return cells
    }

    private mutating func take(_ byte: UInt8) -> Bool {
      guard position < bytes.endIndex, bytes[position] == byte else { return false }
      position += 1
      return true
    }

    private func text(_ bytes: some Collection<UInt8>) throws -> String {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw bad("is not UTF-8 text")
      }
      return text
    }

    /// A cell; `endsInside` grows by the line ends in it.
    private mutating func cell(_ endsInside: inout Int) throws -> String {
      guard take(0x22) else {
        let start = position
        while position < bytes.endIndex, ![separator, 0x0A, 0x0D].contains(bytes[position]) {
          position += 1
        }
        return try text(bytes[start..<position])
      }
      var cell: [UInt8] = []
      while position < bytes.endIndex {
        let byte = bytes[position]
        position += 1
        if byte == 0x22 {
          if !take(0x22) { return try text(cell) }
        }
        if byte == 0x0A { endsInside += 1 }
        cell.append(byte)
      }
      throw bad("a quote has no end")
    }
  }
}
