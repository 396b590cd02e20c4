package import Collectives
private import Glibc
private import Synchronization

/// A last line for a process that dies of a fault of its own, such as a trap or memory that the
/// system does not give: rank, host, phase and step, beside what the runtime says.
///
/// The handlers stand in the place of the runtime's, whose backtracer keeps standard error open for
/// minutes: who reads that through a pipe would wait for it, and so would the job.
package enum CrashLine {
  /// All that the handler needs, without a call that allocates.
  private struct Speaker: @unchecked Sendable {
    let prefix: UnsafeMutableBufferPointer<UInt8>
    /// Nil before there are ranks.
    let progress: RankProgress?
  }

  nonisolated(unsafe) private static var speaker: Speaker?
  /// Ranks that are threads of one process name themselves at once; the handler takes no lock.
  private static let naming = Mutex(())

  private static let signals: [(Int32, StaticString)] = [
    (SIGILL, "SIGILL"), (SIGTRAP, "SIGTRAP"), (SIGABRT, "SIGABRT"), (SIGSEGV, "SIGSEGV"),
    (SIGBUS, "SIGBUS"), (SIGFPE, "SIGFPE"),
  ]

  /// Installs the handlers, first thing in the process; `name` is "rank 1" where a launcher has
  /// said so, and else empty.
  package static func install(speaker name: String) {
    setSpeaker(name, nil)
    guardStack()
    // The runtime writes a backtrace of every thread at it, and goes on.
    signal(SIGQUIT, SIG_DFL)
    for (number, _) in signals {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        signal(number, SIG_DFL)
        let isShortOfMemory = CrashLine.isShortOfMemory
        CrashLine.speak(number, isShortOfMemory: isShortOfMemory)
        if isShortOfMemory { _exit(1) }
        raise(number)
      }
      action.sa_flags = Int32(SA_ONSTACK)
      sigaction(number, &action, nil)
    }
  }

  /// Says who speaks from now on, such as "rank 1 on n2", and whose phase and step are told.
  package static func name(speaker name: String, _ progress: RankProgress) {
    setSpeaker(name, progress)
  }

  private static func setSpeaker(_ name: String, _ progress: RankProgress?) {
    let text = Array("ddp-train: \(name.isEmpty ? "" : name + ": ")".utf8)
    let prefix = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
    _ = prefix.initialize(from: text)
    naming.withLock { _ in speaker = Speaker(prefix: prefix, progress: progress) }
  }

  /// Gives the calling thread a stack for the handlers, so that one whose own is full speaks too.
  package static func guardStack() {
    let byteCount = 64 << 10
    var stack = stack_t()
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 16)
    stack.ss_size = byteCount
    sigaltstack(&stack, nil)
  }

  /// Whether the system gives no more memory: then the runtime has been refused some, and has died
  /// of that, where it can by reading its own message that found no room.
  private static var isShortOfMemory: Bool {
    let byteCount = 4 << 20
    let probe = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    if probe == MAP_FAILED { return errno == ENOMEM }
    munmap(probe, byteCount)
    return false
  }

  private static func speak(_ number: Int32, isShortOfMemory: Bool) {
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
      if isShortOfMemory {
        put("cannot get more memory")
      } else {
        put("died of ")
        for (candidate, name) in signals where candidate == number { put(name) }
      }
      if let state = speaker.progress?.state {
        put(" in ")
        put(state.phase.name)
        if state.step > 0 {
          put(" of step ")
          put(state.step)
        }
      }
      if isShortOfMemory {
        put("; take fewer --threads, a smaller --microbatch or another --model, ")
        put("or raise the limit (ulimit -v, a job's or a container's)")
      } else {
        put(": out of memory or a fault of the program")
      }
      put(speaker.progress == nil ? "\n" : "; the job ends\n")
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
