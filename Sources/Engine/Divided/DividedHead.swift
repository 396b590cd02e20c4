internal import Kernels
package import Losses

/// A margin softmax head whose classes are divided over the ranks.
///
/// It computes what the whole head does, with the same bits (decision 20).
package struct DividedHead: BatchPasses {
  /// The head, of which each rank has some classes.
  package let head: MarginSoftmaxHead
  /// The most samples of a batch.
  package let batch: Int
  package let passes: Int
  /// Which classes take part in a step; nil where all do.
  package let sampling: ClassSampling?

  /// A divided head for batches of up to `batch` samples, of whose classes those of `sampling` take
  /// part in a step.
  package init(
    _ head: MarginSoftmaxHead, batch: Int, passes: Int, sampling: ClassSampling? = nil
  ) {
    self.head = head
    self.batch = batch
    self.passes = passes
    self.sampling = sampling
  }

  /// The classes of rank `rank` of `ranks`; with several centres a class, the rows of their
  /// weights.
  package func classes(of rank: Int, ranks: Int) -> Range<Int> {
    HeadBlocks(of: head).classes(of: rank, ranks: ranks)
  }

  /// How many classes rank `rank` of `ranks` has.
  package func classCount(of rank: Int, ranks: Int) -> Int {
    classes(of: rank, ranks: ranks).count / head.subCentres
  }

  /// Where the parameters of rank `rank` of `ranks` lie in the flat vector of the head: its rows of
  /// the weights; a bias, which is one number a class, is every rank's.
  package func ownRange(of rank: Int, ranks: Int) -> Range<Int> {
    let classes = classes(of: rank, ranks: ranks)
    return classes.lowerBound * head.dimension..<classes.upperBound * head.dimension
  }

  /// Where the bias lies in the flat vector of the head; empty where it has none.
  package var biasRange: Range<Int> { head.rowCount * head.dimension..<head.parameterCount }

  /// What a rank of `world` has of the head of `replica`, if it is divided, in the flat vector: its
  /// classes, and the bias.
  static func ranges(of replica: Replica, in world: World) -> [Range<Int>] {
    guard let objective = replica.objective.divided else { return [] }
    let start = replica.headRange.lowerBound
    return [
      objective.ownRange(of: world.rank, ranks: world.size), objective.biasRange,
    ].map { start + $0.lowerBound..<start + $0.upperBound }
  }

  /// Bytes of rank `rank` of `ranks` beside parameters and vectors: the gradients of its classes
  /// and what is known of the faces of the batch; and those of each worker.
  func bytes(
    rank: Int, ranks: Int, microbatch: Int
  ) -> (rank: Int, worker: Int) {
    let share = ClassShare(head, rank: rank, ranks: ranks)
    let written =
      sampling.map {
        share.writtenCount(rows: share.expectedCount($0, batch: batch), batch: batch)
      } ?? share.classes.count * head.dimension
    return (
      4 * (written + share.classes.count + biasRange.count)
        + ScoredBatch.bytes(capacity: batch, for: head)
        + (sampling == nil ? 0 : ChosenClasses.bytes(of: share, batch: batch)),
      4 * (share.scratchCount(microbatch: microbatch) + min(batch, share.slabRows))
        + 8 * share.sumCount
    )
  }
}
