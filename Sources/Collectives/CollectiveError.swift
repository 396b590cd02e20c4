/// What can go wrong between ranks, whatever carries their messages.
package enum CollectiveError: Error, Equatable, CustomStringConvertible {
  /// The ranks wanted different operations; one entry for each rank.
  case disagreement([CollectiveOperation?])
  /// Peers did not come; `absent` names those not heard of, as "rank 3 on node7", if that is known.
  case timedOut(CollectiveOperation, seconds: Double, absent: [String])
  /// The bytes that came from a rank are no value of the type that was expected.
  case unreadable(type: String, bytes: Int, rank: Int)

  package var description: String {
    switch self {
    case .disagreement(let operations):
      return "ranks are not at the same operation: \(Self.summary(of: operations)); "
        + "every rank must run the same program with the same configuration and data"
    case .timedOut(let operation, let seconds, let absent):
      let peers = absent.isEmpty ? "its peers" : absent.joined(separator: ", ")
      return "waited \(Int(seconds.rounded())) s for \(peers) in \(operation); "
        + "look there for a dead host, a stopped process or slow storage, then resume"
    case .unreadable(let type, let bytes, let rank):
      return "\(bytes) bytes from rank \(rank) are no \(type); start the same program on all ranks"
    }
  }

  private static func summary(of operations: [CollectiveOperation?]) -> String {
    var groups: [(name: String, ranks: [Int])] = []
    for (rank, operation) in operations.enumerated() {
      let name = operation.map(\.description) ?? "an unknown operation"
      if let at = groups.firstIndex(where: { $0.name == name }) {
        groups[at].ranks.append(rank)
      } else {
        groups.append((name, [rank]))
      }
    }
    return groups.map { group in
      let first = group.ranks.prefix(8).map(String.init).joined(separator: ",")
      let more = group.ranks.count > 8 ? " and \(group.ranks.count - 8) more" : ""
      return "\(group.name) on rank \(first)\(more)"
    }.joined(separator: "; ")
  }
}
