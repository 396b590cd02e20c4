internal import Collectives
private import Glibc
private import Synchronization

/// Ends this process when the library does not come back from its own start or end: then there are
/// no ranks that could watch each other.
final class LifeWatch: Sendable {
  private let isOver = Atomic<Bool>(false)

  /// `seconds` is as long as a whole phase may be without progress, unless something else is given.
  /// Where `wantsEnd` is true for more than a second, the process ends with that status.
  init(
    name: String, doing what: String,
    atMostSeconds seconds: Int = Int(WatchLimits.usualStallSeconds),
    wantsEnd: @escaping @Sendable () -> Int32? = { nil }
  ) {
    DetachedThread.start { [self] in
      var looksAtEnd = 0
      for _ in 0..<seconds * 5 {
        usleep(200_000)
        if isOver.load(ordering: .relaxed) { return }
        guard let status = wantsEnd() else { continue }
        looksAtEnd += 1
        guard looksAtEnd > 5 else { continue }
        MPIWorld.printLine("ddp-train: \(name): interrupted in \(what)")
        _exit(status)
      }
      MPIWorld.printLine(
        "ddp-train: \(name): \(what) lasts over \(seconds) s: a host that does not answer, or a "
          + "network that ranks cannot use (--mca btl_tcp_if_include); the job ends")
      JobEnd.abort()
    }
  }

  func end() { isOver.store(true, ordering: .relaxed) }
}
