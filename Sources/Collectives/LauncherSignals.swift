private import Glibc

/// Which signals a launcher hands on to its ranks, as measured (decision 16).
package enum LauncherSignals {
  /// A sentence for those who want to stop this process by its launcher in a way that it does not
  /// hand on; nil where it hands all on.
  package static var note: String? { note(ofLaunchers: ancestors()) }

  /// The same for the processes above a rank, the nearest first.
  package static func note(ofLaunchers ancestors: [(name: String, process: Int)]) -> String? {
    let hydra = ancestors.prefix { $0.name.hasPrefix("hydra_") || isLauncher($0.name) }
    guard hydra.contains(where: { $0.name.hasPrefix("hydra_") }) else { return nil }
    let sentence =
      "this mpiexec (Hydra) hands SIGTERM, SIGINT and SIGUSR1 on to the ranks; SIGUSR2 and SIGHUP "
      + "end it and them without a checkpoint"
    // Intel's mpirun is a script; MPICH's is another name of mpiexec.hydra.
    let launchers = hydra.filter { isLauncher($0.name) }
    guard let program = launchers.first, launchers.count > 1 else { return sentence }
    return sentence + "; \(launchers[1].name) above it is a script that hands nothing on: signal "
      + "\(program.name), process \(program.process)"
  }

  private static func isLauncher(_ name: String) -> Bool {
    name.hasPrefix("mpirun") || name.hasPrefix("mpiexec")
  }

  private static func ancestors() -> [(name: String, process: Int)] {
    var found: [(name: String, process: Int)] = []
    var process = Int(getppid())
    while process > 1, let status = ControlGroup.contents(of: "/proc/\(process)/status") {
      let lines = status.split(separator: "\n")
      func value(_ key: String) -> Substring? {
        lines.first { $0.hasPrefix(key) }?.dropFirst(key.count).drop { $0 == "\t" || $0 == " " }
      }
      guard let name = value("Name:"), let parent = value("PPid:").flatMap({ Int($0) })
      else { break }
      found.append((String(name), process))
      process = parent
    }
    return found
  }
}
