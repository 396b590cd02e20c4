/// What goes wrong with a file: its path, what was found, what to do.
package enum InterchangeError: Error, Equatable, CustomStringConvertible {
  /// The file cannot be opened or read.
  case unreadable(path: String, reason: String)
  /// The file cannot be written; nothing has taken its name.
  case unwritable(path: String, reason: String)
  /// The disk or a quota is full; nothing has taken the file's name.
  case noSpace(path: String)
  /// The file is not of its format.
  case malformed(path: String, reason: String)
  /// The file is something else than text, or than what is read; `reason` says what to do.
  case foreign(path: String, reason: String)
  /// A line, counted from one, of a text that people write is not as it should be.
  case badLine(path: String, line: Int, reason: String)
  /// The file is of its format and holds what this program does not read.
  case unsupported(path: String, reason: String)
  /// The file is cut short, or its bytes are not those that were written.
  case corrupt(path: String, reason: String)

  /// Whether `error` is that of a full disk.
  package static func isNoSpace(_ error: any Error) -> Bool {
    if case .noSpace? = error as? InterchangeError { return true }
    return false
  }

  /// One line of at most a thousand characters, whatever the file's own words in it are.
  package var description: String {
    String(sentence.split(whereSeparator: \.isNewline).joined(separator: " ").prefix(1000))
  }

  private var sentence: String {
    switch self {
    case .unreadable(let path, let reason):
      "cannot read '\(path)': \(reason); check the path and its permissions"
    case .unwritable(let path, let reason):
      "cannot write '\(path)': \(reason); check the folder, its permissions and the free space"
    case .noSpace(let path):
      "no space left to write '\(path)': free some, or raise the quota or the limit of a file's size "
        + "(ulimit -f)"
    case .malformed(let path, let reason):
      "'\(path)' is not a file of its kind: \(reason)"
    case .foreign(let path, let reason): "'\(path)' \(reason)"
    case .badLine(let path, let line, let reason): "'\(path)', line \(line): \(reason)"
    case .unsupported(let path, let reason):
      "'\(path)' holds what is not read here: \(reason)"
    case .corrupt(let path, let reason):
      "'\(path)' is damaged: \(reason); copy it again or take an older one"
    }
  }
}
