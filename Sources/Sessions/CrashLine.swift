package import Collectives
private import Glibc

/// A last line for a rank that dies of a fault of its own, such as memory that the system does not
/// give: rank, host, phase and step, beside what the runtime says.
package enum CrashLine {
  /// All that the handler needs, without a call that allocates: "ddp-train: rank 1 on n2: ".
  private struct Speaker: @unchecked Sendable {
    let prefix: UnsafeMutableBufferPointer<UInt8>
    let progress: RankProgress
  }

  nonisolated(unsafe) private static var speaker: Speaker?

  private static let signals: [(Int32, StaticString)] = [
    (SIGILL, "SIGILL"), (SIGTRAP, "SIGTRAP"), (SIGABRT, "SIGABRT"), (SIGSEGV, "SIGSEGV"),
    (SIGBUS, "SIGBUS"), (SIGFPE, "SIGFPE"),
  ]

  /// Installs the handlers; `speaker` is "rank 1 on n2".
  package static func install(speaker name: String, _ progress: RankProgress) {
    let text = Array("ddp-train: \(name): died of ".utf8)
    let prefix = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
    _ = prefix.initialize(from: text)
    speaker = Speaker(prefix: prefix, progress: progress)
    for (number, _) in signals {
      signal(number) { number in
        signal(number, SIG_DFL)
        CrashLine.speak(number)
        raise(number)
      }
    }
  }

  private static func speak(_ number: Int32) {
    guard let speaker else { return }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 512) { line in
      var count = 0
      func put(_ byte: UInt8) {
        guard count < line.count else { return }
        line[count] = byte
        count += 1
      }
      func put(_ text: StaticString) {
        for i in 0..<text.utf8CodeUnitCount { put(text.utf8Start[i]) }
      }
      func put(_ value: Int) {
        if value > 9 { put(value / 10) }
        put(UInt8(48 + value % 10))
      }
      for byte in speaker.prefix { put(byte) }
      for (candidate, name) in signals where candidate == number { put(name) }
      let state = speaker.progress.state
      put(" in ")
      put(state.phase.name)
      if state.step > 0 {
        put(" of step ")
        put(state.step)
      }
      put(": out of memory or a fault, see above; the job ends\n")
      _ = write(STDERR_FILENO, line.baseAddress, count)
    }
  }
}

extension RunPhase {
  /// Its name without a string that is made.
  fileprivate var name: StaticString {
    switch self {
    case .start: "start"
    case .read: "read"
    case .compute: "compute"
    case .reduce: "reduce"
    case .update: "update"
    case .checkpoint: "checkpoint"
    case .evaluate: "evaluate"
    case .end: "end"
    }
  }
}
