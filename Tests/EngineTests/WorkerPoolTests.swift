import Synchronization
import Testing
import TestSupport
import Threads

@Suite struct WorkerPoolTests {
  private struct Wanted: Error {}

  private func withPool<Result>(
    _ threads: Int, _ body: (WorkerPool) throws -> Result
  ) rethrows -> Result {
    let pool = WorkerPool(count: threads)
    defer { pool.end() }
    return try body(pool)
  }

  @Test(arguments: [1, 2, 5], [0, 1, 3, 1000])
  func everyItemIsDoneOnce(threads: Int, items: Int) throws {
    try withPool(threads) { pool in
      for waits in [false, true] {
        let done = Mutex([Int](repeating: 0, count: items))
        let workers = Mutex(Set<Int>())
        let body = { (worker: Int, item: Int) in
          done.withLock { $0[item] += 1 }
          _ = workers.withLock { $0.insert(worker) }
        }
        if waits {
          try pool.forEach(items, onWait: {}, body)
        } else {
          pool.forEach(items, body)
        }
        #expect(done.withLock { $0 } == Array(repeating: 1, count: items))
        #expect(workers.withLock { $0.isSubset(of: 0..<threads) })
      }
    }
  }

  /// The job's closure is what tells: the threads let go of it when they end.
  @Test(arguments: [1, 3]) func aPoolThatIsDroppedEndsItsThreads(threads: Int) {
    final class Told: Sendable {
      let event: TestEvent
      init(_ event: TestEvent) { self.event = event }
      deinit { event.set() }
    }
    let gone = TestEvent()
    do {
      let told = Told(gone)
      WorkerPool(count: threads).start { _ in withExtendedLifetime(told) {} }
    }
    #expect(gone.wait())
  }

  /// Each worker waits until all the others are at work too.
  @Test(arguments: [1, 2, 5]) func allWorkersWorkAtOnce(threads: Int) {
    withPool(threads) { pool in
      let (arrived, all) = (SharedCounter(), TestEvent())
      let met = SharedCounter()
      pool.start { _ in
        if arrived.next() == threads - 1 { all.set() }
        if all.wait() { _ = met.next() }
      }
      pool.wait()
      #expect(met.value == threads)
    }
  }

  @Test func startReturnsWhileTheJobRunsAndWaitingEndsWithIt() {
    withPool(2) { pool in
      let mayEnd = TestEvent()
      let ended = SharedCounter()
      pool.start { _ in
        if mayEnd.wait() { _ = ended.next() }
      }
      // The job cannot have ended: nobody has let it.
      #expect(!pool.wait(atMost: 0.001) && ended.value == 0)
      mayEnd.set()
      #expect(pool.wait(atMost: 60) && ended.value == 2)
      pool.wait()
    }
  }

  /// A worker that slept through the beginning of a job would leave it undone.
  @Test func noJobIsMissedByAWorker() {
    withPool(3) { pool in
      let runs = SharedCounter()
      for job in 1...2000 {
        pool.start { _ in _ = runs.next() }
        pool.wait()
        guard runs.value == 3 * job else {
          Issue.record("\(runs.value) runs after \(job) jobs of 3 workers")
          return
        }
      }
    }
  }

  /// Items run until the waiting thread throws, and then no more begin.
  @Test func whatTheWaitingThreadThrowsEndsTheJob() {
    withPool(2) { pool in
      let items = 100_000_000
      let begun = SharedCounter()
      let thrown = TestEvent()
      let failure = #expect(throws: Wanted.self) {
        try pool.forEach(
          items,
          onWait: {
            thrown.set()
            throw Wanted()
          },
          { _, _ in
            _ = begun.next()
            thrown.wait()
          })
      }
      #expect(failure != nil)
      #expect(begun.value >= 1 && begun.value < items)
      // Those that ran have ended, and the pool takes the next job.
      let after = begun.value
      let next = SharedCounter()
      pool.forEach(7) { _, _ in _ = next.next() }
      #expect(next.value == 7 && begun.value == after)
    }
  }

  @Test func theWaitingThreadIsAskedAsLongAsItWaits() throws {
    try withPool(1) { pool in
      let enough = TestEvent()
      let asked = SharedCounter()
      try pool.forEach(
        1,
        onWait: {
          if asked.next() == 2 { enough.set() }
          if asked.value > 100_000 { throw Wanted() }
        }, { _, _ in #expect(enough.wait()) })
      #expect(asked.value >= 3)
    }
  }

  @Test func countersGiveEachNumberOnce() {
    withPool(4) { pool in
      let counter = SharedCounter()
      let numbers = Mutex<[Int]>([])
      pool.forEach(1000) { _, _ in
        let number = counter.next()
        numbers.withLock { $0.append(number) }
      }
      #expect(numbers.withLock { $0.sorted() } == Array(0..<1000))
      counter.skip(to: 500)
      #expect(counter.value == 1000)
      counter.skip(to: 2000)
      #expect(counter.next() == 2000)
    }
  }
}
