package import Collectives

/// The ranks of another communicator, with the bytes that each sends to its peers counted: of a sum
/// what rings send, of a broadcast the root's one copy.
package final class CountingCommunicator: WrappedCommunicator {
  package let inner: any Communicator
  private let onBytes: @Sendable (_ rank: Int, _ bytes: Int, CollectiveOperation) -> Void

  /// `onBytes` is called with what a rank sends.
  package init(
    _ inner: any Communicator,
    onBytes: @escaping @Sendable (_ rank: Int, _ bytes: Int, CollectiveOperation) -> Void
  ) {
    self.inner = inner
    self.onBytes = onBytes
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
