private import Glibc

/// Something that happens once, and that other threads wait for: what a test needs in the place of
/// a sleep that is hoped to be long enough.
package final class TestEvent: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var hasHappened = false

  package init() {
    pthread_mutex_init(lock, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(lock)
    changed.deallocate()
    lock.deallocate()
  }

  /// Whether it has happened.
  package var isSet: Bool {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return hasHappened
  }

  /// Says that it has happened.
  package func set() {
    pthread_mutex_lock(lock)
    hasHappened = true
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(lock)
  }

  /// Returns when it has happened, true; false after `seconds`, so that a broken program fails a
  /// test and does not hang it.
  @discardableResult package func wait(atMost seconds: Int = 60) -> Bool {
    var deadline = timespec()
    clock_gettime(CLOCK_REALTIME, &deadline)
    deadline.tv_sec += seconds
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    while !hasHappened, pthread_cond_timedwait(changed, lock, &deadline) == 0 {}
    return hasHappened
  }
}

/// Time that a thread has had a processor for: unlike a clock on the wall it does not go on while
/// others have it.
package enum ProcessorTime {
  /// Seconds of the calling thread since its start.
  package static var threadSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Seconds that the calling thread needs for `body`.
  package static func measure(_ body: () throws -> Void) rethrows -> Double {
    let start = threadSeconds
    try body()
    return threadSeconds - start
  }
}
