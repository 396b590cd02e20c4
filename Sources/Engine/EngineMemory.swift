package import Collectives
internal import Losses
package import Networks
package import Optimizers
internal import State

/// The memory that a replica and an engine take, known before there is either.
package struct EngineMemory: Sendable, Equatable {
  /// Bytes of the rank itself: parameters with the optimizer's state, sums, messages, the batch.
  package let rankBytes: Int
  /// Bytes of each of its compute threads.
  package let workerBytes: Int

  /// Memory of that many bytes.
  package init(rankBytes: Int, workerBytes: Int) {
    self.rankBytes = rankBytes
    self.workerBytes = workerBytes
  }

  /// The memory on rank `rank` of `ranks` with `threads` compute threads, for a replica whose state
  /// has `vectorCount` vectors beside the parameters.
  package init(
    network: Network, objective: Objective, groups: ParameterGroups, vectorCount: Int,
    rank: Int, ranks: Int, threads: Int, reduction: Reduction, shardsOptimizer: Bool
  ) {
    let head = objective.head
    let isSharded = shardsOptimizer && ranks > 1
    let blocks = TensorBlocks(groups)
    var ledger = Ledger()
    _ = StepSlots(
      in: &ledger, rankCount: ranks, statisticsCount: network.statisticsCount,
      lossSums: head?.stateSumCount ?? 0,
      blockValues: isSharded ? UpdatePass.valuesOfBlock * blocks.count : 0)
    let count = network.parameterCount + objective.parameterCount
    let layout = BucketLayout(
      count: count, blocks: blocks.ranges,
      minimumCount: max(1, World.bucketBytes(ranks: ranks) / 8), ranks: ranks,
      wholeBlocks: isSharded)
    let kept = isSharded ? layout.ranges(of: rank).reduce(0) { $0 + $1.count } : count
    let state = 4 * (count + network.statisticsCount + kept * vectorCount)
    let messages = GradientReducer.messageBytes(
      layout: layout, ranks: ranks, reduction: reduction)
    let worker = Worker.bytes(network: network, head: head, ledgerCount: ledger.count)
    let sums = 8 * (count + ledger.count)
    guard case .wholeBatch(let batch) = objective else {
      rankBytes = state + sums + messages
      workerBytes = worker
      return
    }
    let loss = batch.memory(width: network.embeddingCount, workers: threads)
    rankBytes =
      state + sums + messages
      + WholeBatchMemory.bytes(
        batch, loss: loss.batch, network: network, threads: threads,
        localMicrobatches: WholeBatchMemory.localMicrobatches(batch, network, ranks: ranks))
    workerBytes = worker + loss.worker
  }
}
