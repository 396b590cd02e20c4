internal import Assembly
internal import Collectives
package import Configuration
internal import Datasets
internal import Determinism
internal import Networks
internal import Optimizers
package import RunFolders
package import Scoring
package import Sessions
internal import Threads

/// What is fixed of a run before its first step, the same for all of its life.
package struct TrainingPlan {
  package let configuration: RunConfiguration
  package let session: Session
  package let data: TrainingData
  /// What is measured, the set that counts first; none where nothing is.
  package let evaluationSets: [EvaluationSet]
  package let stepsPerEpoch: Int
  package let totalSteps: Int
  /// Where the run leaves its files; nil leaves no trace on disk.
  let folder: RunFolder?
  let factory: ModelFactory
  let schedule: Schedule
  /// Exponent of the grid of gradient sums.
  let gridExponent: Int
  /// When the run was planned, by the monotonic clock.
  let startSeconds = Clock.seconds

  /// Throws what is wrong with `configuration` for these data; nothing is agreed on with other
  /// ranks.
  package init(
    _ configuration: RunConfiguration, session: Session, data: TrainingData, folder: RunFolder?
  ) throws {
    self.configuration = configuration
    self.session = session
    self.data = data
    self.folder = folder
    try data.divided.require(batch: configuration.batch)
    factory = ModelFactory(
      configuration, classCount: data.divided.classCount,
      sampleCount: data.divided.training.count)
    let epochs = EpochSampler(
      count: data.divided.training.count, batch: configuration.batch, seed: configuration.seed)
    stepsPerEpoch = epochs.stepsPerEpoch
    totalSteps = configuration.totalSteps(stepsPerEpoch: stepsPerEpoch)
    schedule = configuration.scheduleValue(totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch)
    try Self.checkMicrobatches(
      configuration.loss == .triplet
        ? [configuration.batch] : [min(epochs.count, configuration.batch), epochs.tailCount],
      factory.network, configuration)
    gridExponent = configuration.gridExponent(
      microbatches: Microbatches.cut(configuration.batch, microbatch: configuration.microbatch)
        .count)
    evaluationSets =
      configuration.evaluateEvery == .never
      ? []
      : try EvaluationPlan.sets(
        data.index, divided: data.divided, pairsFiles: configuration.pairs,
        seed: configuration.splitSeed)
  }

  private static func checkMicrobatches(
    _ batches: [Int], _ network: Network, _ configuration: RunConfiguration
  ) throws {
    guard !network.statistics.isEmpty else { return }
    for samples in batches
    where Microbatches.smallest(samples, microbatch: configuration.microbatch) < 2 {
      throw TrainingFailure.microbatchOfOne(
        samples: samples, microbatch: configuration.microbatch)
    }
  }

  var communicator: any Communicator { session.communicator }
  var console: Console { session.console }
  /// Whether this is the rank that speaks and writes.
  var isFirst: Bool { communicator.rank == 0 }

  /// The share of the margin in force in the step after `step` steps, 0...1.
  func marginFactor(after step: Int) -> Float {
    let warmup = configuration.marginWarmupEpochs * Double(stepsPerEpoch)
    return warmup > 0 ? Float(min(1, Double(step) / warmup)) : 1
  }

  /// The microbatches of `count` samples, as ranges of batch slots.
  func microbatches(of count: Int) -> [Range<Int>] {
    Microbatches.cut(count, microbatch: configuration.microbatch)
  }

  /// Whether something that comes `every` so often falls due after `step` steps.
  func isDue(_ every: Interval, after step: Int) -> Bool {
    every.isDue(after: step, stepsPerEpoch: stepsPerEpoch)
  }
}
