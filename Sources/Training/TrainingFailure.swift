/// Why a run ended before its last step.
package enum TrainingFailure: Error, CustomStringConvertible {
  case microbatchOfOne(samples: Int, microbatch: Int)
  case diverged(steps: Int, checkpoint: String?)
  case collapsed(step: Int, checkpoint: String?)
  case replicasDiffer(step: Int)

  package var description: String {
    switch self {
    case .microbatchOfOne(let samples, let microbatch):
      "\(samples) samples in microbatches of at most \(microbatch) leave one with a single sample, "
        + "over which batch norm is undefined; change --batch or --microbatch"
    case .diverged(let steps, let checkpoint):
      "the gradient was not finite or left the grid of the exact sum in \(steps) steps in a row; "
        + "start again with a lower --lr or, where gradients are large but sound, with a coarser "
        + "--gradient-grid such as -30; " + Self.last(checkpoint)
    case .collapsed(let step, let checkpoint):
      "the embeddings have collapsed to one point at step \(step); "
        + "lower --lr, --margin or --scale; " + Self.last(checkpoint)
    case .replicasDiffer(let step):
      "the weights of the ranks differ after step \(step): memory or arithmetic of a host is at "
        + "fault; test its memory, then resume from the last checkpoint without it"
    }
  }

  private static func last(_ checkpoint: String?) -> String {
    checkpoint.map { "the last good checkpoint is \($0)" } ?? "there is no checkpoint yet"
  }
}
