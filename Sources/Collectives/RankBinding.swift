private import Glibc

/// Where a launcher has bound a rank, and what it could have used.
package struct RankBinding: Sendable, Equatable {
  /// The name of the host.
  package let host: String
  /// The processors that the rank may use, and its launcher, as masks of proc(5); the second is
  /// empty where no launcher is known to have bound anything.
  package let mask, launcherMask: String

  package init(host: String, mask: String, launcherMask: String) {
    self.host = host
    self.mask = mask
    self.launcherMask = launcherMask
  }

  /// The names of programs that start ranks and bind them; a batch system's daemons, which keep a
  /// whole host for themselves, are none.
  private static let launchers: Set<String> = [
    "mpirun", "mpiexec", "orterun", "orted", "prterun", "prted", "mpiexec.hydra",
    "hydra_pmi_proxy",
  ]

  /// The mask of the nearest launcher among the processes above this one; empty where there is
  /// none.
  package static var currentLauncherMask: String {
    var process = getppid()
    while process > 1 {
      let folder = "/proc/\(process)/"
      guard let name = ControlGroup.contents(of: folder + "comm"),
        let status = ControlGroup.contents(of: folder + "status")
      else { return "" }
      if launchers.contains(String(name.filter { $0 != "\n" })) {
        return HostProcessors.maskLine(of: status) ?? ""
      }
      let parent = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }
      process = parent.flatMap { pid_t($0.drop { !$0.isNumber }) } ?? 0
    }
    return ""
  }

  /// A sentence for each host some of whose processors no rank may use, though its launcher may.
  package static func warnings(
    _ ranks: [RankBinding],
    under launcher: LaunchEnvironment.Launcher = LaunchEnvironment.current.launcher
  ) -> [String] {
    var hosts: [String] = []
    for rank in ranks where !hosts.contains(rank.host) { hosts.append(rank.host) }
    return hosts.compactMap { host in
      let own = ranks.filter { $0.host == host }
      let used = own.reduce(into: Set<Int>()) { $0.formUnion(HostProcessors.numbers(of: $1.mask)) }
      let all = own.reduce(into: Set<Int>()) {
        $0.formUnion(HostProcessors.numbers(of: $1.launcherMask))
      }
      guard own.allSatisfy({ !$0.launcherMask.isEmpty }), !used.isEmpty,
        used.isStrictSubset(of: all)
      else { return nil }
      return "\(own.count == 1 ? "the rank" : "the \(own.count) ranks") on \(host) "
        + "\(own.count == 1 ? "is" : "are") bound to \(used.count) of \(all.count) processors, the "
        + "others stay idle: \(launcher.unbinding)"
    }
  }
}
