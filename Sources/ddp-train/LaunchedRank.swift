private import Foundation

/// The rank that the launcher gave this process, known before any MPI call.
enum LaunchedRank {
  /// A launcher's variables: the rank, and what shows that there are other ranks. One that is
  /// alone, or one of several tasks that know nothing of each other, speaks for itself.
  private static let launchers:
    [(rank: String, others: @Sendable (String) -> Bool, witness: String)] = [
      ("OMPI_COMM_WORLD_RANK", isSeveral, "OMPI_COMM_WORLD_SIZE"),
      ("PMIX_RANK", { !$0.isEmpty }, "PMIX_NAMESPACE"),
      ("PMI_RANK", isSeveral, "PMI_SIZE"),
    ]

  @Sendable private static func isSeveral(_ size: String) -> Bool { (Int(size) ?? 1) > 1 }

  /// The rank of the first launcher that has started this process with others; nil without one.
  static let rank: Int? = rank(in: ProcessInfo.processInfo.environment)

  /// What `rank` is in `environment`.
  static func rank(in environment: [String: String]) -> Int? {
    launchers.lazy.compactMap { launcher -> Int? in
      guard let witness = environment[launcher.witness], launcher.others(witness) else {
        return nil
      }
      return environment[launcher.rank].flatMap { Int($0) }
    }.first
  }

  /// Whether this process speaks for all: rank 0, or no launcher.
  static var isFirst: Bool { (rank ?? 0) == 0 }

  /// "[rank 3 on host] " for every rank but the first.
  static var prefix: String {
    isFirst ? "" : "[rank \(rank ?? 0) on \(ProcessInfo.processInfo.hostName)] "
  }
}
