private import Preconditions

/// A group of ranks that make the same collectives in the same order.
///
/// All calls of a rank come from one thread. Before data moves, the ranks compare which operation
/// each of them is about to make; where they differ, every rank throws
/// `CollectiveError.disagreement` and the group can go on. After any other error it cannot.
package protocol Communicator: AnyObject {
  /// This rank, in 0..<size.
  var rank: Int { get }

  /// The number of ranks, at least 1.
  var size: Int { get }

  /// The name of the host this rank runs on.
  var hostName: String { get }

  /// This rank among the ranks of its host, in 0..<localSize.
  var localRank: Int { get }

  /// The number of ranks on this rank's host, at least 1.
  var localSize: Int { get }

  /// Called on the waiting thread, often, while peers are still on their way; what it throws ends
  /// the collective.
  var onWait: (() throws -> Void)? { get set }

  /// The longest wait for peers, in seconds, before a collective throws `CollectiveError.timedOut`;
  /// nil, the default, waits for ever. Where ranks hear each other's heartbeat they wait for a peer
  /// that lives as long as it takes.
  var deadlineSeconds: Double? { get set }

  /// What this rank does, for whoever watches it.
  var progress: RankProgress { get }

  /// Agrees on the largest of the ranks' words; sleeps while peers are still computing.
  func agreeOnMaximum(_ word: Int) throws -> Int

  /// Replaces `values` [n, the same on every rank] by their sums over the ranks, in no promised order.
  func allReduceSum(_ values: UnsafeMutableBufferPointer<Double>) throws

  /// Sends every peer its own bytes, then gathers what the ranks have made of theirs: the two halves
  /// of a sum, or one of them alone.
  ///
  /// The ranks agree on `count`, which is the same on all, and on the largest `word`; `rounds` is
  /// handed that word when all ranks are there, and says how many rounds follow, as many on each. In a
  /// round `scatter` says what goes where (nil on all ranks: nothing); `gather` follows when the
  /// peers' bytes have come, and says what to put together (nil on all ranks: nothing).
  func exchange(
    count: Int, word: Int, rounds: (_ agreedWord: Int) -> Int,
    scatter: (_ round: Int) -> ScatterMessages?, gather: (_ round: Int) -> GatherMessages?
  ) throws

  /// Returns every rank's bytes, in rank order; their lengths may differ.
  func allGather(_ bytes: [UInt8]) throws -> [[UInt8]]

  /// Returns the bytes of rank `root`; what other ranks pass is ignored.
  func broadcast(_ bytes: [UInt8], from root: Int) throws -> [UInt8]

  /// Returns when every rank has called it.
  func barrier() throws
}

extension Communicator {
  /// An exchange of one round, with nothing to agree on but `count`.
  package func exchange(
    count: Int, scatter: () -> ScatterMessages?, gather: () -> GatherMessages? = { nil }
  ) throws {
    try exchange(
      count: count, word: 0, rounds: { _ in 1 }, scatter: { _ in scatter() },
      gather: { _ in gather() })
  }
}

/// The group of one rank: nothing to agree on, nothing to add, and no MPI.
package final class SoloCommunicator: Communicator {
  package let rank = 0
  package let size = 1
  package let hostName = HostProcessors.hostName()
  package let localRank = 0
  package let localSize = 1
  package var onWait: (() throws -> Void)?
  package var deadlineSeconds: Double?
  package let progress = RankProgress()

  package init() {}

  package func agreeOnMaximum(_ word: Int) -> Int { word }
  package func allReduceSum(_ values: UnsafeMutableBufferPointer<Double>) {}
  package func exchange(
    count: Int, word: Int, rounds: (_ agreedWord: Int) -> Int,
    scatter: (_ round: Int) -> ScatterMessages?, gather: (_ round: Int) -> GatherMessages?
  ) {
    for round in 0..<rounds(word) {
      _ = scatter(round)
      guard let messages = gather(round), let part = messages.parts.first else { continue }
      (messages.all + part.lowerBound).copyMemory(from: messages.own, byteCount: part.count)
    }
  }
  package func allGather(_ bytes: [UInt8]) -> [[UInt8]] { [bytes] }
  package func broadcast(_ bytes: [UInt8], from root: Int) -> [UInt8] {
    require(root == 0, "broadcast: root \(root) in a group of 1 rank")
    return bytes
  }
  package func barrier() {}
}
