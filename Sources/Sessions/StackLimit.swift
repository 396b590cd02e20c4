private import Glibc

/// The stack that threads of this process get, looked at before any of them needs it.
package enum StackLimit {
  /// With less, reading the command line has left none: bytes.
  private static let neededBytes: UInt = 256 << 10

  /// What is wrong with the limit, and what to do; nil where nothing is.
  package static var complaint: String? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_STACK.rawValue), &limit) == 0,
      limit.rlim_cur < neededBytes
    else { return nil }
    return
      "the limit of a stack is \(limit.rlim_cur >> 10) KiB, and it takes \(neededBytes >> 10); "
      + "raise it (ulimit -s 8192, a job's or a container's)"
  }
}
