package import Configuration
internal import Sessions

/// What of a run can be lowered where its loss or its embeddings run away.
package struct Levers: Sendable, Equatable {
  /// The options of its learning rates.
  let rates: [String]
  /// The options that its loss and its optimizer have as factors.
  let factors: [String]

  /// Those of a run by `configuration`.
  package init(_ configuration: RunConfiguration) {
    // One of its own stays what it is where lr is lowered.
    rates = ["lr"] + (configuration.headLearningRate == nil ? [] : ["lr-head"])
    let traits = configuration.loss.traits
    factors =
      (traits.scale == nil ? [] : ["scale"]) + (traits.hasMargin ? ["margin"] : [])
      + (configuration.weightDecay > 0 ? ["weight-decay"] : [])
      + (configuration.teacher != nil ? ["teacher-weight"] : [])
  }

  /// `lr and lr-head`.
  var ratesText: String { rates.joined(separator: " and ") }

  /// `scale, margin or weight-decay`; nil for none.
  var factorsText: String? {
    guard let last = factors.last else { return nil }
    let others = factors.dropLast().joined(separator: ", ")
    return others.isEmpty ? last : "\(others) or \(last)"
  }
}

/// Why a run ended before its last step.
package enum TrainingFailure: Error, CustomStringConvertible {
  case diverged(steps: Int, Levers, checkpoint: String?)
  case nothingLearned(steps: Int, Levers, checkpoint: String?)
  case collapsed(step: Int, Levers, checkpoint: String?)
  case otherNetwork(path: String, differences: [String])
  case otherDimension(Int, Int)
  /// No class weights of the people of `data` are to be had from the checkpoint.
  case knowsNobody(path: String, data: String)
  case severalCentres(path: String, centres: Int)
  case stuckAtMargin(
    step: Int, steps: Int, loss: Double, margin: Double, spread: Double, Levers,
    checkpoint: String?)

  package var description: String {
    switch self {
    case .diverged(let steps, let levers, let checkpoint):
      "the gradient was not finite or left the grid of the exact sum in \(steps) steps in a row; "
        + Self.advice(levers) + Self.way(checkpoint, levers)
    case .nothingLearned(let steps, let levers, let checkpoint):
      "none of the \(steps) steps moved the weights: each was skipped, as its gradient was not finite "
        + "or left the grid of the exact sum; " + Self.advice(levers) + Self.way(checkpoint, levers)
    case .collapsed(let step, let levers, let checkpoint):
      "the embeddings have collapsed to one point at step \(step); take a lower \(levers.ratesText)"
        + (levers.factorsText.map { ", or a lower \($0)" } ?? "") + ": "
        + Self.way(checkpoint, levers)
    case .otherNetwork(let path, let differences):
      "--init \(path): its network is not the one to be trained: "
        + differences.joined(separator: ", ") + "; set them as they were"
    case .knowsNobody(let path, let data):
      "--head-start trained: \(path) has class weights of nobody in \(data), by name; give "
        + "--head-start centres"
    case .severalCentres(let path, let centres):
      "--head-start trained: \(path) has \(centres) centres of each person (sub-centres \(centres)), "
        + "and which of them is the person's its photos alone say; give --head-start centres"
    case .otherDimension(let old, let own):
      "--compatible-with: embeddings of \(old) and of \(own) numbers cannot be compared; both "
        + "networks need one size"
    case .stuckAtMargin(
      let step, let steps, let loss, let margin, let spread, let levers, let checkpoint):
      "the loss is stuck at the margin (\(Console.fixed(loss, 4)), alpha "
        + "\(Console.fixed(margin, 4))) at step \(step): for \(steps) steps the embeddings lie at "
        + "nearly one point (spread \(spread)), where verification is a coin's toss; take a lower lr, "
        + "a larger batch or mining semi-hard: " + Self.way(checkpoint, levers)
    }
  }

  /// What to do about gradients that are no numbers or too large.
  private static func advice(_ levers: Levers) -> String {
    "take a lower \(levers.ratesText), "
      + (levers.factorsText.map { "a lower \($0) where that is what is large, " } ?? "")
      + "or, where gradients are large but sound, a coarser gradient-grid such as -30: "
  }

  /// How to go on from `checkpoint` with other rates, as a command.
  private static func way(_ checkpoint: String?, _ levers: Levers) -> String {
    guard let checkpoint else { return "there is no checkpoint yet, start anew with another --out" }
    let changes = levers.rates.map { " --change \($0)=VALUE" }.joined()
    return
      "to go on from the last good checkpoint: --resume \(checkpoint)\(changes) (from an earlier "
      + "one: with another --out too)"
  }
}
