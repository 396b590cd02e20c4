package import Collectives

/// A communicator between a rank and another one, which does all that this one has no other way of
/// doing.
package protocol WrappedCommunicator: Communicator {
  /// What is between.
  var inner: any Communicator { get }
}

extension WrappedCommunicator {
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
    try inner.transfer(transfer, in: operation)
  }
}
