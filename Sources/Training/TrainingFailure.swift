internal import Sessions

/// Why a run ended before its last step.
package enum TrainingFailure: Error, CustomStringConvertible {
  case diverged(steps: Int, checkpoint: String?)
  case nothingLearned(steps: Int, checkpoint: String?)
  case collapsed(step: Int, checkpoint: String?)
  case photosDiffer(photo: String, ranks: [String])
  case otherNetwork(path: String, differences: [String])
  case otherDimension(Int, Int)
  case stuckAtMargin(
    step: Int, steps: Int, loss: Double, margin: Double, spread: Double, checkpoint: String?)

  package var description: String {
    switch self {
    case .diverged(let steps, let checkpoint):
      "the gradient was not finite or left the grid of the exact sum in \(steps) steps in a row; take a "
        + "lower lr or, where gradients are large but sound, a coarser gradient-grid such as -30: "
        + Self.way(checkpoint, ["lr"])
    case .nothingLearned(let steps, let checkpoint):
      "none of the \(steps) steps moved the weights: each was skipped, as its gradient was not finite "
        + "or left the grid of the exact sum; take a lower lr or a coarser gradient-grid such as -30: "
        + Self.way(checkpoint, ["lr"])
    case .collapsed(let step, let checkpoint):
      "the embeddings have collapsed to one point at step \(step); take a lower lr, margin or scale: "
        + Self.way(checkpoint, ["lr"])
    case .photosDiffer(let photo, let ranks):
      "\(photo) is not the same for all ranks: \(ranks.joined(separator: "; ")); "
        + "give all hosts the same data, then resume"
    case .otherNetwork(let path, let differences):
      "--init \(path): its network is not the one to be trained: "
        + differences.joined(separator: ", ") + "; set them as they were"
    case .otherDimension(let old, let own):
      "--compatible-with: embeddings of \(old) and of \(own) numbers cannot be compared; both "
        + "networks need one size"
    case .stuckAtMargin(let step, let steps, let loss, let margin, let spread, let checkpoint):
      "the loss is stuck at the margin (\(Console.fixed(loss, 4)), alpha "
        + "\(Console.fixed(margin, 4))) at step \(step): for \(steps) steps the embeddings lie at "
        + "nearly one point (spread \(spread)), where verification is a coin's toss; take a lower lr, "
        + "a larger batch or mining semi-hard: " + Self.way(checkpoint, ["lr"])
    }
  }

  /// How to go on from `checkpoint` with other values of `options`, as a command.
  private static func way(_ checkpoint: String?, _ options: [String]) -> String {
    guard let checkpoint else { return "there is no checkpoint yet, start anew with another --out" }
    let changes = options.map { " --change \($0)=VALUE" }.joined()
    return
      "to go on from the last good checkpoint: --resume \(checkpoint)\(changes) (from an earlier "
      + "one: with another --out too)"
  }
}
