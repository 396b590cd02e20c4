internal import Assembly
package import Checkpoints
package import Configuration
package import Engine
internal import Reports
package import RunFolders
package import Scoring
package import Sessions
internal import Threads
internal import Timing
internal import Collectives
internal import Datasets
internal import Determinism
internal import Evaluation
internal import Foundation
internal import Kernels
internal import Losses
internal import Networks
internal import Optimizers

/// One run: steps, evaluations, checkpoints, from wherever it stands to its last step.
package final class Trainer {
  /// How a run ended.
  package enum Ending: Sendable, Equatable {
    case finished
    /// Told to stop; there is a checkpoint, and more to do.
    case interrupted
  }

  package let configuration: RunConfiguration
  package let session: Session
  package let data: TrainingData
  package let engine: StepEngine
  /// What is measured, the set that counts first; none where nothing is.
  package let evaluationSets: [EvaluationSet]
  package internal(set) var progress = TrainingProgress()
  package let stepsPerEpoch: Int
  package let totalSteps: Int
  /// Called with what each step leaves behind, on every rank.
  package var onStep: ((StepRecord) -> Void)?
  /// Throws where the run folder is another job's by now; asked before each checkpoint.
  package var checkOwner: (@Sendable () throws -> Void)?
  /// Whether this rank was told to end the run.
  package var wantsEnd: () -> Bool = { StopSignals.wantsEnd }
  let folder: RunFolder?
  let factory: ModelFactory
  let loader: SampleLoader
  let decoders: [SampleDecoder]
  var sampler: EpochSampler
  /// What makes the batches of triplet training; nil with other losses.
  let peopleSampler: PeopleSampler?
  /// The samples of the triplet batch in work.
  var currentSamples: [Int] = []
  /// The hard triplets in use, where mining is offline.
  var offline: OfflineTriplets?
  /// The receipt of the network that the run is made compatible with; nil where there is none.
  var oldNetworkHash: UInt64?
  let schedule: Schedule
  let embedder: Embedder
  var store: CheckpointStore?
  var log: RunLog?
  /// TensorBoard and the like; rank 0 alone, where asked for.
  var sideLogs: SideLogs?
  /// Path of the checkpoint that the run goes on from; rank 0 alone knows it.
  var startedFrom: String?
  /// The checkpoint whose network a fresh run starts from; rank 0 alone has it.
  var initialWeights: Checkpoint?
  var lastEvaluation: SetResults?
  var evaluationSeconds = 0.0
  /// What the report plots; rank 0 alone has it.
  var history = RunHistory()
  /// The people of the loss head, as checkpoints keep them.
  lazy var people = Array(data.trainedPeople.text.utf8)
  /// Whether this process has made a step or an evaluation; a finished run that is started again
  /// keeps its report.
  var hasWorked: Bool { progress != startProgress }
  var startProgress = TrainingProgress()
  /// Receipts of the last step, 0 before the first update.
  var lastHashes = (gradient: UInt64(0), weights: UInt64(0))
  let startSeconds = Clock.seconds
  var stragglers = StragglerWatch()
  /// Microbatches of each rank in the last step.
  var lastMicrobatches: [Int] = []
  /// Windows in which each rank was slow without a break.
  var slowWindows: [Int: Int] = [:]
  /// Whether this rank was told to end while it waited for its peers, and has kept the last step.
  var hasKeptLastStep = false
  /// Bad photos that all ranks know of.
  var knownBadPhotos: Set<Int> = []

  var communicator: any Communicator { session.communicator }
  var console: Console { session.console }
  var isFirst: Bool { communicator.rank == 0 }

  /// Prepares everything but the weights; `folder` nil leaves no trace on disk (tests). Throws what
  /// is wrong with configuration, data or the ranks' agreement.
  package init(
    _ configuration: RunConfiguration, session: Session, data: TrainingData, folder: RunFolder?
  ) throws {
    self.configuration = configuration
    self.session = session
    self.data = data
    self.folder = folder
    try data.divided.require(batch: configuration.batch)
    factory = ModelFactory(configuration, classCount: data.divided.classCount)
    sampler = EpochSampler(
      count: data.divided.training.count, batch: configuration.batch, seed: configuration.seed)
    peopleSampler = try Self.peopleSampler(configuration, data: data)
    stepsPerEpoch = sampler.stepsPerEpoch
    totalSteps = configuration.totalSteps(stepsPerEpoch: sampler.stepsPerEpoch)
    schedule = configuration.scheduleValue(totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch)
    try Self.checkMicrobatches(
      peopleSampler == nil
        ? [min(sampler.count, configuration.batch), sampler.tailCount] : [configuration.batch],
      factory.network, configuration)
    for warning in try WorldCheck.run(
      configuration: configuration.commonText,
      dataFingerprint: data.fingerprint,
      sampleFingerprint: { data.sampleFingerprint() },
      communicator: session.communicator)
    {
      session.console.warn(warning)
    }
    let optimizer = configuration.optimizerValue
    let state = factory.makeState(
      optimizerVectorCount: optimizer.stateVectorCount
        + (configuration.reduction == .bf16 ? 1 : 0),
      keepsPartOfOptimizer: configuration.shardsOptimizer && session.communicator.size > 1)
    let microbatchCount = Microbatches.cut(
      configuration.batch, microbatch: configuration.microbatch
    ).count
    progress.gridExponent = configuration.gridExponent(microbatches: microbatchCount)
    engine = StepEngine(
      network: factory.network, objective: factory.objective, state: state,
      groups: factory.groups(decaysNormAndBias: configuration.decaysNormAndBias),
      optimizer: optimizer, pool: session.pool, communicator: session.communicator,
      gradientGrid: SummationGrid(exponent: progress.gridExponent),
      bucketBytes: StepEngine.bucketBytes(ranks: session.communicator.size),
      microbatch: configuration.microbatch, seed: configuration.seed,
      reduction: configuration.reduction, isSharded: configuration.shardsOptimizer)
    if configuration.timeline != nil { engine.timeline = Timeline(threads: session.threads) }
    embedder = Embedder(
      network: factory.network, pool: session.pool, communicator: session.communicator,
      memories: engine.workerMemories)
    loader = SampleLoader(
      data.index, divided: data.divided, source: data.source, preprocessing: data.preprocessing,
      augmentation: configuration.augment, seed: configuration.seed)
    let loader = loader
    decoders = (0..<session.threads).map { _ in loader.makeDecoder() }
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

  /// Memory in bytes of this rank: parameters with optimizer and sums, and each worker's.
  package var memoryBytes: (rank: Int, worker: Int) {
    (
      engine.state.bytes(keeping: engine.ownRanges)
        + 8 * (engine.reducer.count + engine.reducer.extraCount) + engine.batchBytes
        + engine.messageBytes + oldEmbeddingBytes,
      engine.workerBytes
    )
  }

  // MARK: Running

  /// Runs to the last step. Throws what ended it early; an interruption is no error.
  package func run() throws -> Ending {
    if isFirst, let folder {
      let checkOwner = checkOwner
      store = CheckpointStore(
        folder: folder.checkpoints, keep: configuration.keep,
        onFullDisk: configuration.onFullDisk, checkOwner: { try checkOwner?() })
      if let startedFrom { store?.noteGood(startedFrom) }
      log = try RunLog(
        folder: folder.path, resumedAfter: progress.step, evaluatedAfter: progress.evaluatedStep,
        keepsWhatFindsNoSpace: configuration.onFullDisk == .continue)
      if let log { console.record(in: log) }
      sideLogs = try SideLogs(
        configuration, folder: folder, totalSteps: totalSteps, resumedAfter: progress.step,
        evaluatedAfter: progress.evaluatedStep)
      showSamples()
      history = MetricsFile.read(folder.metrics)
    }
    for set in evaluationSets { for note in set.plan.notes { console.say(note) } }
    defer { sideLogs?.finish() }
    startProgress = progress
    setWatch()
    engine.onWait = { [unowned self] in if wantsEnd() { throw Interruption() } }
    communicator.onWait = { [unowned self] in try waitForPeers() }
    defer {
      communicator.onWait = nil
      communicator.progress.askEnd(nil)
    }
    if peopleSampler != nil { readAheadOfSecondPass() }
    do {
      // A run that was stopped in an evaluation makes up for it.
      if isEvaluationDue {
        try checkpoint(isBest: try evaluate() && configuration.keepBest)
      }
      while progress.step < totalSteps {
        try step()
        if try agreeOnSignals() { return try interrupt() }
      }
    } catch is Interruption {
      return try interrupt()
    } catch let error as CollectiveError where isStopOfPeer(error) {
      return try interrupt()
    }
    try finish()
    return .finished
  }

  struct Interruption: Error {}

  /// Words that ranks agree on after each step: the largest wins.
  enum Word {
    static let nothing = 0
    static let badPhotos = 1
    static let checkpoint = 2
    static let end = 3
  }

  func step() throws {
    let start = Clock.seconds
    let watched = communicator.progress
    watched.enter(.compute, step: progress.step + 1)
    let batch = try nextBatch()
    // The photos of the step after this one come while this one computes.
    if progress.step == startProgress.step { readAhead(samples: batch.samples) }
    if peopleSampler == nil, progress.step + 1 < totalSteps {
      readAhead(samples: Array(sampler.batch(step: progress.step + 1).samples))
    }
    let decoders = decoders
    let training = data.divided.training
    let sums = try engine.computeGradients(of: batch) { worker, batch, slot, image, seconds in
      let begin = Clock.seconds
      let sample = try watched.reading {
        try decoders[worker].load(
          training[batch.samples[slot]],
          at: SampleCoordinates(step: batch.step, slot: slot), into: image)
      }
      seconds[.decode] += Clock.seconds - begin
      return (Int32(sample.label), sample.isReplacement)
    }
    // Before the update: ranks that disagree on a photo have computed different batches.
    if sums.replacedCount > 0 { try exchangeBadPhotos() }
    let count = batch.samples.count
    let isSkipped = sums.unsoundRanks > 0 || !sums.lossSum.isFinite
    let rates = schedule.rates(at: progress.step, base: configuration.baseRates)
    var norm = Double.nan
    var hashes = (gradient: UInt64(0), weights: lastHashes.weights)
    if isSkipped {
      progress.skippedSteps += 1
      progress.skippedInARow += 1
    } else {
      watched.enter(.update)
      let result = try engine.applyUpdate(
        sampleCount: count, index: progress.updates, rates: rates,
        clipping: configuration.clipNorm.map { GradientClipping(maximumNorm: $0) })
      (norm, hashes) = (result.norm, (result.gradientHash, result.weightHash))
      progress.updates += 1
      progress.skippedInARow = 0
    }
    lastHashes = hashes
    progress.step += 1
    progress.samples += count
    let elapsed = Clock.seconds - start
    engine.timeline?.record("step", from: start, number: progress.step)
    let slow = stragglers.add(sums.secondsOfRanks, microbatches: lastMicrobatches)
    lastMicrobatches = sums.microbatchesOfRanks
    try record(
      StepRecord(
        step: progress.step, epoch: batch.epoch + 1, samples: progress.samples,
        loss: sums.lossSum / Double(count), learningRate: rates.backbone,
        headLearningRate: rates.head, gradientNorm: norm,
        imagesPerSecond: Double(count) / elapsed, accuracy: sums.correctCount / Double(count),
        targetCosine: sums.targetCosineSum / Double(count),
        spread: sums.spreadSum / Double(count), seconds: engine.seconds, stepSeconds: elapsed,
        skippedSteps: progress.skippedSteps, skippedSamples: Int(sums.replacedCount),
        isSkipped: isSkipped, microbatches: sums.microbatchesOfRanks,
        readAhead: data.source.counts, gradientHash: hashes.gradient,
        weightsHash: hashes.weights, reduction: engine.reductionTimes,
        ranks: slow?.means ?? [], triplets: sums.triplets))
    if let slow { reportSlowRanks(slow.findings) }
    try checkHealth(spread: sums.spreadSum / Double(count))
    if !isSkipped, let triplets = sums.triplets {
      try checkTriplets(triplets, spread: sums.spreadSum / Double(count))
    }
    try afterStep()
  }

  /// The global batch of the step that comes, the same on every rank.
  func nextBatch() throws -> StepBatch {
    if let peopleSampler { return try nextTripletBatch(peopleSampler) }
    let global = sampler.batch(step: progress.step)
    return StepBatch(
      step: progress.step, epoch: global.epoch, samples: Array(global.samples),
      microbatches: Microbatches.cut(global.samples.count, microbatch: configuration.microbatch),
      marginFactor: marginFactor)
  }

  var marginFactor: Float {
    let warmup = configuration.marginWarmupEpochs * Double(stepsPerEpoch)
    return warmup > 0 ? Float(min(1, Double(progress.step) / warmup)) : 1
  }

  /// Lets the reader thread fetch this rank's photos of a batch of `samples`.
  func readAhead(samples: [Int]) {
    let microbatches = Microbatches.cut(samples.count, microbatch: configuration.microbatch)
    let share = Microbatches.share(
      of: microbatches.count, rank: communicator.rank, size: communicator.size)
    for microbatch in microbatches[share] {
      data.source.schedule(microbatch.map { data.divided.training[samples[$0]] })
    }
  }

  func record(_ record: StepRecord) throws {
    onStep?(record)
    try log?.write(record)
    if let sideLogs {
      sideLogs.write(record)
      if let problem = sideLogs.takeProblem() { console.warn(problem) }
    }
    if isFirst {
      history.seconds += record.seconds
      history.steps.append(
        RunReport.Step(
          step: record.step, loss: record.loss, learningRate: record.learningRate,
          imagesPerSecond: record.imagesPerSecond, gradientNorm: record.gradientNorm))
    }
    if record.isSkipped {
      console.warn(
        "step \(record.step): the gradient is not finite or leaves the grid; step skipped")
    }
    let left = Double(totalSteps - record.step) * record.stepSeconds
    console.progress(
      "epoch \(record.epoch)  step \(record.step)/\(totalSteps)  "
        + "loss \(Console.fixed(record.loss, 4))  "
        + (record.triplets.map { "active \(Console.fixed(100 * $0.activeShare, 1)) %  " } ?? "")
        + "\(Console.fixed(record.imagesPerSecond, 1)) images/s  "
        + "\(Console.duration(left)) left",
      isLandmark: record.step == 1 || record.step == totalSteps
        || record.step % stepsPerEpoch == 0)
  }

  func checkHealth(spread: Double) throws {
    if progress.skippedInARow >= 10 {
      throw TrainingFailure.diverged(
        steps: progress.skippedInARow, checkpoint: try lastGoodCheckpoint())
    }
    guard peopleSampler == nil else { return }
    progress.collapsedSteps = spread < Collapse.threshold ? progress.collapsedSteps + 1 : 0
    if progress.collapsedSteps >= 10 {
      throw TrainingFailure.collapsed(step: progress.step, checkpoint: try lastGoodCheckpoint())
    }
  }

  /// The newest whole checkpoint, told by rank 0 to all, so that whoever speaks first can name it.
  func lastGoodCheckpoint() throws -> String? {
    try? store?.finish()
    let path = try communicator.broadcast(Array((store?.lastGood ?? "").utf8), from: 0)
    return path.isEmpty ? nil : String(decoding: path, as: UTF8.self)
  }

  /// Whether an evaluation falls due where the run stands, and has not been done.
  var isEvaluationDue: Bool {
    guard progress.step > 0, progress.evaluatedStep < progress.step, !evaluationSets.isEmpty else {
      return false
    }
    return progress.step >= totalSteps
      || configuration.evaluateEvery.isDue(after: progress.step, stepsPerEpoch: stepsPerEpoch)
  }

  func afterStep() throws {
    let isCheckpointDue =
      progress.step >= totalSteps
      || configuration.checkpointEvery.isDue(after: progress.step, stepsPerEpoch: stepsPerEpoch)
      || configuration.keepEvery.isDue(after: progress.step, stepsPerEpoch: stepsPerEpoch)
    // Before the evaluation, which may be long and need not be lost; a resumed run makes up for it.
    if isCheckpointDue { try checkpoint(isBest: false) }
    guard isEvaluationDue else { return }
    let isBest = try evaluate() && configuration.keepBest
    // Again, with what the evaluation found.
    if isCheckpointDue || isBest { try checkpoint(isBest: isBest) }
  }
}
