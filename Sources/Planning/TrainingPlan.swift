package import Assembly
package import Collectives
package import Configuration
package import Datasets
internal import Determinism
package import Engine
package import Inputs
package import Losses
internal import Networks
package import Optimizers
package import Sessions
internal import State
package import Threads

/// What is fixed of a run before its first step, the same for all of its life.
package struct TrainingPlan {
  /// The resolved options.
  package let configuration: RunConfiguration
  /// The process, with its ranks and workers.
  package let session: Session
  /// The photos, divided and hashed.
  package let data: TrainingData
  /// What is measured, the set that counts first; none where nothing is.
  package let evaluationSets: [EvaluationSet]
  /// Where its steps and epochs meet.
  package let course: EpochCourse
  /// Steps of the whole run.
  package let totalSteps: Int
  /// Steps of an epoch that has the batch of the moment from its start.
  package var stepsPerEpoch: Int { course.stepsPerEpoch }
  /// Training samples that each epoch of the batch of the moment leaves out, others every time.
  package var leftOutOfEpoch: Int { course.leftOutCount }
  /// What has become otherwise on the way, in the order of its steps.
  package let changes: [ConfigurationChange]
  /// Hashes of some photos; nil where nobody has read them.
  package let dataSample: PhotoSample?
  /// A hash of the photos and pairs of the set that counts, and of how they are embedded; nil
  /// without one.
  package let decidingSet: UInt64?
  /// Path of the folder in which the run leaves its files; nil leaves no trace on disk.
  package let folder: String?
  /// What makes its network, its objective and the replica of both.
  package let factory: ModelFactory
  /// The course of the learning rate.
  package let schedule: Schedule
  /// Who says where embeddings are to be; nil for nobody.
  package let teacher: (any Teacher)?
  /// Exponent of the grid of gradient sums.
  package let gridExponent: Int
  /// When the run was planned, by the monotonic clock.
  package let startSeconds = Clock.seconds

  /// Throws what is wrong with `configuration` for these data, `PlanError` among it; nothing is
  /// agreed on with other ranks. `changes` are those of a run that goes on; `dividesHead` is
  /// what they have agreed on where the configuration leaves that open.
  package init(
    _ configuration: RunConfiguration, session: Session, data: TrainingData, folder: String?,
    dataSample: PhotoSample? = nil, changes: [ConfigurationChange] = [],
    dividesHead: Bool? = nil, teacher: (any Teacher)? = nil, meter: WorkMeter? = nil
  ) throws {
    self.teacher = teacher
    self.configuration = configuration
    self.session = session
    self.data = data
    self.folder = folder
    self.dataSample = dataSample
    self.changes = changes
    try data.divided.require(batch: configuration.batch)
    var factory = ModelFactory(
      configuration, classCount: data.divided.classCount,
      sampleCount: configuration.dryRun ? 0 : data.divided.training.count,
      teacherWidth: teacher?.width)
    if let dividesHead { factory.divideHead(dividesHead, configuration) }
    self.factory = factory
    try factory.checkParts(configuration)
    course = Self.course(
      count: data.divided.training.count, batch: configuration.batch,
      dropsLast: configuration.dropsLast, changes: changes)
    totalSteps = configuration.totalSteps(in: course)
    schedule = configuration.scheduleValue(totalSteps: totalSteps, in: course)
    try Self.checkMicrobatches(
      configuration.loss == .triplet
        ? [configuration.batch] : course.batchSizes(through: totalSteps),
      photos: course.count, factory.network, configuration)
    gridExponent = configuration.gridExponent(
      microbatches: Microbatches.cut(configuration.batch, microbatch: configuration.microbatch)
        .count)
    evaluationSets =
      configuration.evaluateEvery == .never
      ? []
      : try EvaluationPlan.sets(
        data.index, divided: data.divided, pairsFiles: configuration.pairs,
        seed: configuration.splitSeed, meter: meter)
    decidingSet = evaluationSets.first?.fingerprint(
      in: data.index, flipTest: configuration.flipTest)
  }

  /// The course of a run through `count` samples, which were cut otherwise before `changes`.
  static func course(
    count: Int, batch: Int, dropsLast: Bool, changes: [ConfigurationChange]
  ) -> EpochCourse {
    let (batchName, dropName) = (
      ConfigurationOption.of(\.batch).name, ConfigurationOption.of(\.dropsLast).name
    )
    let own = changes.filter { [batchName, dropName].contains($0.name) }
    var (batch, dropsLast) = (batch, dropsLast)
    var cuts: [EpochCourse.Cut] = []
    // From the end, since a change tells what was before it.
    for step in Set(own.map(\.step)).sorted(by: >) {
      cuts.append(EpochCourse.Cut(step: step, batch: batch, dropsLast: dropsLast))
      for change in own.reversed() where change.step == step {
        if change.name == batchName {
          batch = Int(change.old) ?? batch
        } else {
          dropsLast = change.old == "true"
        }
      }
    }
    cuts.append(EpochCourse.Cut(step: 0, batch: batch, dropsLast: dropsLast))
    return EpochCourse(count: count, cuts: cuts.reversed())
  }

  private static func checkMicrobatches(
    _ sizes: [Int], photos: Int, _ network: Network, _ configuration: RunConfiguration
  ) throws {
    guard !network.trainedStatistics.isEmpty else { return }
    for samples in sizes
    where Microbatches.smallest(samples, microbatch: configuration.microbatch) < 2 {
      throw PlanError.microbatchOfOne(
        photos: photos, batch: configuration.batch, samples: samples,
        microbatch: configuration.microbatch)
    }
  }

  /// The memory of this rank, before anything of it is taken.
  package var memory: EngineMemory {
    factory.memory(
      configuration, rank: communicator.rank, ranks: communicator.size, threads: session.threads)
  }

  /// Whether this is the rank that writes checkpoints.
  package var writesCheckpoints: Bool { isFirst && folder != nil }

  /// Bytes of the copy of the state that checkpoints are written from: the first rank alone has it.
  package var checkpointBytes: Int {
    guard writesCheckpoints else { return 0 }
    return StateCopy.bytes(
      parameterCount: factory.headStart
        + (factory.objective.divided?.biasRange.count ?? factory.objective.parameterCount),
      vectorCount: factory.vectors(configuration).count)
  }

  /// Bytes of this rank and its threads, with a copy for checkpoints, what an older network makes
  /// of the training samples, and the teacher.
  package var neededBytes: Int {
    let memory = memory
    let old =
      configuration.compatibleWith == nil
      ? 0
      : OldEmbeddings.bytes(
        samples: data.divided.training.count, dimension: factory.network.embeddingCount)
    return memory.rankBytes + old + teacherBytes + checkpointBytes + evaluationBytes
      + session.threads * memory.workerBytes
  }

  /// Bytes of the teacher on this rank with its threads, which it takes when it is opened.
  package var teacherBytes: Int {
    teacher.map { $0.bytes.rank + session.threads * $0.bytes.worker } ?? 0
  }

  /// Bytes of embeddings of the largest set that is measured, or of the photos that class weights
  /// start from, the share of this rank and all of them on the first one; and of averaged weights
  /// that other ranks keep.
  package var evaluationBytes: Int {
    let row = factory.network.embeddingCount * MemoryLayout<Float>.stride
    let measured = evaluationSets.map(\.plan.photos.count).max() ?? 0
    let photos = max(
      measured, configuration.headStart == .drawn ? 0 : data.divided.training.count)
    guard communicator.size > 1 else { return photos * row }
    let share = (photos + communicator.size - 1) / communicator.size
    let gathers = configuration.shardsOptimizer && configuration.ema != nil && measured > 0
    let whole =
      factory.headStart
      + (factory.objective.divided == nil ? factory.objective.parameterCount : 0)
    let averages = gathers ? whole * MemoryLayout<Float>.stride : 0
    return (share + (isFirst ? photos : 0)) * row + averages
  }

  /// The ranks of the run.
  package var communicator: any Communicator { session.communicator }
  /// Where the run speaks.
  package var console: Console { session.console }
  /// Whether this is the rank that speaks and writes.
  package var isFirst: Bool { communicator.rank == 0 }

  /// The share of the margin in force in the step after `step` steps, 0...1.
  package func marginFactor(after step: Int) -> Float {
    let warmup = course.exactSteps(epochs: configuration.marginWarmupEpochs)
    return warmup > 0 ? Float(min(1, Double(step) / warmup)) : 1
  }

  /// The microbatches of `count` samples, as ranges of batch slots.
  package func microbatches(of count: Int) -> [Range<Int>] {
    Microbatches.cut(count, microbatch: configuration.microbatch)
  }

  /// How many evaluations are to come after `step` steps.
  package func evaluationsLeft(after step: Int) -> Int {
    guard !evaluationSets.isEmpty, step < totalSteps else { return 0 }
    let every = configuration.evaluateEvery
    let due = every.count(within: totalSteps, in: course) - every.count(within: step, in: course)
    return due + (isDue(every, after: totalSteps) ? 0 : 1)
  }

  /// The steps up to `last` after which something that comes `every` so often falls due.
  package func dueSteps(_ every: Interval, through last: Int) -> [Int] {
    (0..<every.count(within: last, in: course)).map { number in
      switch every {
      case .never: 0
      case .steps(let steps): (number + 1) * steps
      case .epochs(let epochs): course.steps(epochs: (number + 1) * epochs)
      }
    }
  }

  /// Whether something that comes `every` so often falls due after `step` steps.
  package func isDue(_ every: Interval, after step: Int) -> Bool {
    every.isDue(after: step, in: course)
  }
}
