private import Preconditions

/// What a rank is about to do with its peers; ranks compare these before data moves.
package enum CollectiveOperation: Equatable, Sendable, CustomStringConvertible {
  case agreement
  case sum(count: Int)
  case exchange(count: Int)
  case gather
  case broadcast(root: Int)
  case barrier
  /// The rank has nothing more to do and wants to leave.
  case farewell

  private static let detailBits = 48

  /// One word, at least 0, that is equal on two ranks where, and only where, the operation is.
  package var signature: Int {
    let (kind, detail) =
      switch self {
      case .agreement: (0, 0)
      case .sum(let count): (1, count)
      case .gather: (2, 0)
      case .broadcast(let root): (3, root)
      case .barrier: (4, 0)
      case .farewell: (5, 0)
      case .exchange(let count): (6, count)
      }
    require(
      detail >= 0 && detail < 1 << Self.detailBits, "collective operation: detail \(detail)")
    return kind << Self.detailBits | detail
  }

  /// The operation with this signature, or nil where there is none.
  package init?(signature: Int) {
    let detail = signature & (1 << Self.detailBits - 1)
    switch (signature >> Self.detailBits, detail) {
    case (0, 0): self = .agreement
    case (1, _): self = .sum(count: detail)
    case (2, 0): self = .gather
    case (3, _): self = .broadcast(root: detail)
    case (4, 0): self = .barrier
    case (5, 0): self = .farewell
    case (6, _): self = .exchange(count: detail)
    default: return nil
    }
  }

  package var description: String {
    switch self {
    case .agreement: "agreeOnMaximum"
    case .sum(let count): "allReduceSum of \(count) values"
    case .exchange(let count): "exchange of \(count) values"
    case .gather: "allGather"
    case .broadcast(let root): "broadcast from rank \(root)"
    case .barrier: "barrier"
    case .farewell: "end of the run"
    }
  }
}

/// What can go wrong between ranks, whatever carries their messages.
package enum CollectiveError: Error, Equatable, CustomStringConvertible {
  /// The ranks wanted different operations; one entry for each rank.
  case disagreement([CollectiveOperation?])
  /// Peers did not come; `absent` names those not heard of, as "rank 3 on node7", if that is known.
  case timedOut(CollectiveOperation, seconds: Double, absent: [String])
  /// A message longer than one operation can carry.
  case tooLarge(CollectiveOperation, bytes: Int, limit: Int)

  package var description: String {
    switch self {
    case .disagreement(let operations):
      return "ranks are not at the same operation: \(Self.summary(of: operations)); "
        + "every rank must run the same program with the same configuration and data"
    case .timedOut(let operation, let seconds, let absent):
      let peers = absent.isEmpty ? "its peers" : absent.joined(separator: ", ")
      return "waited \(Int(seconds.rounded())) s for \(peers) in \(operation); "
        + "look there for a dead host, a stopped process or slow storage, then resume"
    case .tooLarge(let operation, let bytes, let limit):
      return "\(operation): \(bytes) bytes in one message, the limit is \(limit); send less at once"
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
