private import Glibc

/// What the operating system or the batch system has asked of the run, as flags that signal
/// handlers set and the main thread reads between collectives.
package struct StopSignals: StopRequests {
  /// Whether a checkpoint and whether an end is wanted, and when SIGINT came first, in
  /// milliseconds.
  private static let flags = {
    let flags = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 2)
    flags.initialize(repeating: 0, count: 2)
    let firstInterrupt = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    firstInterrupt.initialize(to: 0)
    return Flags(pointer: flags, firstInterrupt: firstInterrupt)
  }()

  private struct Flags: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<sig_atomic_t>
    let firstInterrupt: UnsafeMutablePointer<Int>
  }

  /// A second SIGINT sooner than this is the first one again: `timeout` and shells send it to the
  /// process and to its group.
  private static let repeatMilliseconds = 300

  /// Installs the handlers, once, when the process begins: SIGUSR1 asks for a checkpoint; SIGUSR2,
  /// SIGTERM and SIGINT end the run, and so do SIGHUP and SIGXCPU unless they are ignored, as under
  /// nohup. Launchers forward SIGUSR2 and, unlike with the others, kill nobody for it. A second
  /// SIGINT ends the process at once.
  package static func install() {
    _ = flags
    signal(SIGUSR1) { _ in StopSignals.flags.pointer[0] = 1 }
    for number in [SIGUSR2, SIGTERM] { signal(number, end) }
    for number in [SIGHUP, SIGXCPU] where !isIgnored(number) { signal(number, end) }
    signal(SIGINT) { number in
      let now = StopSignals.milliseconds
      let first = StopSignals.flags.firstInterrupt
      if first.pointee == 0 {
        first.pointee = now
      } else if now - first.pointee > StopSignals.repeatMilliseconds {
        signal(number, SIG_DFL)
        raise(number)
      }
      StopSignals.flags.pointer[1] = 1
    }
    // What they tell of is said where it was written.
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
  }

  private static let end: @convention(c) (Int32) -> Void = { _ in StopSignals.flags.pointer[1] = 1 }

  /// The monotonic clock, from 1 on; may be read in a handler.
  private static var milliseconds: Int {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return 1 + now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var old = sigaction()
    guard sigaction(number, nil, &old) == 0, let handler = old.__sigaction_handler.sa_handler else {
      return false
    }
    return unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// What the signals since `install` have asked for.
  package init() {}

  /// Whether a signal has come that ends the run.
  package var wantsEnd: Bool { Self.flags.pointer[1] != 0 }

  /// Whether SIGUSR1 has come since `forgetCheckpoint`.
  package var wantsCheckpoint: Bool { Self.flags.pointer[0] != 0 }

  /// Waits for the next SIGUSR1.
  package func forgetCheckpoint() { Self.flags.pointer[0] = 0 }
}
