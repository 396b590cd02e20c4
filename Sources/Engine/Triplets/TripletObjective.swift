package import Losses

extension MiningRequest: BatchRequest {}
extension TripletFigures: BatchFigures {}

/// The triplet loss of a run (Schroff et al. 2015).
package struct TripletObjective: BatchObjective {
  package let batch: Int
  package let passes: Int
  package let reduction: TripletReduction
  /// Of an older network, with whose embeddings the triplets are mixed; nil where there is none.
  package let old: OldEmbeddings?

  /// Triplets of batches of `batch` samples.
  package init(batch: Int, passes: Int, reduction: TripletReduction, old: OldEmbeddings? = nil) {
    self.batch = batch
    self.passes = passes
    self.reduction = reduction
    self.old = old
  }

  package func memory(width: Int, workers: Int) -> (batch: Int, worker: Int) {
    TripletLoss.bytes(self, width: width)
  }

  package func makeLoss(width: Int, workers: Int) -> any BatchLoss {
    TripletLoss(self, width: width, workers: workers)
  }
}
