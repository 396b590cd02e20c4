package import Collectives
private import Foundation
private import Glibc

/// The memory that a process may take of its host.
package struct HostMemory: Sendable, Equatable {
  /// Bytes that are free at this moment, or used for what the system gives up when asked to.
  package let freeBytes: Int
  /// Bytes that there are in all.
  package let totalBytes: Int

  package init(freeBytes: Int, totalBytes: Int) {
    self.freeBytes = freeBytes
    self.totalBytes = totalBytes
  }

  /// That of this process: memory and swap of the host, its control group's and its own limit
  /// (`ulimit -v`), whichever is least.
  package static var current: HostMemory {
    let text =
      FileManager.default.contents(atPath: "/proc/meminfo")
      .map { String(decoding: $0, as: UTF8.self) } ?? ""
    return HostMemory(
      meminfo: text, group: .current, addressSpace: addressSpace,
      addressesInUse: addressesInUse)
  }

  /// What the text of /proc/meminfo, a control group and a limit of `addressSpace` bytes leave to a
  /// process with `addressesInUse` of them.
  package init(meminfo: String, group: ControlGroup, addressSpace: Int?, addressesInUse: Int) {
    func bytes(_ name: String) -> Int? {
      let line = meminfo.split(separator: "\n").first { $0.hasPrefix(name + ":") }
      return line.flatMap { Int($0.filter(\.isNumber)) }.map { $0 << 10 }
    }
    let swap = (free: bytes("SwapFree") ?? 0, total: bytes("SwapTotal") ?? 0)
    let free = bytes("MemAvailable").map { $0 + swap.free }
    let total = bytes("MemTotal").map { $0 + swap.total }
    freeBytes =
      [
        free, group.freeBytes, addressSpace.map { max(0, $0 - addressesInUse) },
      ].compactMap(\.self).min() ?? .max
    totalBytes = [total, group.limitBytes, addressSpace].compactMap(\.self).min() ?? .max
  }

  /// The limit of addresses of this process; nil for none.
  private static var addressSpace: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { return nil }
    return limit.rlim_cur < UInt64(1) << 60 ? Int(limit.rlim_cur) : nil
  }

  private static var addressesInUse: Int {
    let text = FileManager.default.contents(atPath: "/proc/self/statm") ?? Data()
    let pages = String(decoding: text, as: UTF8.self).split(separator: " ").first
    return (pages.flatMap { Int($0) } ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
