package import Losses

/// What a run minimises.
package enum Objective: Sendable {
  /// A loss of each sample by itself, from a head with class weights.
  case classification(MarginSoftmaxHead)
  /// A loss of the whole batch, without parameters.
  case triplets(TripletObjective)

  /// The head with class weights, nil for triplets.
  package var head: MarginSoftmaxHead? {
    if case .classification(let head) = self { return head }
    return nil
  }

  /// Parameters behind those of the network.
  package var parameterCount: Int { head?.parameterCount ?? 0 }
}

/// The triplet loss of a run (Schroff et al. 2015).
package struct TripletObjective: Sendable, Equatable {
  /// Samples of a batch.
  package let batch: Int
  /// 2 embeds the batch, then computes the microbatches that have triplets again; 1 keeps an arena
  /// for each microbatch instead. The bits are the same.
  package let passes: Int
  package let reduction: TripletReduction
  /// Whether the triplets mix the embeddings with those of an older network.
  package let isHarmonic: Bool

  package init(batch: Int, passes: Int, reduction: TripletReduction, isHarmonic: Bool = false) {
    self.batch = batch
    self.passes = passes
    self.reduction = reduction
    self.isHarmonic = isHarmonic
  }
}

/// What the triplets of a step were.
package struct TripletFigures: Sendable, Equatable {
  package var mode: MiningMode
  /// The margin in force.
  package var margin: Double
  /// What could have become triplets, and those with a loss above zero.
  package var candidates: Int
  package var triplets: Int
  /// The sum of the losses of all triplets.
  package var lossSum: Double
  /// Mean squared distances over all pairs of the batch, of one person and of two.
  package var positiveDistance: Double
  package var negativeDistance: Double
  /// Microbatches with triplets, which were propagated backward.
  package var activeMicrobatches: Int
  /// Seconds between the embeddings of the batch and its triplets, other ranks' included.
  package var miningSeconds: Double

  /// The share of the candidates that are triplets; the others were dropped.
  package var activeShare: Double {
    candidates > 0 ? Double(triplets) / Double(candidates) : 0
  }
}
