internal import Collectives
package import Timing

/// The sums of one step over all microbatches of all ranks.
package struct StepSums: Sendable {
  /// Of the losses of all samples.
  package var lossSum = 0.0
  /// Samples nearest their own class; for triplets, to another face of their person.
  package var correctCount = 0.0
  /// Of the cosines between samples and the weights of their own class.
  package var targetCosineSum = 0.0
  /// The sum over microbatches of samples x mean squared distance of unit embeddings to their mean;
  /// for a loss of the whole batch, that counts as one microbatch.
  package var spreadSum = 0.0
  /// Of the cosines between samples and what a teacher makes of them, and how many these are.
  package var teacherCosineSum = 0.0
  package var taughtCount = 0.0
  /// Samples that stand in for an unreadable photo.
  package var replacedCount = 0.0
  /// Ranks that saw a gradient that is not finite or leaves the grid.
  package var unsoundRanks = 0.0
  /// Microbatches that each rank computed.
  package var microbatchesOfRanks: [Int] = []
  /// What each rank's step before this one was spent on: a step is not over when its sums are made.
  package var secondsOfRanks: [RankSeconds] = []
  /// What the loss has found beside these; nil where it is nothing.
  package var figures: (any BatchFigures)?
}

/// What the engine itself sums in a step.
struct StepSlots {
  /// Of the loss, a share of the mean: the sum itself could leave the grid of a very large batch.
  let meanLoss: Ledger.Slot
  let correctCount, targetCosine, spread, replacedCount, unsoundRanks: Ledger.Slot
  /// The rank's hash of the weights (`HashSum`).
  let weightsHash: Ledger.Slot
  /// Of each rank its microbatches, then its `RankSeconds`.
  private let ranks: Ledger.Slot
  let rankCount: Int
  /// Batch-norm addends [statisticsCount].
  let moments: Ledger.Slot
  /// Of a term beside the loss, the sum of its cosines and their number; none without.
  let distillation: Ledger.Slot
  /// What the state of the loss moves by, means over the batch.
  let lossState: Ledger.Slot
  /// What ranks have measured of their blocks of the gradient, where the optimizer is sharded.
  let blocks: Ledger.Slot

  init(
    in ledger: inout Ledger, rankCount: Int, statisticsCount: Int, lossSums: Int,
    hasTerm: Bool, blockValues: Int
  ) {
    self.rankCount = rankCount
    meanLoss = ledger.reserve("mean loss")
    correctCount = ledger.reserve("correct")
    targetCosine = ledger.reserve("target cosine")
    spread = ledger.reserve("spread")
    replacedCount = ledger.reserve("replaced photos")
    unsoundRanks = ledger.reserve("unsound ranks")
    weightsHash = ledger.reserve("hash of the weights", count: HashSum.count)
    ranks = ledger.reserve("ranks", count: Self.valuesOfRank * rankCount)
    moments = ledger.reserve("moments of batch norm", count: statisticsCount)
    distillation = ledger.reserve("distillation", count: hasTerm ? 2 : 0)
    lossState = ledger.reserve("state of the loss", count: lossSums)
    blocks = ledger.reserve("blocks of the gradient", count: blockValues)
  }

  private static let valuesOfRank = 1 + RankSeconds.count

  /// Writes what rank `rank` says of itself: the `microbatches` that it computed and the seconds of
  /// its step before.
  func write(_ microbatches: Int, _ seconds: RankSeconds, of rank: Int, to page: LedgerPage) {
    let values = page.pointer(to: ranks) + Self.valuesOfRank * rank
    values[0] = Double(microbatches)
    seconds.write(to: values + 1)
  }

  /// What a page of sums over all ranks says of a batch of `samples`.
  func sums(_ page: LedgerPage, samples: Int) -> StepSums {
    let ofRanks = page.pointer(to: ranks)
    let (terms, hasTerm) = (page.pointer(to: distillation), distillation.count > 0)
    return StepSums(
      lossSum: page[meanLoss] * Double(samples), correctCount: page[correctCount],
      targetCosineSum: page[targetCosine], spreadSum: page[spread],
      teacherCosineSum: hasTerm ? terms[0] : 0, taughtCount: hasTerm ? terms[1] : 0,
      replacedCount: page[replacedCount], unsoundRanks: page[unsoundRanks],
      microbatchesOfRanks: (0..<rankCount).map { Int(ofRanks[Self.valuesOfRank * $0]) },
      secondsOfRanks: (0..<rankCount).map { RankSeconds(ofRanks + Self.valuesOfRank * $0 + 1) })
  }
}
