private import Glibc

/// What the operating system or the batch system has asked of the run, as flags that signal
/// handlers set and the main thread reads between collectives.
package struct StopSignals: StopRequests {
  private static let flags = {
    let flags = UnsafeMutablePointer<sig_atomic_t>.allocate(capacity: 2)
    flags.initialize(repeating: 0, count: 2)
    return Flags(pointer: flags)
  }()

  private struct Flags: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<sig_atomic_t>
  }

  /// Installs the handlers: SIGUSR1 asks for a checkpoint; SIGUSR2, SIGTERM and SIGINT end the run.
  /// Launchers forward SIGUSR2 and, unlike with the others, kill nobody for it.
  package static func install() {
    _ = flags
    signal(SIGUSR1) { _ in StopSignals.flags.pointer[0] = 1 }
    signal(SIGUSR2) { _ in StopSignals.flags.pointer[1] = 1 }
    signal(SIGTERM) { _ in StopSignals.flags.pointer[1] = 1 }
    signal(SIGINT) { _ in StopSignals.flags.pointer[1] = 1 }
    signal(SIGPIPE, SIG_IGN)
  }

  /// What the signals since `install` have asked for.
  package init() {}

  /// Whether SIGUSR2, SIGTERM or SIGINT has come.
  package var wantsEnd: Bool { Self.flags.pointer[1] != 0 }

  /// Whether SIGUSR1 has come since `forgetCheckpoint`.
  package var wantsCheckpoint: Bool { Self.flags.pointer[0] != 0 }

  /// Waits for the next SIGUSR1.
  package func forgetCheckpoint() { Self.flags.pointer[0] = 0 }
}
