package import Collectives
package import Threads

/// Work that one rank does while the others wait, however long it lasts.
package enum FirstRankWork {
  /// Runs `body` on the first rank, on a worker, and returns what it returns; nil on the others.
  ///
  /// The ranks meet in an agreement every two seconds until it has ended, or four times in the
  /// rank's patience, so that this ends a rank that is dead and never one that is at work.
  /// Throws what `body` throws.
  package static func run<Result>(
    over communicator: any Communicator, pool: WorkerPool, _ body: @escaping () throws -> Result
  ) throws -> Result? {
    guard communicator.size > 1 else { return try body() }
    guard communicator.rank == 0 else {
      while try communicator.agreeOnMaximum(0) == 0 {}
      return nil
    }
    let outcome = Outcome<Result>()
    let tickSeconds = min(2, (communicator.progress.patienceSeconds ?? 8) / 4)
    var lastTick = Clock.seconds
    pool.start { worker in
      if worker == 0 { outcome.result = Swift.Result { try body() } }
    }
    // The worker uses what this call was lent: nothing leaves before it has ended.
    defer { pool.wait() }
    while !pool.wait(atMost: 0.02) {
      communicator.progress.tick()
      guard Clock.seconds - lastTick > tickSeconds else { continue }
      _ = try communicator.agreeOnMaximum(0)
      lastTick = Clock.seconds
    }
    let result = try outcome.result!.get()
    _ = try communicator.agreeOnMaximum(1)
    return result
  }

  private final class Outcome<Result> {
    var result: Swift.Result<Result, any Error>?
  }
}
