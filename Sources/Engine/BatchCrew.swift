internal import Collectives
internal import Determinism
internal import Synchronization
internal import Threads
internal import Timing

/// The ranks and workers at hand while a loss of the whole batch is found.
package struct BatchCrew {
  let world: World
  let workers: [Worker]
  let check: StopCheck

  /// Runs `body(worker, block, &words)` for every block of 0..<`count`, each on one worker of one
  /// rank; returns the words that all have appended, in the order of the blocks, on every rank.
  ///
  /// A block must see nothing of the others: who computes it is not said.
  package func gather(
    _ count: Int,
    _ body: @escaping (_ worker: Int, _ block: Int, _ words: inout [UInt64]) -> Void
  ) throws -> [UInt64] {
    let share = Microbatches.share(of: count, rank: world.rank, size: world.size)
    let found = Mutex([[UInt64]](repeating: [], count: share.count))
    nonisolated(unsafe) let workers = workers
    try world.pool.run(share.count, checking: check) { index, item in
      let begin = Clock.seconds
      var words: [UInt64] = []
      body(index, share.lowerBound + item, &words)
      let finished = words
      found.withLock { $0[item] = finished }
      workers[index].seconds[.head] += Clock.seconds - begin
    }
    let own = found.withLock { Array($0.joined()) }
    return world.size == 1 ? own : try world.communicator.allGather(joining: own).all
  }
}

extension BatchCrew {
  /// Runs `body(worker, item)` for 0..<`count` on this rank's workers and waits.
  func run(
    _ count: Int, _ body: @escaping (_ worker: Int, _ item: Int) -> Void
  ) throws {
    nonisolated(unsafe) let workers = workers
    try world.pool.run(count, checking: check) { [world] index, item in
      let begin = Clock.seconds
      body(index, item)
      world.communicator.progress.tick()
      workers[index].seconds[.head] += Clock.seconds - begin
    }
  }
}

extension WorkerPool {
  /// Runs `body(worker, item)` for 0..<`count` and waits, calling `check` meanwhile; throws the
  /// first error of either, after all that run have ended.
  func run(
    _ count: Int, checking check: StopCheck,
    _ body: @escaping (_ worker: Int, _ item: Int) throws -> Void
  ) throws {
    let failure = Mutex<(any Error)?>(nil)
    try forEach(count, onWait: check) { worker, item in
      guard failure.withLock({ $0 == nil }) else { return }
      do {
        try body(worker, item)
      } catch {
        failure.withLock { if $0 == nil { $0 = error } }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
  }
}
