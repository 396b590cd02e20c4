#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// What the system says of a write that finds no room.
package enum FullDisk {
  /// Whether `code` of errno means that: a full disk, a quota, or the largest file that a process
  /// may write (`ulimit -f`).
  package static func isTold(by code: Int32) -> Bool { [ENOSPC, EDQUOT, EFBIG].contains(code) }
}
