/// Rows of numbers with a name each, as text: a header `name,0,1,...`, then `NAME,x,y,...`
/// (RFC 4180: names with commas, quotes or line ends stand in quotes).
package struct CSVTable: Sendable, Equatable {
  package let names: [String]
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

  /// Reads such a file; throws `InterchangeError`.
  package init(path: String) throws {
    let file = try PositionedFile(path: path)
    var reader = Reader(bytes: try file.bytes(at: 0, count: file.byteCount), path: path)
    let header = try reader.row().count
    guard header > 1 else {
      throw InterchangeError.malformed(path: path, reason: "its first line names no columns")
    }
    columns = header - 1
    var names: [String] = []
    var values: [Float] = []
    values.reserveCapacity(reader.bytes.count { $0 == 0x2C })
    while !reader.isAtEnd {
      let cells = try reader.row()
      guard cells.count == header else {
        throw InterchangeError.malformed(
          path: path,
          reason: "line \(reader.line - 1) has \(cells.count) cells, the first one \(header)")
      }
      names.append(cells[0])
      for cell in cells[1...] {
        guard let value = Float(cell) else {
          throw InterchangeError.malformed(
            path: path, reason: "'\(cell.prefix(20))' in line \(reader.line - 1) is no number")
        }
        values.append(value)
      }
    }
    self.names = names
    self.values = values
  }

  struct Reader {
    private static let cellLimit = 1 << 16

    let bytes: [UInt8]
    let path: String
    var position = 0
    var line = 1

    init(bytes: [UInt8], path: String) {
      self.bytes = bytes
      self.path = path
    }

    var isAtEnd: Bool { position >= bytes.count }

    /// The cells of the line, and on to the next.
    mutating func row() throws -> [String] {
      var cells: [String] = []
      repeat {
        guard cells.count < Self.cellLimit else {
          throw InterchangeError.malformed(
            path: path, reason: "line \(line) has more than \(Self.cellLimit) cells")
        }
        cells.append(try cell())
      } while take(0x2C)
      _ = take(0x0D)
      guard take(0x0A) || isAtEnd else {
        throw InterchangeError.malformed(path: path, reason: "line \(line) has no end")
      }
      line += 1
      return cells
    }

    private mutating func take(_ byte: UInt8) -> Bool {
      guard position < bytes.count, bytes[position] == byte else { return false }
      position += 1
      return true
    }

    private mutating func cell() throws -> String {
      guard take(0x22) else {
        let start = position
        while position < bytes.count, ![0x2C, 0x0A, 0x0D].contains(bytes[position]) {
          position += 1
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      }
      var text: [UInt8] = []
      while position < bytes.count {
        let byte = bytes[position]
        position += 1
        if byte == 0x22 {
          if !take(0x22) { return String(decoding: text, as: UTF8.self) }
        }
        text.append(byte)
      }
      throw InterchangeError.malformed(path: path, reason: "a quote in line \(line) has no end")
    }
  }
}
