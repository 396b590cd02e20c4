private import Glibc
internal import Interchange

/// A table that grows by a row at a time.
final class CSVLog {
  private let path: String
  private let file: Int32

  /// Opens or makes the table at `path`; rows of steps after `step` are dropped, and where those
  /// before are not as many as `rows` makes of the lines of `metrics`, the table is made of them
  /// anew: it is written behind the run, which may have been killed, or was not asked for until
  /// now. With `isOneRow` a line makes one row. Throws `RunFolderError.unwritable` and
  /// `InterchangeError`.
  init(
    path: String, columns: [String], resumedAfter step: Int, metrics: String,
    kind: MetricsLine.Kind, isOneRow: Bool, rows: (MetricsLine) -> [[String]]
  ) throws {
    self.path = path
    let header = Array(columns.joined(separator: ",").utf8)
    // Another table in its place is another run's.
    var isOwn = false
    var kept: Set<Int> = []
    try TextLines.filter(path) { row, number, isWhole in
      if number == 0 { isOwn = isWhole && row.elementsEqual(header) }
      // A last row without its end was cut off.
      guard isOwn, isWhole, number > 0 else { return isOwn && isWhole }
      let isKept = row.number(at: 0) <= Double(step)
      if isKept { kept.insert(number) }
      return isKept
    }
    var count = 0
    if step > 0, isOneRow {
      count = try MetricsLine.count(kind, in: metrics, upTo: step)
    } else if step > 0 {
      try MetricsLine.forEach(kind, in: metrics, upTo: step) { count += rows($0).count }
    }
    if kept.count < count {
      let table = try AtomicFile(path: path)
      try table.append(header + [UInt8(ascii: "\n")])
      try MetricsLine.forEach(kind, in: metrics, upTo: step) { line in
        for row in rows(line) { try table.append(CSVLog.bytes(of: row)) }
      }
      try table.commit()
    } else if !isOwn {
      try TextFile.write(columns.joined(separator: ",") + "\n", to: path)
    }
    file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard file >= 0 else { throw RunFolderError.unwritable(path: path, code: errno) }
  }

  deinit { close(file) }

  private static func bytes(of cells: [String]) -> [UInt8] {
    Array((cells.map(CSVTable.quoted).joined(separator: ",") + "\n").utf8)
  }

  /// Appends a row; throws `RunFolderError.unwritable`, and what was written of the row is then cut
  /// off by the next start.
  func write(_ cells: [String]) throws {
    let bytes = Self.bytes(of: cells)
    var written = 0
    // A disk that is nearly full takes a part, and says why only when it is asked to take the rest.
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + written, bytes.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw RunFolderError.unwritable(path: path, code: errno) }
      written += count
    }
  }
}
