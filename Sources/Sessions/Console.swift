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
  private let terminal: Terminal?
  private var hasProgressLine = false
  private var lastProgress = -Double.infinity
  private var log: (any LineSink)?
  private var unlogged: [String] = []

  /// `isLaunched`: a launcher stands between this process and the user.
  package init(isSpeaker: Bool, isQuiet: Bool, isLaunched: Bool) {
    self.isSpeaker = isSpeaker
    self.isQuiet = isQuiet
    terminal = isSpeaker && !isQuiet ? Terminal(isLaunched: isLaunched) : nil
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

  /// The state of the run: one live line on a terminal, cut to its width, else a line every
  /// 10 s, and always the first and last.
  package func progress(_ line: @autoclosure () -> String, isLandmark: Bool) {
    guard isSpeaker, !isQuiet else { return }
    let now = Clock.seconds
    if let terminal {
      guard isLandmark || now - lastProgress > 0.2 else { return }
      let text = Terminal.cut(line(), columns: terminal.columns)
      put("\r\u{1B}[K" + text, on: STDOUT_FILENO)
      hasProgressLine = true
    } else {
      guard isLandmark || now - lastProgress > 10 else { return }
      put(line() + "\n", on: STDOUT_FILENO)
    }
    lastProgress = now
  }

  private func record(_ line: String) {
    if let log { log.writeLine(line) } else { unlogged.append(line) }
  }

  private func write(_ line: String) {
    clearProgress()
    StandardOutput.print(line)
  }

  /// What people read may be lost; the run goes on.
  private func put(_ text: String, on file: Int32) { _ = StandardOutput.put(text, on: file) }

  private func clearProgress() {
    guard hasProgressLine else { return }
    put("\r\u{1B}[K", on: STDOUT_FILENO)
    hasProgressLine = false
  }

  /// `seconds` as 1:02:03 or 2:03.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e15 else { return "?" }
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
