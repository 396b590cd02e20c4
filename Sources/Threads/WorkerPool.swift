private import Glibc
internal import Preconditions

/// A rank's compute threads: they live as long as the pool and run one job at a time.
package final class WorkerPool: @unchecked Sendable {
  /// How many workers there are.
  package let count: Int
  private let crew = Crew()
  private var threads: [pthread_t] = []

  /// What the threads share; they outlive the pool where it is dropped amid a job.
  private final class Crew: @unchecked Sendable {
    let monitor = Monitor()
    var job: ((Int) -> Void)?
    var generation = 0
    var running = 0
    var isEnding = false

    func work(_ index: Int) {
      var seen = 0
      while true {
        monitor.lock()
        while generation == seen && !isEnding { monitor.wait() }
        if isEnding {
          monitor.unlock()
          return
        }
        seen = generation
        let job = self.job!
        monitor.unlock()
        job(index)
        monitor.withLock {
          running -= 1
          if running == 0 { monitor.broadcast() }
        }
      }
    }

    func end() {
      monitor.withLock {
        isEnding = true
        monitor.broadcast()
      }
    }
  }

  private final class Start {
    let crew: Crew
    let index: Int
    init(crew: Crew, index: Int) {
      self.crew = crew
      self.index = index
    }
  }

  /// Starts `count` threads, which wait for their first job.
  package init(count: Int) {
    require(count > 0, "WorkerPool: \(count) threads")
    self.count = count
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    pthread_attr_init(attributes)
    pthread_attr_setstacksize(attributes, 16 << 20)
    for index in 0..<count {
      let start = Unmanaged.passRetained(Start(crew: crew, index: index))
      var thread: pthread_t = 0
      let code = pthread_create(
        &thread, attributes,
        { argument in
          let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
          start.crew.work(start.index)
          return nil
        }, start.toOpaque())
      if code != 0 {
        Shortage.ofThreads("compute thread \(index + 1) of \(count)", code: code)
      }
      threads.append(thread)
    }
    pthread_attr_destroy(attributes)
    attributes.deallocate()
  }

  // Whoever drops a pool does not wait for its threads: each ends behind the job that it runs.
  deinit {
    crew.end()
    for thread in threads { pthread_detach(thread) }
  }

  /// Ends the threads and waits for them; the pool cannot be used afterwards. A pool that is
  /// dropped without ends them too, and waits for none.
  package func end() {
    crew.end()
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  /// Starts `job(worker index)` on every thread and returns at once.
  package func start(_ job: @escaping (Int) -> Void) {
    crew.monitor.withLock {
      require(crew.running == 0, "WorkerPool.start: the job before is still running")
      crew.job = job
      crew.running = count
      crew.generation += 1
      crew.monitor.broadcast()
    }
  }

  /// Waits for the job that `start` has started.
  package func wait() {
    crew.monitor.withLock {
      while crew.running > 0 { crew.monitor.wait() }
      crew.job = nil
    }
  }

  /// Waits for the job that `start` has started, at most `seconds`; true if it has ended.
  package func wait(atMost seconds: Double) -> Bool {
    let deadline = Clock.nanoseconds + Int(seconds * 1e9)
    return crew.monitor.withLock {
      while crew.running > 0 {
        if !crew.monitor.wait(until: deadline) { return crew.running == 0 }
      }
      return true
    }
  }

  /// Runs `body(worker, item)` for every item of 0..<items, as `forEach(_:_:)`; calls `onWait`
  /// about every 20 ms. When that throws, no new item begins, and the error goes on once those that
  /// run have ended.
  package func forEach(
    _ items: Int, onWait: () throws -> Void,
    _ body: @escaping (_ worker: Int, _ item: Int) -> Void
  ) throws {
    let counter = SharedCounter()
    start { worker in
      while true {
        let item = counter.next()
        if item >= items { return }
        body(worker, item)
      }
    }
    while !wait(atMost: 0.02) {
      do {
        try onWait()
      } catch {
        counter.skip(to: items)
        wait()
        throw error
      }
    }
    wait()
  }

  /// Runs `body(worker, item)` for every item of 0..<items, shared out as workers become free.
  package func forEach(_ items: Int, _ body: @escaping (_ worker: Int, _ item: Int) -> Void) {
    let counter = SharedCounter()
    start { worker in
      while true {
        let item = counter.next()
        if item >= items { return }
        body(worker, item)
      }
    }
    wait()
  }
}
