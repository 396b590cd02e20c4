package import Collectives
package import Losses
package import Networks
package import Optimizers
package import State

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
  /// has `vectors` beside the parameters.
  package init(
    network: Network, objective: Objective, groups: ParameterGroups, vectors: [StateVector],
    rank: Int, ranks: Int, threads: Int, reduction: Reduction, shardsOptimizer: Bool,
    term: DistillationTerm? = nil
  ) {
    let head = objective.headOfWorkers
    let isSharded = shardsOptimizer && ranks > 1
    let blocks = TensorBlocks(groups)
    var ledger = Ledger()
    _ = StepSlots(
      in: &ledger, rankCount: ranks, statisticsCount: network.statisticsCount,
      lossSums: objective.head?.stateSumCount ?? 0, hasTerm: term != nil,
      blockValues: UpdatePass.values(of: blocks, objective, isSharded: isSharded))
    let count =
      network.parameterCount + (term?.parameterCount ?? 0) + (head?.parameterCount ?? 0)
    let layout = BucketLayout(
      count: count, blocks: blocks.ranges.filter { $0.upperBound <= count },
      minimumCount: max(1, BucketLayout.bucketBytes(ranks: ranks) / 8), ranks: ranks,
      wholeBlocks: isSharded)
    let kept = isSharded ? layout.ranges(of: rank).reduce(0) { $0 + $1.count } : count
    let moments = network.statisticsCount * (vectors.contains(.average) ? 2 : 1)
    let state = 4 * (count + moments + kept * vectors.count)
    let messages = GradientReducer.messageBytes(
      layout: layout, ranks: ranks, reduction: reduction)
    let worker = Worker.bytes(network: network, head: head, term: term, ledgerCount: ledger.count)
    let sums = 8 * (count + ledger.count)
    func bytes(_ batch: any BatchPasses, loss: Int) -> Int {
      state + sums + messages
        + WholeBatchMemory.bytes(
          batch, loss: loss, network: network, threads: threads,
          localMicrobatches: WholeBatchMemory.localMicrobatches(batch, network, ranks: ranks),
          term: term)
    }
    switch objective {
    case .samples: (rankBytes, workerBytes) = (state + sums + messages, worker)
    case .divided(let divided):
      let loss = divided.bytes(rank: rank, ranks: ranks, microbatch: network.maximumRows)
      let own =
        divided.ownRange(of: rank, ranks: ranks).count + divided.biasRange.count
      rankBytes = bytes(divided, loss: loss.rank) + 4 * own * (1 + vectors.count)
      workerBytes = worker + loss.worker
    case .wholeBatch(let batch):
      let loss = batch.memory(width: network.embeddingCount, workers: threads)
      rankBytes = bytes(batch, loss: loss.batch)
      workerBytes = worker + loss.worker
    }
  }
}
