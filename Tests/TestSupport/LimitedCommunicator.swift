package import Collectives

/// The ranks of another communicator, with messages as short as a test wants them.
package final class LimitedCommunicator: WrappedCommunicator {
  package let inner: any Communicator
  package let limits: MessageLimits

  package init(_ inner: any Communicator, limits: MessageLimits) {
    self.inner = inner
    self.limits = limits
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
