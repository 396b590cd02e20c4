internal import CheckpointParts
internal import Checkpoints
internal import Configuration
internal import Engine
internal import Losses
internal import Planning
internal import Sessions

/// Whether a run still gets anywhere: steps that are skipped, embeddings that shrink to one point,
/// a loss that stays at the margin.
struct Health {
  /// What is wrong after a step.
  enum Finding {
    case warning(String)
    /// Hard mining has to give way to semi-hard; the sentence says so.
    case fallback(String)
    /// The run must end; the failure names the last good checkpoint, if there is one.
    case end((_ checkpoint: String?) -> TrainingFailure)
  }

  /// Whether the loss is one of triplets, whose collapse has its own marks.
  private let isOfTriplets: Bool
  private let levers: Levers

  /// Skipped steps in a row that end a run.
  private static let skippedToEnd = 10
  /// Steps in a row at nearly one point that end a run without triplets.
  private static let collapsedToEnd = 10
  /// Below this part of the margin, mean distances leave the loss nothing to be but the margin.
  private static let collapsedShare = 0.05
  /// A loss this near to the margin, for many steps, is stuck there.
  private static let stuckShare = 0.02
  private static let stepsToFallback = 10
  private static let stepsToEnd = 100

  /// The health of a run by `configuration`.
  init(_ configuration: RunConfiguration) {
    isOfTriplets = configuration.loss == .triplet
    levers = Levers(configuration)
  }

  /// Judges a step by its `triplets` and the `spread` of its embeddings; keeps in `progress`, which
  /// stands after that step, for how long it has been so.
  func judge(
    triplets: TripletFigures?, spread: Double, isSkipped: Bool, progress: inout TrainingProgress
  ) -> Finding? {
    let skipped = progress.skippedInARow
    if skipped >= Self.skippedToEnd {
      return .end { TrainingFailure.diverged(steps: skipped, levers, checkpoint: $0) }
    }
    if isOfTriplets {
      guard !isSkipped, let triplets else { return nil }
      return judge(triplets, spread: spread, progress: &progress)
    }
    progress.collapsedSteps = spread < Collapse.threshold ? progress.collapsedSteps + 1 : 0
    guard progress.collapsedSteps >= Self.collapsedToEnd else { return nil }
    return collapse(after: progress.step)
  }

  private func collapse(after step: Int) -> Finding {
    .end { TrainingFailure.collapsed(step: step, levers, checkpoint: $0) }
  }

  /// Hard mining that collapses falls back to semi-hard; where that does not help, the run ends. A
  /// loss that stays at the margin for other reasons is named.
  private func judge(
    _ figures: TripletFigures, spread: Double, progress: inout TrainingProgress
  ) -> Finding? {
    let isCollapsed =
      max(figures.positiveDistance, figures.negativeDistance)
      < Self.collapsedShare * figures.margin
    let meanLoss = figures.lossSum / Double(max(1, figures.triplets))
    let isStuck =
      figures.triplets > 0
      && (meanLoss - figures.margin).magnitude < Self.stuckShare * figures.margin
    progress.collapsedSteps = isCollapsed ? progress.collapsedSteps + 1 : 0
    progress.stuckSteps = isStuck ? progress.stuckSteps + 1 : 0
    let step = progress.step
    if progress.collapsedSteps == Self.stepsToFallback {
      guard figures.mode.isHard else {
        return .warning(
          "step \(step): the embeddings have collapsed (\(words(figures, meanLoss)))")
      }
      progress.fallbackStep = step
      progress.collapsedSteps = 0
      progress.stuckSteps = 0
      return .fallback(
        "step \(step): the embeddings are collapsing (\(words(figures, meanLoss))); "
          + "mining falls back from \(figures.mode.rawValue) to semi-hard for the rest of the run")
    }
    if progress.collapsedSteps >= Self.stepsToEnd {
      guard figures.triplets > 0 else { return collapse(after: step) }
      let steps = progress.collapsedSteps
      return .end {
        TrainingFailure.stuckAtMargin(
          step: step, steps: steps, loss: meanLoss, margin: figures.margin, spread: spread, levers,
          checkpoint: $0)
      }
    }
    guard progress.stuckSteps > 0, progress.stuckSteps % Self.stepsToEnd == 0 else { return nil }
    return .warning(
      "step \(step): the loss has been stuck for \(progress.stuckSteps) steps "
        + "(\(words(figures, meanLoss)))")
  }

  private func words(_ figures: TripletFigures, _ meanLoss: Double) -> String {
    (figures.triplets == 0
      ? "no triplet left, "
      : "loss \(Console.fixed(meanLoss, 4)) at the margin \(Console.fixed(figures.margin, 4)), ")
      + "mean distances \(figures.positiveDistance) of one person and "
      + "\(figures.negativeDistance) of two"
  }
}
