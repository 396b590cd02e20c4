private import Foundation
private import Glibc

/// What the user looks at, where that is a terminal.
///
/// Open MPI gives every rank a terminal of its own making: what the user sees is the launcher's
/// standard output.
package struct Terminal {
  /// The launcher's; nil where this process's own standard output is the terminal.
  private let path: String?

  /// The terminal that standard output is; nil where it is none, or one that cannot go back in a
  /// line. `isLaunched`: a launcher stands between this process and the user.
  init?(isLaunched: Bool) {
    let kind = getenv("TERM").map { String(cString: $0) } ?? ""
    guard kind != "dumb" else { return nil }
    if isLaunched {
      guard let path = Self.launchersTerminal else { return nil }
      self.path = path
    } else {
      guard isatty(STDOUT_FILENO) == 1 else { return nil }
      path = nil
    }
  }

  /// Columns at this moment; nil where the terminal does not say.
  var columns: Int? {
    var size = winsize()
    guard let path else {
      return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 ? Self.columns(size) : nil
    }
    let file = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    return ioctl(file, UInt(TIOCGWINSZ), &size) == 0 ? Self.columns(size) : nil
  }

  private static func columns(_ size: winsize) -> Int? {
    size.ws_col > 0 ? Int(size.ws_col) : nil
  }

  /// `line` cut so that a terminal of `columns` shows it in one row and can take it back: the last
  /// column stays free, as some terminals go on to the next row after it.
  package static func cut(_ line: String, columns: Int?) -> String {
    guard let columns, line.count >= columns else { return line }
    return String(line.prefix(max(1, columns - 1)))
  }

  /// The terminal that is the launcher's standard output: of the nearest process above that does
  /// not share this one's, by its entries in proc(5).
  private static var launchersTerminal: String? {
    guard let own = standardOutput(of: getpid()) else { return nil }
    var process = getppid()
    while process > 1, standardOutput(of: process) == own {
      guard let parent = parent(of: process) else { return nil }
      process = parent
    }
    guard let path = standardOutput(of: process) else { return nil }
    return path.hasPrefix("/dev/pts/") || path.hasPrefix("/dev/tty") ? path : nil
  }

  private static func standardOutput(of process: pid_t) -> String? {
    var target = [CChar](repeating: 0, count: 256)
    let count = readlink("/proc/\(process)/fd/1", &target, target.count - 1)
    guard count > 0 else { return nil }
    return String(decoding: target[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The fourth field of stat, after the command's name in brackets, which may hold anything.
  private static func parent(of process: pid_t) -> pid_t? {
    guard let bytes = FileManager.default.contents(atPath: "/proc/\(process)/stat") else {
      return nil
    }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let bracket = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: bracket)...].split(separator: " ")
    return fields.count > 1 ? pid_t(fields[1]) : nil
  }
}
