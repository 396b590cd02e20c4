private import Glibc
internal import Interchange

/// A table that grows by a row at a time.
final class CSVLog {
  private let path: String
  private let file: Int32

  /// Opens or makes the table at `path`; rows of steps after `step` are dropped. Throws
  /// `RunFolderError.unwritable`.
  init(path: String, columns: [String], resumedAfter step: Int) throws {
    self.path = path
    let header = Array(columns.joined(separator: ",").utf8)
    // Another table in its place is another run's.
    var isOwn = false
    try TextLines.filter(path) { row, number, isWhole in
      if number == 0 { isOwn = isWhole && row.elementsEqual(header) }
      // A last row without its end was cut off.
      return isOwn && isWhole && (number == 0 || row.number(at: 0) <= Double(step))
    }
    if !isOwn { try TextFile.write(columns.joined(separator: ",") + "\n", to: path) }
    file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
    guard file >= 0 else { throw RunFolderError.unwritable(path: path, code: errno) }
  }

  deinit { close(file) }

  /// Appends a row; throws `RunFolderError.unwritable`, and what was written of the row is then cut
  /// off by the next start.
  func write(_ cells: [String]) throws {
    let bytes = Array((cells.map(CSVTable.quoted).joined(separator: ",") + "\n").utf8)
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
