internal import Collectives
internal import Determinism
internal import Synchronization
internal import Threads
internal import Timing

/// The ranks and workers at hand while a loss of the whole batch is found.
package struct BatchCrew {
  let world: World
  let workers: [Worker]
  /// Where workers put what they find.
  let found: BlockWords
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
    found.begin(count: share.count)
    nonisolated(unsafe) let (workers, found) = (workers, found)
    try world.pool.run(share.count, checking: check) { index, item in
      let begin = Clock.seconds
      found.write(item) { body(index, share.lowerBound + item, &$0) }
      workers[index].seconds[.head] += Clock.seconds - begin
    }
    let own = found.joined()
    return world.size == 1 ? own : try world.communicator.allGather(joining: own).all
  }
}

/// The words of a rank's blocks, in memory that is there again in the next step.
final class BlockWords {
  /// By block; a block is one worker's at a time.
  private var blocks = UnsafeMutableBufferPointer<[UInt64]>(start: nil, count: 0)
  private var count = 0
  private var all: [UInt64] = []

  deinit {
    blocks.deinitialize()
    blocks.deallocate()
  }

  /// Makes room for `count` blocks, all empty.
  func begin(count: Int) {
    self.count = count
    for block in blocks.indices { blocks[block].removeAll(keepingCapacity: true) }
    guard blocks.count < count else { return }
    let more = UnsafeMutableBufferPointer<[UInt64]>.allocate(capacity: count)
    let end = more.moveInitialize(fromContentsOf: blocks)
    more[end...].initialize(repeating: [])
    blocks.deallocate()
    blocks = more
  }

  /// Lends the words of `block` to be appended to.
  func write(_ block: Int, _ body: (inout [UInt64]) -> Void) { body(&blocks[block]) }

  /// The words of all blocks in their order; they are copied where the last ones are still in use.
  func joined() -> [UInt64] {
    all.removeAll(keepingCapacity: true)
    for words in blocks[..<count] { all.append(contentsOf: words) }
    return all
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
