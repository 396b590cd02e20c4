package import Collectives
package import Threads
package import Timing

/// Where a replica is trained: this rank's workers, the other ranks, and how they add up.
package struct World {
  /// The compute threads of this rank.
  package let pool: WorkerPool
  /// What the ranks do together.
  package let communicator: any Communicator
  /// How gradients travel between ranks.
  package let reduction: Reduction
  /// Whether each rank keeps and updates a part of the optimizer's state.
  package let isSharded: Bool
  /// Where spans of time go; nil records nothing.
  package let timeline: Timeline?
  /// Called with each event of a step, for traces and tests; may come from any worker.
  package let onEvent: (@Sendable (StepEvent) -> Void)?

  /// A world of `communicator`'s ranks; `shardsOptimizer` has no meaning in a world of one.
  package init(
    pool: WorkerPool, communicator: any Communicator, reduction: Reduction = .exact,
    shardsOptimizer: Bool = false, timeline: Timeline? = nil,
    onEvent: (@Sendable (StepEvent) -> Void)? = nil
  ) {
    self.pool = pool
    self.communicator = communicator
    self.reduction = reduction
    isSharded = shardsOptimizer && communicator.size > 1
    self.timeline = timeline
    self.onEvent = onEvent
  }

  var rank: Int { communicator.rank }
  var size: Int { communicator.size }
}
