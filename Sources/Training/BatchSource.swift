internal import CheckpointParts
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Engine
internal import Inputs
internal import Losses
internal import Planning
internal import Sessions

/// Which samples come in which step, and by which rule their triplets are found.
final class BatchSource {
  /// How the training photos are gone through.
  private enum Order {
    /// All photos of an epoch in a random order.
    case epochs(EpochSampler)
    /// People with several photos each, for triplets.
    case people(PeopleSampler)
  }

  /// The hard triplets in use; nil before the first search, and with other ways of mining.
  private(set) var offline: OfflineTriplets?
  private let plan: TrainingPlan
  private var order: Order

  /// Throws `DatasetError.noPositivePair` where triplets are wanted and nobody has two photos.
  init(_ plan: TrainingPlan) throws {
    self.plan = plan
    let configuration = plan.configuration
    guard configuration.loss == .triplet else {
      order = .epochs(
        EpochSampler(plan.course, seed: configuration.seed, shares: Self.shares(plan)))
      return
    }
    order = .people(
      try Self.peopleSampler(
        plan, batch: configuration.batch, people: configuration.tripletBatch.people))
  }

  /// How often people come; nil where every photo comes once an epoch.
  private static func shares(_ plan: TrainingPlan) -> ClassShares? {
    let sampling = plan.configuration.sampling
    guard sampling != .instance else { return nil }
    return ClassShares(people: people(plan), sampling: sampling)
  }

  /// The people of the training photos, by sample.
  private static func people(_ plan: TrainingPlan) -> [Int] {
    plan.data.divided.training.map { plan.data.index.photos[$0].person }
  }

  /// Batches of `batch` training photos, `people` people and the configured number of photos of
  /// each.
  static func peopleSampler(
    _ plan: TrainingPlan, batch: Int, people: Int
  ) throws -> PeopleSampler {
    let data = plan.data
    return try PeopleSampler(
      people: Self.people(plan), batch: batch,
      peoplePerBatch: people, photosPerPerson: plan.configuration.tripletBatch.photos,
      seed: plan.configuration.seed, folder: data.name)
  }

  /// What the batches are made of, where it is not every photo once an epoch.
  var lines: [String] {
    switch order {
    case .people(let sampler): return [tripletLine(sampler)]
    case .epochs(let sampler):
      return sampler.shares.map { [sharesLine($0)] } ?? []
    }
  }

  private func sharesLine(_ shares: ClassShares) -> String {
    let (fewest, most) = (shares.turns.lowerBound, shares.turns.upperBound)
    return "sampling: \(plan.configuration.sampling.rawValue), \(shares.peopleCount) people, of "
      + "whom each comes \(Console.fixed(fewest, 1)) to \(Console.fixed(most, 1)) times in an "
      + "epoch of \(shares.count) samples"
  }

  private func tripletLine(_ sampler: PeopleSampler) -> String {
    "triplets: \(sampler.peoplePerBatch) people x \(sampler.photosPerPerson) photos "
      + "and random negatives in a batch of \(sampler.batch), from "
      + "\(sampler.eligibleCount) people with two photos or more; "
      + "mining \(plan.configuration.text(of: \.mining) ?? ""), "
      + (plan.configuration.passes == 1 ? "one pass" : "two passes")
  }

  /// Goes on with the triplets that a checkpoint holds.
  func resume(with offline: OfflineTriplets?) { self.offline = offline }

  /// Forgets the hard triplets, which are trained on no more.
  func dropOffline() { offline = nil }

  /// The samples of the step after `step` steps as the sampler draws them, by slot.
  func sampled(step: Int) -> GlobalBatch {
    switch order {
    case .people(let sampler): return sampler.batch(step: step)
    case .epochs(var sampler):
      let batch = sampler.batch(step: step)
      order = .epochs(sampler)
      return batch
    }
  }

  /// The global batch of the step that comes, the same on every rank. `search` finds hard triplets
  /// with the weights of the moment.
  func next(
    _ progress: TrainingProgress, search: (PeopleSampler) throws -> OfflineTriplets
  ) throws -> StepBatch {
    switch order {
    case .epochs: stepBatch(sampled(step: progress.step), request: nil)
    case .people(let sampler): try tripletBatch(sampler, progress, search: search)
    }
  }

  /// The samples of the step after `batch`, as far as they are known before it is made: not at the
  /// end of the run, and not where a search for triplets may come between.
  func following(_ batch: StepBatch) -> StepBatch? {
    guard batch.step + 1 < plan.totalSteps, !plan.configuration.mining.has(.offline) else {
      return nil
    }
    return stepBatch(sampled(step: batch.step + 1), request: nil)
  }

  private func stepBatch(_ global: GlobalBatch, request: MiningRequest?) -> StepBatch {
    StepBatch(
      step: global.step, epoch: plan.course.epochs(after: global.step),
      samples: Array(global.samples),
      microbatches: plan.microbatches(of: global.samples.count),
      marginFactor: plan.marginFactor(after: global.step), request: request)
  }

  private func tripletBatch(
    _ sampler: PeopleSampler, _ progress: TrainingProgress,
    search: (PeopleSampler) throws -> OfflineTriplets
  ) throws -> StepBatch {
    let configuration = plan.configuration
    var mode = miningMode(progress)
    var global = sampler.batch(step: progress.step)
    var listed: [Triplet] = []
    if mode == .offline {
      let isFresh = offline.map { progress.step - $0.step < configuration.offlineEvery } ?? false
      if !isFresh { offline = try search(sampler) }
      if let offline, !offline.triplets.isEmpty {
        (global, listed) = offline.batch(step: progress.step, like: sampler)
      } else {
        // Nobody in the pool violates the margin.
        mode = .semiHard
      }
    }
    return stepBatch(
      global,
      request: MiningRequest(
        mode: mode,
        margin: configuration.margin[0] * Double(plan.marginFactor(after: progress.step)),
        seed: configuration.seed, step: progress.step, listed: listed))
  }

  /// The mining mode of the step that comes: what the schedule says, until hard mining collapses.
  private func miningMode(_ progress: TrainingProgress) -> MiningMode {
    let mode = plan.configuration.mining.mode(
      after: progress.step, in: plan.course)
    return mode.isHard && progress.fallbackStep != nil ? .semiHard : mode
  }
}
