private import Glibc
internal import Preconditions

/// A rank's compute threads: they live as long as the pool and run one job at a time.
package final class WorkerPool: @unchecked Sendable {
  package let count: Int
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var threads: [pthread_t] = []
  private var job: ((Int) -> Void)?
  private var generation = 0
  private var running = 0
  private var isEnding = false

  private final class Start {
    let pool: WorkerPool
    let index: Int
    init(pool: WorkerPool, index: Int) {
      self.pool = pool
      self.index = index
    }
  }

  /// Starts `count` threads, which wait for their first job.
  package init(count: Int) {
    require(count > 0, "WorkerPool: \(count) threads")
    self.count = count
    pthread_mutex_init(lock, nil)
    let clock = UnsafeMutablePointer<pthread_condattr_t>.allocate(capacity: 1)
    pthread_condattr_init(clock)
    pthread_condattr_setclock(clock, CLOCK_MONOTONIC)
    pthread_cond_init(changed, clock)
    pthread_condattr_destroy(clock)
    clock.deallocate()
    let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
    pthread_attr_init(attributes)
    pthread_attr_setstacksize(attributes, 16 << 20)
    for index in 0..<count {
      let start = Unmanaged.passRetained(Start(pool: self, index: index))
      var thread: pthread_t = 0
      let code = pthread_create(
        &thread, attributes,
        { argument in
          let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
          start.pool.work(start.index)
          return nil
        }, start.toOpaque())
      if code != 0 {
        fatalError(
          "compute thread \(index + 1) of \(count) could not be started: "
            + "\(String(cString: strerror(code))); lower --threads or raise the limit (ulimit -u)")
      }
      threads.append(thread)
    }
    pthread_attr_destroy(attributes)
    attributes.deallocate()
  }

  // The threads hold the pool: it is dropped after `end` alone.
  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
    pthread_cond_destroy(changed)
    changed.deallocate()
  }

  /// Ends the threads; the pool cannot be used afterwards.
  package func end() {
    pthread_mutex_lock(lock)
    isEnding = true
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }

  private func work(_ index: Int) {
    var seen = 0
    while true {
      pthread_mutex_lock(lock)
      while generation == seen && !isEnding { pthread_cond_wait(changed, lock) }
      if isEnding {
        pthread_mutex_unlock(lock)
        return
      }
      seen = generation
      let job = self.job!
      pthread_mutex_unlock(lock)
      job(index)
      pthread_mutex_lock(lock)
      running -= 1
      if running == 0 { pthread_cond_broadcast(changed) }
      pthread_mutex_unlock(lock)
    }
  }

  /// Starts `job(worker index)` on every thread and returns at once.
  package func start(_ job: @escaping (Int) -> Void) {
    pthread_mutex_lock(lock)
    require(running == 0, "WorkerPool.start: the job before is still running")
    self.job = job
    running = count
    generation += 1
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
  }

  /// Waits for the job that `start` has started.
  package func wait() {
    pthread_mutex_lock(lock)
    while running > 0 { pthread_cond_wait(changed, lock) }
    job = nil
    pthread_mutex_unlock(lock)
  }

  /// Waits for the job that `start` has started, at most `seconds`; true if it has ended.
  package func wait(atMost seconds: Double) -> Bool {
    var deadline = timespec()
    clock_gettime(CLOCK_MONOTONIC, &deadline)
    let nanoseconds = deadline.tv_nsec + Int(seconds * 1e9)
    deadline.tv_sec += nanoseconds / 1_000_000_000
    deadline.tv_nsec = nanoseconds % 1_000_000_000
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while running > 0 {
      if pthread_cond_timedwait(changed, lock, &deadline) != 0 { return running == 0 }
    }
    return true
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
