internal import Checkpoints
internal import Configuration
internal import Determinism
internal import Engine
internal import Scoring
internal import Sessions
internal import Collectives
internal import Datasets
internal import Losses

/// Triplet training: which batch comes, by which rule it is mined, and whether that works.
extension Trainer {
  static func peopleSampler(
    _ configuration: RunConfiguration, data: TrainingData
  ) throws -> PeopleSampler? {
    guard configuration.loss == .triplet else { return nil }
    let (people, photos) = configuration.tripletBatch
    return try PeopleSampler(
      people: data.divided.training.map { data.index.photos[$0].person },
      batch: configuration.batch, peoplePerBatch: people, photosPerPerson: photos,
      seed: configuration.seed, folder: data.name)
  }

  /// What the batches are made of, for people.
  package var tripletLines: [String] {
    guard let peopleSampler else { return [] }
    return [
      "triplets: \(peopleSampler.peoplePerBatch) people x \(peopleSampler.photosPerPerson) photos "
        + "and random negatives in a batch of \(peopleSampler.batch), from "
        + "\(peopleSampler.eligibleCount) people with two photos or more; "
        + "mining \(configuration.text(of: \.mining) ?? ""), "
        + (configuration.passes == 1 ? "one pass" : "two passes")
    ]
  }

  /// The mining mode of the step that comes: what the schedule says, until hard mining collapses.
  var miningMode: MiningMode {
    let mode = configuration.mining.mode(after: progress.step, stepsPerEpoch: stepsPerEpoch)
    return mode.isHard && progress.fallbackStep != nil ? .semiHard : mode
  }

  func nextTripletBatch(_ sampler: PeopleSampler) throws -> StepBatch {
    var mode = miningMode
    var global = sampler.batch(step: progress.step)
    var listed: [Triplet] = []
    if mode == .offline {
      try refreshOffline(sampler)
      if let offline, !offline.triplets.isEmpty {
        (global, listed) = offline.batch(step: progress.step, like: sampler)
      } else {
        // Nobody in the pool violates the margin.
        mode = .semiHard
      }
    }
    currentSamples = Array(global.samples)
    return StepBatch(
      step: progress.step, epoch: global.epoch, samples: currentSamples,
      microbatches: Microbatches.cut(global.samples.count, microbatch: configuration.microbatch),
      marginFactor: marginFactor,
      mining: MiningRequest(
        mode: mode, margin: configuration.margin[0] * Double(marginFactor),
        seed: configuration.seed, step: progress.step, listed: listed))
  }

  /// Lets the reader thread bring the photos of the second pass, then those of the next step.
  func readAheadOfSecondPass() {
    let training = data.divided.training
    engine.willComputeAgain = { [unowned self] slots in
      guard let peopleSampler else { return }
      for range in slots { data.source.schedule(range.map { training[currentSamples[$0]] }) }
      if progress.step + 1 < totalSteps, !configuration.mining.has(.offline) {
        readAhead(samples: Array(peopleSampler.batch(step: progress.step + 1).samples))
      }
    }
  }

  // MARK: Collapse

  /// Below this part of the margin, mean distances leave the loss nothing to be but the margin.
  private static let collapsedShare = 0.05
  /// A loss this near to the margin, for many steps, is stuck there.
  private static let stuckShare = 0.02
  private static let stepsToFallback = 10
  private static let stepsToEnd = 100

  /// Watches for embeddings that shrink to one point: hard mining falls back to semi-hard and says
  /// so; where that does not help, the run ends and says why. A loss that stays at the margin for
  /// other reasons is named.
  func checkTriplets(_ figures: TripletFigures, spread: Double) throws {
    let isCollapsed =
      max(figures.positiveDistance, figures.negativeDistance)
      < Self.collapsedShare * figures.margin
    let meanLoss = figures.lossSum / Double(max(1, figures.triplets))
    let isStuck =
      figures.triplets > 0
      && (meanLoss - figures.margin).magnitude < Self.stuckShare * figures.margin
    progress.collapsedSteps = isCollapsed ? progress.collapsedSteps + 1 : 0
    progress.stuckSteps = isStuck ? progress.stuckSteps + 1 : 0
    let what =
      (figures.triplets == 0
        ? "no triplet left, "
        : "loss \(Console.fixed(meanLoss, 4)) at the margin \(Console.fixed(figures.margin, 4)), ")
      + "mean distances \(figures.positiveDistance) of one person and "
      + "\(figures.negativeDistance) of two"
    if progress.collapsedSteps == Self.stepsToFallback {
      if figures.mode.isHard {
        progress.fallbackStep = progress.step
        progress.collapsedSteps = 0
        progress.stuckSteps = 0
        offline = nil
        console.warn(
          "step \(progress.step): the embeddings are collapsing (\(what)); "
            + "mining falls back from \(figures.mode.rawValue) to semi-hard for the rest of the run"
        )
      } else {
        console.warn("step \(progress.step): the embeddings have collapsed (\(what))")
      }
    } else if progress.collapsedSteps >= Self.stepsToEnd {
      if figures.triplets == 0 {
        throw TrainingFailure.collapsed(step: progress.step, checkpoint: try lastGoodCheckpoint())
      }
      throw TrainingFailure.stuckAtMargin(
        step: progress.step, steps: progress.collapsedSteps, loss: meanLoss,
        margin: figures.margin, spread: spread, checkpoint: try lastGoodCheckpoint())
    } else if progress.stuckSteps > 0, progress.stuckSteps % Self.stepsToEnd == 0 {
      console.warn(
        "step \(progress.step): the loss has been stuck for \(progress.stuckSteps) steps (\(what))")
    }
  }
}
