internal import Datasets

/// Rows of text in columns as wide as they need to be.
package struct ColumnTable: Sendable {
  private var rows: [[String]]
  private let isNumber: [Bool]

  /// Columns by title; numbers stand at the right, the others at the left.
  package init(_ columns: [(title: String, isNumber: Bool)]) {
    rows = [columns.map(\.title)]
    isNumber = columns.map(\.isNumber)
  }

  /// Appends a row of as many cells as there are columns.
  package mutating func append(_ cells: [String]) { rows.append(cells) }

  /// The table without trailing spaces, titles first.
  package var lines: [String] {
    let widths = isNumber.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ") + (isNumber[column] ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  /// The same as comma-separated values (RFC 4180), with a line feed behind each row.
  package var csv: String {
    rows.map { $0.map(Self.quoted).joined(separator: ",") + "\n" }.joined()
  }

  private static func quoted(_ cell: String) -> String {
    guard cell.contains(where: { ",\"\n\r".contains($0) }) else { return cell }
    return "\""
      + cell.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
