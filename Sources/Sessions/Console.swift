private import Foundation
private import Glibc
internal import Threads

/// Where lines for people are kept.
package protocol LineSink: AnyObject {
  /// Keeps `line`; what people read may be lost where there is no space.
  func writeLine(_ line: String)
}

/// What a run says to people: rank 0 alone, on standard output and in the log file.
package final class Console {
  private let isSpeaker: Bool
  private let isQuiet: Bool
  private let isTerminal: Bool
  private var hasProgressLine = false
  private var lastProgress = -Double.infinity
  private var log: (any LineSink)?
  private var unlogged: [String] = []

  /// `isLaunched`: a launcher stands between this process and the user. Open MPI gives every rank a
  /// terminal of its own making: what the user sees is the launcher's standard output.
  package init(isSpeaker: Bool, isQuiet: Bool, isLaunched: Bool) {
    self.isSpeaker = isSpeaker
    self.isQuiet = isQuiet
    isTerminal =
      isLaunched ? Self.launcherHasTerminal : isatty(STDOUT_FILENO) == 1
  }

  /// Whether the standard output of the launcher is a terminal: of the nearest process above that
  /// does not share this one's, by its entries in proc(5).
  private static var launcherHasTerminal: Bool {
    guard let own = standardOutput(of: getpid()) else { return false }
    var process = getppid()
    while process > 1, standardOutput(of: process) == own {
      guard let parent = parent(of: process) else { return false }
      process = parent
    }
    guard let path = standardOutput(of: process) else { return false }
    return path.hasPrefix("/dev/pts/") || path.hasPrefix("/dev/tty")
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

  /// Writes every line to `log` too, from now on, and those that were said before.
  package func record(in log: any LineSink) {
    for line in unlogged { log.writeLine(line) }
    unlogged = []
    self.log = log
  }

  /// A line for people; silenced by --quiet on standard output.
  package func say(_ line: String) {
    guard isSpeaker else { return }
    record(line)
    if !isQuiet { write(line) }
  }

  /// A line for the log file alone.
  package func note(_ line: String) {
    if isSpeaker { record(line) }
  }

  /// A warning, on standard error too when quiet.
  package func warn(_ line: String) {
    guard isSpeaker else { return }
    record("warning: " + line)
    clearProgress()
    put("ddp-train: warning: \(line)\n", on: STDERR_FILENO)
  }

  /// A receipt that scripts read: printed even with --quiet.
  package func receipt(_ line: String) {
    guard isSpeaker else { return }
    record(line)
    write(line)
  }

  /// The state of the run: one live line on a terminal, else a line every 10 s, and always the
  /// first and last.
  package func progress(_ line: @autoclosure () -> String, isLandmark: Bool) {
    guard isSpeaker, !isQuiet else { return }
    let now = Clock.seconds
    if isTerminal {
      guard isLandmark || now - lastProgress > 0.2 else { return }
      put("\r\u{1B}[K" + line(), on: STDOUT_FILENO)
      hasProgressLine = true
    } else {
      guard isLandmark || now - lastProgress > 10 else { return }
      write(line())
    }
    lastProgress = now
  }

  private func record(_ line: String) {
    if let log { log.writeLine(line) } else { unlogged.append(line) }
  }

  private func write(_ line: String) {
    clearProgress()
    put(line + "\n", on: STDOUT_FILENO)
  }

  /// In one call, so that lines of several processes do not mix.
  private func put(_ text: String, on file: Int32) {
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
  }

  private func clearProgress() {
    guard hasProgressLine else { return }
    put("\r\u{1B}[K", on: STDOUT_FILENO)
    hasProgressLine = false
  }

  /// `seconds` as 1:02:03 or 2:03.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    let total = Int(seconds.rounded())
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return total >= 3600
      ? "\(total / 3600):\(two(total / 60 % 60)):\(two(total % 60))"
      : "\(total / 60):\(two(total % 60))"
  }

  /// `value` with `digits` digits after the point.
  package static func fixed(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
  }
}
