/// A group of ranks that make the same collectives in the same order.
///
/// A collective has two halves: the ranks meet, which compares what each of them is about to do,
/// and data moves. Every call that programs make (`Communicator+Collectives.swift`,
/// `Communicator+Values.swift`) is written in terms of these two. Where the ranks differ every one
/// of them throws `CollectiveError.disagreement` before data moves, and the group can go on; after
/// any other error it cannot. All calls of a rank come from one thread.
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

  /// What this rank does, for whoever watches it, and how long it may do nothing.
  var progress: RankProgress { get }

  /// What users should know about the watch over the ranks, such as that there is none; nil where
  /// all is well.
  var watchNote: String? { get }

  /// What users should know about the way of messages between ranks of one host; nil where it is
  /// the usual one.
  var transportNote: String? { get }

  /// Runs `body`, in which `check` is called on the waiting thread, often, while peers are still on
  /// their way to a collective; what it throws ends the collective.
  func whileWaiting<Result>(
    _ check: @escaping () throws -> Void, _ body: () throws -> Result
  ) rethrows -> Result

  /// Waits, asleep, until every rank is at `operation`; returns the largest of their words. Throws
  /// `CollectiveError.disagreement` where they are at different ones, and
  /// `CollectiveError.timedOut` when `progress.patienceSeconds` have passed; but where ranks hear
  /// each other's heartbeat, they wait for a peer that lives as long as it takes.
  func meet(at operation: CollectiveOperation, word: Int) throws -> Int

  /// Moves data between ranks that have met at `operation`, and waits for it. Every rank passes the
  /// same kind, with lengths that fit those of its peers and `limits`; nothing compares them.
  func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws
}

extension Communicator {
  package var limits: MessageLimits { MessageLimits() }
  package var watchNote: String? { nil }
  package var transportNote: String? { nil }
}
