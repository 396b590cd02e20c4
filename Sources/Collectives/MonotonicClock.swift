private import Glibc

/// A clock that never goes back.
package enum MonotonicClock {
  package static var nanoseconds: Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }

  package static var seconds: Double { Double(nanoseconds) * 1e-9 }
}
