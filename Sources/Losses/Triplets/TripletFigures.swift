/// What the triplets of a step were.
package struct TripletFigures: Sendable, Equatable {
  /// How they were found.
  package var mode: MiningMode
  /// The margin in force.
  package var margin: Double
  /// What could have become triplets, and those with a loss above zero.
  package var candidates: Int
  /// Those with a loss above zero.
  package var triplets: Int
  /// The sum of the losses of all triplets.
  package var lossSum: Double
  /// Mean squared distances over all pairs of the batch, of one person and of two.
  package var positiveDistance: Double
  /// That of two people, over all pairs of the batch.
  package var negativeDistance: Double
  /// Microbatches with triplets, which were propagated backward.
  package var activeMicrobatches: Int
  /// Seconds between the embeddings of the batch and its triplets, other ranks' included.
  package var miningSeconds: Double

  /// The figures of one step.
  package init(
    mode: MiningMode, margin: Double, candidates: Int, triplets: Int, lossSum: Double,
    positiveDistance: Double, negativeDistance: Double, activeMicrobatches: Int,
    miningSeconds: Double
  ) {
    self.mode = mode
    self.margin = margin
    self.candidates = candidates
    self.triplets = triplets
    self.lossSum = lossSum
    self.positiveDistance = positiveDistance
    self.negativeDistance = negativeDistance
    self.activeMicrobatches = activeMicrobatches
    self.miningSeconds = miningSeconds
  }

  /// The share of the candidates that are triplets; the others were dropped.
  package var activeShare: Double {
    candidates > 0 ? Double(triplets) / Double(candidates) : 0
  }
}
