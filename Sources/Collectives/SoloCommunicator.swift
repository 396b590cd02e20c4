private import Preconditions

/// The group of one rank: nothing to agree on, nothing to add, and no MPI.
package final class SoloCommunicator: Communicator {
  package let rank = 0
  package let size = 1
  package let hostName = HostProcessors.hostName()
  package let localRank = 0
  package let localSize = 1
  package let progress = RankProgress()

  /// The world of this process alone.
  package init() {}

  package func whileWaiting<Result>(
    _ check: @escaping () throws -> Void, _ body: () throws -> Result
  ) rethrows -> Result {
    try body()
  }

  package func meet(at operation: CollectiveOperation, word: Int) -> Int { word }

  package func transfer(_ transfer: Transfer, in operation: CollectiveOperation) {
    guard case .allGather(let messages) = transfer, let own = messages.own,
      let part = messages.parts.first, !part.isEmpty
    else { return }
    (messages.all + part.lowerBound).copyMemory(from: own, byteCount: part.count)
  }
}
