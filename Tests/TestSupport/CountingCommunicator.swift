package import Collectives

/// The ranks of another communicator, with the bytes that each sends to its peers counted: of a sum
/// what rings send, of a broadcast the root's one copy.
package final class CountingCommunicator: Communicator {
  private let inner: any Communicator
  private let onBytes: @Sendable (_ rank: Int, _ bytes: Int, CollectiveOperation) -> Void

  /// `onBytes` is called with what a rank sends.
  package init(
    _ inner: any Communicator,
    onBytes: @escaping @Sendable (_ rank: Int, _ bytes: Int, CollectiveOperation) -> Void
  ) {
    self.inner = inner
    self.onBytes = onBytes
  }

  package var rank: Int { inner.rank }
  package var size: Int { inner.size }
  package var hostName: String { inner.hostName }
  package var localRank: Int { inner.localRank }
  package var localSize: Int { inner.localSize }
  package var progress: RankProgress { inner.progress }
  package var limits: MessageLimits { inner.limits }

  package func whileWaiting<Result>(
    _ check: @escaping () throws -> Void, _ body: () throws -> Result
  ) rethrows -> Result {
    try inner.whileWaiting(check, body)
  }

  package func meet(at operation: CollectiveOperation, word: Int) throws -> Int {
    try inner.meet(at: operation, word: word)
  }

  package func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws {
    let bytes =
      switch transfer {
      case .sum(let values): 2 * (size - 1) * 8 * values.count / size
      case .broadcast(let memory, let root): rank == root ? memory.count : 0
      case .allGather(let messages): (size - 1) * messages.parts[rank].count
      case .allToAll(let messages): messages.outgoingParts.reduce(0) { $0 + $1.count }
      }
    onBytes(rank, bytes, operation)
    try inner.transfer(transfer, in: operation)
  }
}
