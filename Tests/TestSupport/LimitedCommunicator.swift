package import Collectives

/// The ranks of another communicator, with messages as short as a test wants them.
package final class LimitedCommunicator: Communicator {
  private let inner: any Communicator
  package let limits: MessageLimits

  package init(_ inner: any Communicator, limits: MessageLimits) {
    self.inner = inner
    self.limits = limits
  }

  package var rank: Int { inner.rank }
  package var size: Int { inner.size }
  package var hostName: String { inner.hostName }
  package var localRank: Int { inner.localRank }
  package var localSize: Int { inner.localSize }
  package var progress: RankProgress { inner.progress }
  package func whileWaiting<Result>(
    _ check: @escaping () throws -> Void, _ body: () throws -> Result
  ) rethrows -> Result {
    try inner.whileWaiting(check, body)
  }

  package func meet(at operation: CollectiveOperation, word: Int) throws -> Int {
    try inner.meet(at: operation, word: word)
  }

  package func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws {
    switch transfer {
    case .sum(let values): check(8 * values.count, atMost: limits.pieceBytes)
    case .broadcast(let memory, _): check(memory.count, atMost: limits.pieceBytes)
    case .allGather(let messages):
      check(messages.parts.map(\.upperBound).max() ?? 0, atMost: limits.transferBytes)
    case .allToAll(let messages):
      for parts in [messages.outgoingParts, messages.incomingParts] {
        check(parts.map(\.upperBound).max() ?? 0, atMost: limits.transferBytes)
      }
    }
    try inner.transfer(transfer, in: operation)
  }

  private func check(_ bytes: Int, atMost limit: Int) {
    // A round has at least a byte for each rank.
    precondition(bytes <= max(limit, size), "a transfer of \(bytes) bytes, the limit is \(limit)")
  }
}
