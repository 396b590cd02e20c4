private import Foundation

/// The rank that the launcher gave this process, known before any MPI call.
enum LaunchedRank {
  private static let variables = [
    "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID",
  ]

  /// The rank of the first launcher variable that is set; nil without a launcher.
  static let rank: Int? = {
    let environment = ProcessInfo.processInfo.environment
    return variables.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first
  }()

  /// Whether this process speaks for all: rank 0, or no launcher.
  static var isFirst: Bool { (rank ?? 0) == 0 }

  /// "[rank 3 on host] " for every rank but the first.
  static var prefix: String {
    isFirst ? "" : "[rank \(rank ?? 0) on \(ProcessInfo.processInfo.hostName)] "
  }
}
