internal import Collectives
private import Glibc
private import Synchronization

/// Ends this process when the library does not come back from its own start or end: then there are
/// no ranks that could watch each other.
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
