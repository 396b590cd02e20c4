private import Glibc

/// A lock with a condition that its holders wait for (Hoare 1974), by the monotonic clock: what
/// threads share that tell each other of changes.
package final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  /// A monitor that nobody holds.
  package init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(changed, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
    pthread_cond_destroy(changed)
    changed.deallocate()
  }

  /// Waits until nobody holds the monitor, and holds it.
  package func lock() { pthread_mutex_lock(mutex) }

  /// Gives the monitor up.
  package func unlock() { pthread_mutex_unlock(mutex) }

  /// Runs `body` holding the monitor.
  package func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock()
    defer { unlock() }
    return try body()
  }

  /// Wakes all who wait; called by the holder.
  package func broadcast() { pthread_cond_broadcast(changed) }

  /// Gives the monitor up until somebody wakes those who wait, and holds it again; it may be woken
  /// for nothing.
  package func wait() { pthread_cond_wait(changed, mutex) }

  /// Waits as `wait()`, but not beyond `nanoseconds` of `Clock`; false where that was the reason.
  package func wait(until nanoseconds: Int) -> Bool {
    var deadline = timespec(
      tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
    return pthread_cond_timedwait(changed, mutex, &deadline) == 0
  }
}
