internal import Assembly
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
package import Engine
internal import Evaluation
internal import Kernels
internal import Losses
internal import Networks
internal import Optimizers
package import Planning
internal import Scoring
internal import Sessions
internal import State
internal import Threads
internal import Timing

/// What computes the steps of a run: the engine, and what brings it batches and samples. All that
/// training asks of the engine is asked here and in Workbench+State.
package struct Workbench {
  /// What computes and reduces a step.
  package let engine: StepEngine
  let plan: TrainingPlan
  let batches: BatchSource
  let reader: SampleReader
  /// What checkpoints are written from; nil where nothing is written.
  let copy: StateCopy?
  private let hooks: RunHooks
  private let embedder: Embedder

  /// Makes everything but the weights. Throws `DatasetError.noPositivePair`.
  package init(_ plan: TrainingPlan, hooks: RunHooks) throws {
    self.plan = plan
    self.hooks = hooks
    batches = try BatchSource(plan)
    reader = SampleReader(plan)
    let (configuration, session) = (plan.configuration, plan.session)
    let world = World(
      pool: session.pool, communicator: plan.communicator, reduction: configuration.reduction,
      shardsOptimizer: configuration.shardsOptimizer,
      timeline: configuration.timeline == nil ? nil : Timeline(threads: session.threads),
      onEvent: hooks.onEvent)
    engine = StepEngine(
      plan.factory.makeReplica(
        configuration, gridExponent: plan.gridExponent, keepsParts: world.isSharded),
      in: world, samples: reader)
    copy = plan.writesCheckpoints ? StateCopy(of: engine.state) : nil
    embedder = Embedder(
      network: plan.factory.network, pool: plan.session.pool, communicator: plan.communicator,
      memories: engine.workerMemories)
  }

  // MARK: Steps

  /// The batch of the step that comes, and the one after it where that is known; offline triplets
  /// are searched for where they are due.
  func nextBatch(
    _ progress: TrainingProgress
  ) throws -> (batch: StepBatch, next: StepBatch?) {
    let batch = try batches.next(progress) { try searchOffline(like: $0, step: progress.step) }
    return (batch, batches.following(batch))
  }

  /// The sums of the losses' gradients of `batch` over all ranks, which the engine keeps; throws
  /// what loading and the communicator throw, `EngineFailure`, and `Interruption` where the run is
  /// to end.
  ///
  /// The photos of `next` are brought meanwhile.
  func gradients(of batch: StepBatch, followedBy next: StepBatch?) throws -> StepSums {
    try engine.computeGradients(of: batch, followedBy: next, checking: checkStop)
  }

  func checkStop() throws {
    if hooks.stop.wantsEnd { throw Interruption() }
  }

  /// Moves the weights by the gradients of a batch of `sampleCount`.
  func update(
    sampleCount: Int, index: Int, rates: LearningRates
  ) throws -> UpdateReceipt {
    try engine.applyUpdate(
      sampleCount: sampleCount, index: index, rates: rates,
      clipping: plan.configuration.clipNorm.map { GradientClipping(maximumNorm: $0) })
  }

  /// Seconds by phase of the last step, averaged over the workers.
  var seconds: PhaseSeconds { engine.seconds }

  /// How the sums of the last step were reduced.
  var reduction: ReductionTimes { engine.reductionTimes }

  /// Waits until the workers are out of a step that was left.
  func drain() { engine.drain() }

  /// Notes that what began at `start` has just ended, where a timeline is asked for.
  func note(_ name: StaticString, since start: Double, number: Int = -1) {
    engine.world.timeline?.record(name, from: start, number: number)
  }

  /// Whether the timeline, where one is asked for, is filling.
  var hasFullTimeline: Bool { engine.world.timeline?.isFilling ?? false }

  /// Writes what is new of the timeline of all ranks where it is asked for; `continuing` the file
  /// of a run that goes on. Returns its path.
  func writeTimeline(continuing: Bool) throws -> String? {
    guard let timeline = engine.world.timeline, let path = plan.configuration.timeline else {
      return nil
    }
    try timeline.write(to: path, continuing: continuing, over: plan.communicator)
    return path
  }

  // MARK: Evaluation

  /// Weights to embed with, as they are between two steps.
  struct Weights {
    /// The parameters [parameterCount].
    let parameters: UnsafeMutablePointer<Float>
    /// The running moments [statisticsCount].
    let moments: UnsafePointer<Float>
  }

  /// The weights of the moment.
  var rawWeights: Weights {
    Weights(
      parameters: engine.state.parameters, moments: UnsafePointer(engine.state.statistics))
  }

  /// Lends the average of the weights, where there is one; every rank calls it.
  func withAverages(_ body: (Weights) throws -> Void) throws {
    _ = try engine.withAverages { try body(Weights(parameters: $0, moments: $1)) }
  }

  /// The embeddings of `photos` of `source` by `weights`, nil for those of the moment, on the first
  /// rank; nil on the others. Throws `Interruption` where the run is to end, or what `onWait`
  /// throws in place of that.
  func embed(
    _ photos: [Int], of source: any PhotoSource, preprocessing: Preprocessing, flip: Bool,
    by weights: Weights? = nil, ledger: BadPhotoLedger, onWait: (() throws -> Void)? = nil
  ) throws -> Embeddings? {
    let weights = weights ?? rawWeights
    return try embedder.embed(
      photos, of: source, preprocessing: preprocessing, parameters: weights.parameters,
      statistics: weights.moments, flip: flip, ledger: ledger,
      onWait: onWait ?? checkStop)
  }

  /// The values of every parameter that this rank has whole, by its name, for as long as no step
  /// changes them.
  var parameters: [(name: String, values: UnsafeBufferPointer<Float>)] {
    engine.state.wholeDescriptions.map { description in
      let range = description.range
      return (
        description.name,
        UnsafeBufferPointer(
          start: engine.state.parameters + range.lowerBound, count: range.count)
      )
    }
  }
}
