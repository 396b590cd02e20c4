private import Glibc

/// A counter that threads share.
package final class SharedCounter: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private var count = 0

  /// A counter at 0.
  package init() { pthread_mutex_init(lock, nil) }

  deinit {
    pthread_mutex_destroy(lock)
    lock.deallocate()
  }

  /// The numbers 0, 1, 2, ... each to one caller.
  package func next() -> Int {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    defer { count += 1 }
    return count
  }

  /// The number that `next` will give, which is how often it was called.
  package var value: Int {
    pthread_mutex_lock(lock)
    defer { pthread_mutex_unlock(lock) }
    return count
  }

  /// Makes `next` go on from `number` if it is not there yet.
  package func skip(to number: Int) {
    pthread_mutex_lock(lock)
    count = max(count, number)
    pthread_mutex_unlock(lock)
  }
}
