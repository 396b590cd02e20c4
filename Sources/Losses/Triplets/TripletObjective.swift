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
