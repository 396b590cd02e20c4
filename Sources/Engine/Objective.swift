package import Losses

/// What a run minimises.
package enum Objective: Sendable {
  /// A loss of each sample by itself, with class weights; nil leaves the term beside it alone.
  case samples((any LossHead)?)
  /// The same where each rank has the weights of some classes, and their gradients.
  case divided(DividedHead)
  /// A loss of the whole batch, without parameters.
  case wholeBatch(any BatchObjective)

  /// The head with class weights, nil for losses of the whole batch.
  package var head: (any LossHead)? {
    switch self {
    case .samples(let head): head
    case .divided(let divided): divided.head
    case .wholeBatch: nil
    }
  }

  /// The head that every worker runs whole; nil where there is none.
  var headOfWorkers: (any LossHead)? {
    if case .samples(let head) = self { return head }
    return nil
  }

  /// The head whose classes are divided over the ranks; nil where there is none.
  package var divided: DividedHead? {
    if case .divided(let divided) = self { return divided }
    return nil
  }

  /// How often a step loads each photo, at most.
  package var passes: Int {
    switch self {
    case .samples: 1
    case .divided(let divided): divided.passes
    case .wholeBatch(let objective): objective.passes
    }
  }

  /// Parameters behind all others.
  package var parameterCount: Int { head?.parameterCount ?? 0 }
}

/// How a batch goes through the network where its loss needs all embeddings first.
package protocol BatchPasses: Sendable {
  /// Samples of a batch at most.
  var batch: Int { get }

  /// 2 embeds the batch, then computes the microbatches that matter again; 1 keeps an arena for
  /// each microbatch instead. The bits are the same.
  var passes: Int { get }
}

/// What is to be known of a loss of the whole batch before there are workers.
package protocol BatchObjective: BatchPasses {
  /// The loss with its memory, for embeddings of `width` and `workers` compute threads.
  func makeLoss(width: Int, workers: Int) -> any BatchLoss

  /// Bytes of that loss for the batch, and for each worker, without making it.
  func memory(width: Int, workers: Int) -> (batch: Int, worker: Int)
}

/// A loss of the whole batch: no microbatch can go backward before all have gone forward.
///
/// The engine embeds the microbatches, gives every rank the embeddings of all, lets the loss find
/// what it is (`evaluate`), and asks what came of it for the gradient at the embeddings of each
/// microbatch that matters, on the rank and worker that propagate it backward.
package protocol BatchLoss: AnyObject {
  /// Bytes of memory for the batch, and for each worker.
  var bytes: Int { get }
  var workerBytes: Int { get }

  /// Finds the loss of `batch` from its `embeddings` [batch.samples.count, width] and `labels`
  /// [batch.samples.count], which are the same on every rank. Every rank calls it with the same
  /// outcome; work is shared out by `crew`. Returns nil where an embedding is not finite.
  func evaluate(
    _ batch: StepBatch, embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    by crew: BatchCrew
  ) throws -> BatchOutcome?
}

/// What one loss of the whole batch is asked of a batch, which the engine hands on unread.
package protocol BatchRequest: Sendable {}

/// What one loss of the whole batch has found of a batch, which the engine hands on unread.
package protocol BatchFigures: Sendable {}

/// A batch whose loss is found, until the next one is evaluated: what its passes backward need.
package protocol EvaluatedBatch: Sendable {
  /// Overwrites `gradients` [slots.count, width] with the derivatives of samples x the mean loss by
  /// the embeddings of `slots`; called by several workers at once.
  func gradients(
    at slots: Range<Int>, on worker: Int, into gradients: UnsafeMutablePointer<Float>)

  /// What the samples of `slots`, a microbatch, come to, where the loss is one of each sample: then
  /// the ledger adds it up over the microbatches, and nothing of it is in the outcome.
  func value(of slots: Range<Int>) -> LossValue?

  /// Overwrites `sums` with what the samples of `slots`, a microbatch, move the state of the loss
  /// by, as `LossHead.run` does.
  func writeStateSums(of slots: Range<Int>, to sums: UnsafeMutablePointer<Double>)
}

extension EvaluatedBatch {
  /// Nothing: the outcome has it.
  package func value(of slots: Range<Int>) -> LossValue? { nil }
  /// Nothing: the loss has no state.
  package func writeStateSums(of slots: Range<Int>, to sums: UnsafeMutablePointer<Double>) {}
}

/// What a loss of the whole batch has found.
package struct BatchOutcome: Sendable {
  /// The loss as it is reported: of a sample, in the mean.
  package var loss: Double
  /// What turns sums of gradients over the samples into the gradient of the loss.
  package var gradientScale: Double
  /// Microbatches whose embeddings have a gradient, ascending.
  package var active: [Int]
  /// Samples that are nearest to another face of their person, of those that could be, on the scale
  /// of the whole batch.
  package var correctCount: Double
  /// The mean cosine of samples and other faces of their person.
  package var targetCosine: Double
  /// The mean squared distance of the unit embeddings to their mean.
  package var spread: Double
  /// What the loss has found beside these; nil where it is nothing.
  package var figures: (any BatchFigures)?
  /// The gradients at the embeddings of the batch.
  package var evaluated: any EvaluatedBatch

  package init(
    loss: Double, gradientScale: Double, active: [Int], correctCount: Double,
    targetCosine: Double, spread: Double, figures: (any BatchFigures)? = nil,
    evaluated: any EvaluatedBatch
  ) {
    self.loss = loss
    self.gradientScale = gradientScale
    self.active = active
    self.correctCount = correctCount
    self.targetCosine = targetCosine
    self.spread = spread
    self.figures = figures
    self.evaluated = evaluated
  }
}
