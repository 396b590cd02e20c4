private import Preconditions
internal import Collectives
private import Glibc
private import Synchronization

/// A thread of its own that runs `body` once and that nobody joins.
enum DetachedThread {
  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  static func start(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(Box(body)).toOpaque()
    let code = pthread_create(
      &thread, nil,
      { context in
        Unmanaged<Box>.fromOpaque(context!).takeRetainedValue().body()
        return nil
      }, context)
    require(code == 0, "pthread_create failed: \(String(cString: strerror(code)))")
    pthread_detach(thread)
  }
}

/// Nanoseconds of a clock that never goes back.
func monotonicNanoseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Ends the job when one transfer lasts longer than the deadline.
///
/// Nothing tells that a call of MPI comes back, so another thread looks. It is the only watch where
/// the library allows no heartbeat.
final class BlockingWatch: Sendable {
  private let name: String
  private let deadlineNanoseconds = Atomic<Int>(Int.max)
  private let busySince = Atomic<Int>(0)
  private let signature = Atomic<Int>(0)
  private let hasStarted = Atomic<Bool>(false)
  /// Who may have stopped amid a transfer, in words.
  private let suspects = Mutex("a peer, stopped amid the transfer")

  /// `name` opens the line that is printed, as "rank 3 on node7".
  init(name: String) { self.name = name }

  /// Says who the others are: the line names them where they are few.
  func setPeers(_ names: [String]) {
    guard (1...8).contains(names.count) else { return }
    suspects.withLock { $0 = names.joined(separator: " or ") + ", stopped amid the transfer" }
  }

  /// Says that peers which stop are noticed otherwise.
  func setPeersAlive() {
    suspects.withLock { $0 = "a transfer between ranks that all live" }
  }

  /// Sets the longest time of one transfer, or none; the thread starts with the first deadline.
  func setDeadline(seconds: Double?) {
    deadlineNanoseconds.store(seconds.map { Int($0 * 1e9) } ?? Int.max, ordering: .relaxed)
    guard seconds != nil, !hasStarted.exchange(true, ordering: .relaxed) else { return }
    DetachedThread.start { [self] in
      while true {
        usleep(200_000)
        look()
      }
    }
  }

  /// Runs one transfer of `operation` under watch.
  func run<Result>(_ operation: CollectiveOperation, _ call: () throws -> Result) rethrows
    -> Result
  {
    signature.store(operation.signature, ordering: .relaxed)
    busySince.store(monotonicNanoseconds(), ordering: .releasing)
    defer { busySince.store(0, ordering: .releasing) }
    return try call()
  }

  private func look() {
    let since = busySince.load(ordering: .acquiring)
    let deadline = deadlineNanoseconds.load(ordering: .relaxed)
    let now = monotonicNanoseconds()
    guard since != 0, now - since > deadline else { return }
    let operation =
      CollectiveOperation(signature: signature.load(ordering: .relaxed)) ?? .agreement
    let error = CollectiveError.timedOut(
      operation, seconds: Double(now - since) / 1e9,
      absent: [suspects.withLock { $0 }])
    MPIWorld.printLine("ddp-train: \(name): \(error)")
    // Not this thread's right under MPI_THREAD_FUNNELED, but the job is lost, and under srun only
    // an abort ends the peer that stopped; where the call crashes or hangs, the process still ends.
    JobEnd.abort()
  }
}

/// Ends this process when the library does not come back from its own start or end: then there are no
/// ranks that could watch each other.
final class LifeWatch: Sendable {
  private let isOver = Atomic<Bool>(false)

  /// `seconds` is as long as a whole phase may be without progress, unless something else is given.
  init(
    name: String, doing what: String,
    atMostSeconds seconds: Int = Int(WatchLimits.usualStallSeconds)
  ) {
    DetachedThread.start { [self] in
      for _ in 0..<seconds {
        sleep(1)
        if isOver.load(ordering: .relaxed) { return }
      }
      MPIWorld.printLine(
        "ddp-train: \(name): \(what) lasts over \(seconds) s: a host that does not answer, or a "
          + "network that ranks cannot use (--mca btl_tcp_if_include); the job ends")
      JobEnd.abort()
    }
  }

  func end() { isOver.store(true, ordering: .relaxed) }
}
