internal import Assembly
internal import Collectives
package import Configuration
internal import Datasets
internal import Determinism
package import Engine
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
  /// Training samples that each epoch leaves out, others every time.
  package let leftOutOfEpoch: Int
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
      sampleCount: configuration.dryRun ? 0 : data.divided.training.count)
    let epochs = EpochSampler(
      count: data.divided.training.count, batch: configuration.batch, seed: configuration.seed,
      dropsLast: configuration.dropsLast)
    stepsPerEpoch = epochs.stepsPerEpoch
    leftOutOfEpoch = epochs.leftOutCount
    totalSteps = configuration.totalSteps(stepsPerEpoch: stepsPerEpoch)
    schedule = configuration.scheduleValue(totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch)
    try Self.checkMicrobatches(epochs, factory.network, configuration)
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
    _ epochs: EpochSampler, _ network: Network, _ configuration: RunConfiguration
  ) throws {
    guard !network.statistics.isEmpty else { return }
    let hasTail = configuration.loss != .triplet && epochs.tailCount < configuration.batch
    for samples in [configuration.batch] + (hasTail ? [epochs.tailCount] : [])
    where Microbatches.smallest(samples, microbatch: configuration.microbatch) < 2 {
      throw TrainingFailure.microbatchOfOne(
        photos: epochs.count, batch: configuration.batch, samples: samples,
        microbatch: configuration.microbatch)
    }
  }

  /// The memory of this rank, before anything of it is taken.
  package var memory: EngineMemory {
    EngineMemory(
      network: factory.network, objective: factory.objective,
      groups: factory.groups(decaysNormAndBias: configuration.decaysNormAndBias),
      vectorCount: factory.vectors(configuration).count, rank: communicator.rank,
      ranks: communicator.size, threads: session.threads, reduction: configuration.reduction,
      shardsOptimizer: configuration.shardsOptimizer)
  }

  /// Bytes of this rank and its threads, with what an older network makes of the training samples.
  var neededBytes: Int {
    let memory = memory
    let old =
      configuration.compatibleWith == nil
      ? 0
      : OldEmbeddings.bytes(
        samples: data.divided.training.count, dimension: factory.network.embeddingCount)
    return memory.rankBytes + old + session.threads * memory.workerBytes
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
