internal import Collectives
private import Glibc
internal import Threads

/// The pauses of a thread that polls: none for some microseconds, then naps that grow with the
/// wait.
///
/// Never sched_yield: ranks that wait in it by the million a second can, on Linux 6.18, keep every
/// other thread of the machine from its core for tens of seconds (decision 0004).
struct Naps {
  /// What a wait that is nearly over is worth spinning for.
  private static let spinNanoseconds = 20_000
  private static let shortestNanoseconds = 10_000
  /// The most that counts of the time between two looks: a process that was stopped did not wait.
  private static let longestGapNanoseconds = 1_000_000_000

  private let longestNanoseconds: Int
  private var lastLook = Clock.nanoseconds
  private var waitedNanoseconds = 0

  init(longestNanoseconds: Int) { self.longestNanoseconds = longestNanoseconds }

  /// The wait so far, as of the last nap.
  var waitedSeconds: Double { Double(waitedNanoseconds) * 1e-9 }

  /// Sleeps for a moment, unless the wait is so young that spinning is better; tells which.
  @discardableResult mutating func rest() -> Bool {
    let now = Clock.nanoseconds
    waitedNanoseconds += min(now - lastLook, Self.longestGapNanoseconds)
    lastLook = now
    guard waitedNanoseconds > Self.spinNanoseconds else { return false }
    var nap = timespec(
      tv_sec: 0,
      tv_nsec: min(max(waitedNanoseconds / 8, Self.shortestNanoseconds), longestNanoseconds))
    nanosleep(&nap, nil)
    return true
  }
}
