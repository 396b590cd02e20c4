private import Glibc

/// What the environment of the process says about how it was started.
package struct LaunchEnvironment: Sendable, Equatable {
  /// Who started the process.
  package enum Launcher: String, Sendable {
    /// Nobody who speaks MPI: the program runs alone and never initialises MPI.
    case none = "none"
    /// `mpirun` of Open MPI 4.
    case openMPI = "Open MPI"
    /// A launcher that speaks PMIx: `srun --mpi=pmix`, `prterun`, `mpirun` of Open MPI 5.
    case pmix = "PMIx"
    /// A launcher that speaks PMI-1 or PMI-2: `mpiexec` of MPICH or Intel MPI, `srun --mpi=pmi2`.
    case pmi = "PMI"
    /// `srun` without any MPI support.
    case slurm = "srun without MPI"
  }

  /// Who started the process.
  package let launcher: Launcher

  /// The number of processes that the launcher says it started, where it says so.
  package let announcedSize: Int?

  /// Reads the variables that launchers set for their processes.
  package init(variables: [String: String]) {
    func number(_ names: String...) -> Int? {
      names.lazy.compactMap { variables[$0].flatMap { Int($0) } }.first
    }
    // A step of srun; the batch script itself has SLURM_NTASKS and SLURM_PROCID but no step.
    let stepSize = number("SLURM_STEP_NUM_TASKS")
    if let size = number("OMPI_COMM_WORLD_SIZE") {
      launcher = .openMPI
      announcedSize = size
    } else if number("PMIX_RANK") != nil {
      launcher = .pmix
      announcedSize = stepSize
    } else if number("PMI_RANK", "MPI_LOCALRANKID", "MV2_COMM_WORLD_RANK") != nil {
      launcher = .pmi
      announcedSize =
        number("PMI_SIZE", "MV2_COMM_WORLD_SIZE") ?? stepSize
        ?? number("MPI_LOCALNRANKS")
    } else if let stepSize, number("SLURM_PROCID") != nil {
      launcher = .slurm
      announcedSize = stepSize
    } else {
      launcher = .none
      announcedSize = nil
    }
  }

  /// The environment of this process as the launcher left it: read once, because initialising MPI
  /// adds such variables itself.
  package static let current: LaunchEnvironment = {
    let names = [
      "OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID",
      "MPI_LOCALNRANKS", "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS",
      "SLURM_PROCID",
    ]
    var variables: [String: String] = [:]
    for name in names {
      if let value = getenv(name) { variables[name] = String(cString: value) }
    }
    return LaunchEnvironment(variables: variables)
  }()

  /// Whether MPI is to be initialised at all.
  package var startsMPI: Bool { launcher != .none && launcher != .slurm }

  /// The sentence to stop with where the launcher started more processes than found each other:
  /// N copies of a run that believe to be alone and overwrite each other's files.
  package func mistake(worldSize: Int) -> String? {
    guard let announcedSize, announcedSize != worldSize else { return nil }
    let remedy =
      switch launcher {
      case .slurm, .pmix: "start it with srun --mpi=pmix, or with mpirun inside the allocation"
      case .openMPI, .pmi, .none: "start it with the mpirun of the MPI it is linked with"
      }
    return "the launcher (\(launcher.rawValue)) started \(announcedSize) processes, "
      + "but this one sees \(worldSize == 1 ? "only itself" : "\(worldSize) ranks"): "
      + "each would train alone and overwrite the others' files; \(remedy)"
  }
}

/// The processors of this host, and those that this process may use.
package struct HostProcessors: Sendable, Equatable {
  /// Processors that are online on the host.
  package let onlineCount: Int

  /// Processors in the affinity mask of the calling thread, to which a launcher may have bound it.
  package let allowedCount: Int

  /// The affinity mask as the system writes it; empty where it is not known.
  package let mask: String

  package init(onlineCount: Int, allowedCount: Int, mask: String = "") {
    self.onlineCount = onlineCount
    self.allowedCount = allowedCount
    self.mask = mask
  }

  /// Those of the host the process runs on.
  package static var current: HostProcessors {
    let online = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let status = threadStatus()
    return HostProcessors(
      onlineCount: online, allowedCount: allowedCount(status: status) ?? online,
      mask: maskLine(of: status) ?? "")
  }

  /// Counts the processors of the line `Cpus_allowed: ff,ffffffff` in a status file of proc(5), nil
  /// where there is none. (Glibc's `sched_getaffinity` is not visible to Swift.)
  package static func allowedCount(status: String) -> Int? {
    let digits = (maskLine(of: status) ?? "").compactMap(\.hexDigitValue)
    return digits.isEmpty ? nil : digits.reduce(0) { $0 + $1.nonzeroBitCount }
  }

  /// The processors of the mask, by number; empty where it is not known.
  package var allowed: Set<Int> {
    Self.numbers(of: mask)
  }

  /// The processors of a mask, in groups of eight hexadecimal digits, the lowest last.
  static func numbers(of mask: String) -> Set<Int> {
    let digits = mask.compactMap(\.hexDigitValue)
    var numbers: Set<Int> = []
    for (place, digit) in digits.reversed().enumerated() {
      for bit in 0..<4 where digit >> bit & 1 == 1 { numbers.insert(4 * place + bit) }
    }
    return numbers
  }

  static func maskLine(of status: String) -> String? {
    status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
      .map { String($0.dropFirst("Cpus_allowed:".count)) }
  }

  private static func threadStatus() -> String {
    ControlGroup.contents(of: "/proc/thread-self/status") ?? ""
  }

  /// A sentence where `threads` compute threads on each of the `sharing` ranks that may use the
  /// same processors would be more than those, nil where they do not.
  package func warning(threads: Int, sharing: Int) -> String? {
    if threads > allowedCount, allowedCount < onlineCount {
      return "\(threads) compute threads may use only \(allowedCount) of \(onlineCount) "
        + "processors: the launcher has bound this rank; start with --bind-to none "
        + "(or export OMPI_MCA_hwloc_base_binding_policy=none)"
    }
    if threads * sharing > allowedCount {
      return "\(sharing) rank\(sharing == 1 ? "" : "s") x \(threads) compute threads share "
        + "\(allowedCount) processors of this host: use fewer ranks or threads"
    }
    return nil
  }

  /// The name of this host, "unknown" where the system has none.
  package static func hostName() -> String {
    var bytes = [CChar](repeating: 0, count: 256)
    guard gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
    return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
