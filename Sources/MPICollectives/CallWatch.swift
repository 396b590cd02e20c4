internal import Collectives
private import Glibc
private import Synchronization

/// Notices that one call of MPI does not come back.
///
/// A wait of `MPICommunicator` looks at its own deadline, but between two calls alone. Calls are
/// meant to return at once; where one blocks inside the library, on a lock or on a connection, the
/// main thread can do nothing any more, its rank counts as one that waits, and its heart goes on
/// beating. So another thread looks.
final class CallWatch: Sendable {
  private static let lookMicroseconds: UInt32 = 200_000

  /// Calls begun and ended so far: odd while the main thread is in one.
  private let edges = Atomic<Int>(0)
  private let signature = Atomic<Int>(CollectiveOperation.barrier.signature)

  /// Says what the calls that follow belong to.
  func enter(_ operation: CollectiveOperation) {
    signature.store(operation.signature, ordering: .relaxed)
  }

  /// Runs `body`, which is in the library.
  func call<Result>(_ body: () throws -> Result) rethrows -> Result {
    edges.wrappingAdd(1, ordering: .releasing)
    defer { edges.wrappingAdd(1, ordering: .releasing) }
    return try body()
  }

  /// Starts the thread: it calls `stuck`, once, when a call lasts longer than the patience of
  /// `progress`. Looks are counted, not time, so that a job that was stopped and goes on is not
  /// ended.
  func start(
    _ progress: RankProgress,
    stuck: @escaping @Sendable (_ operation: CollectiveOperation, _ seconds: Double) -> Void
  ) {
    DetachedThread.start { [self] in
      var last = 0
      var seconds = 0.0
      while true {
        usleep(Self.lookMicroseconds)
        let now = edges.load(ordering: .acquiring)
        seconds = now == last && now & 1 == 1 ? seconds + Double(Self.lookMicroseconds) * 1e-6 : 0
        last = now
        guard let limit = progress.patienceSeconds, seconds > limit else { continue }
        let operation = CollectiveOperation(signature: signature.load(ordering: .relaxed))
        return stuck(operation ?? .barrier, seconds)
      }
    }
  }
}
