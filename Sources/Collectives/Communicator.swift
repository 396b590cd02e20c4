/// A group of ranks that make the same collectives in the same order.
///
/// A collective has two halves: the ranks meet, which compares what each of them is about to do, and
/// data moves. Every call that programs make (`Communicator+Collectives.swift`,
/// `Communicator+Values.swift`) is written in terms of these two. Where the ranks differ every one of
/// them throws `CollectiveError.disagreement` before data moves, and the group can go on; after any
/// other error it cannot. All calls of a rank come from one thread.
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

  /// How long the messages of one transfer may be, the same on all ranks.
  var limits: MessageLimits { get }

  /// Called on the waiting thread, often, while peers are still on their way; what it throws ends
  /// the collective.
  var onWait: (() throws -> Void)? { get set }

  /// The longest wait for peers, in seconds, before a collective throws `CollectiveError.timedOut`;
  /// nil, the default, waits for ever. Where ranks hear each other's heartbeat they wait for a peer
  /// that lives as long as it takes.
  var deadlineSeconds: Double? { get set }

  /// What this rank does, for whoever watches it.
  var progress: RankProgress { get }

  /// Waits, asleep, until every rank is at `operation`; returns the largest of their words. Throws
  /// `CollectiveError.disagreement` where they are at different ones.
  func meet(at operation: CollectiveOperation, word: Int) throws -> Int

  /// Moves data between ranks that have met at `operation`, and waits for it. Every rank passes the
  /// same kind, with lengths that fit those of its peers and `limits`; nothing compares them.
  func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws
}

extension Communicator {
  package var limits: MessageLimits { MessageLimits() }
}
