private import Collectives
private import Datasets
private import Determinism
private import Evaluation
private import Foundation
private import Kernels
private import Losses
private import Networks
private import Optimizers

/// Why a run ended before its last step.
package enum TrainingFailure: Error, CustomStringConvertible {
  case microbatchOfOne(samples: Int, microbatch: Int)
  case diverged(steps: Int, checkpoint: String?)
  case collapsed(step: Int, checkpoint: String?)

  package var description: String {
    switch self {
    case .microbatchOfOne(let samples, let microbatch):
      "\(samples) samples in microbatches of at most \(microbatch) leave one with a single sample, "
        + "over which batch norm is undefined; change --batch or --microbatch"
    case .diverged(let steps, let checkpoint):
      "the gradient was not finite or left the grid in \(steps) steps in a row; "
        + "lower --lr or set --clip-norm; " + Self.last(checkpoint)
    case .collapsed(let step, let checkpoint):
      "the embeddings have collapsed to one point at step \(step); "
        + "lower --lr, --margin or --scale; " + Self.last(checkpoint)
    }
  }

  private static func last(_ checkpoint: String?) -> String {
    checkpoint.map { "the last good checkpoint is \($0)" } ?? "there is no checkpoint yet"
  }
}

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
  package let evaluationPlan: EvaluationPlan?
  package private(set) var progress = TrainingProgress()
  package let stepsPerEpoch: Int
  package let totalSteps: Int
  /// Called with what each step leaves behind, on every rank.
  package var onStep: ((StepRecord) -> Void)?
  /// Whether this rank was told to end the run.
  package var wantsEnd: () -> Bool = { StopSignals.wantsEnd }
  private let folder: RunFolder?
  private let factory: ModelFactory
  private let loader: SampleLoader
  private let decoders: [SampleDecoder]
  private var sampler: EpochSampler
  private let schedule: Schedule
  private let embedder: Embedder
  private var store: CheckpointStore?
  private var log: RunLog?
  /// Path of the checkpoint that the run goes on from; rank 0 alone knows it.
  private var startedFrom: String?
  private var lastEvaluation: EvaluationResult?
  private var evaluationSeconds = 0.0
  private let startSeconds = Clock.seconds
  private var knownBadPhotos = 0
  private var collapsedSteps = 0

  private var communicator: any Communicator { session.communicator }
  private var console: Console { session.console }
  private var isFirst: Bool { communicator.rank == 0 }

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
    stepsPerEpoch = sampler.stepsPerEpoch
    totalSteps = configuration.totalSteps(stepsPerEpoch: sampler.stepsPerEpoch)
    schedule = configuration.scheduleValue(totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch)
    try Self.checkMicrobatches(sampler, factory.network, configuration)
    for warning in try WorldCheck.run(
      configuration: configuration.mathematicsText, dataFingerprint: data.fingerprint,
      communicator: session.communicator)
    {
      session.console.warn(warning)
    }
    let optimizer = configuration.optimizerValue
    let state = factory.makeState(optimizerVectorCount: optimizer.stateVectorCount)
    let microbatchCount = Microbatches.cut(
      configuration.batch, microbatch: configuration.microbatch
    ).count
    progress.gridExponent = configuration.gridExponent(microbatches: microbatchCount)
    engine = StepEngine(
      network: factory.network, head: factory.head, state: state,
      groups: factory.groups(decaysNormAndBias: configuration.decaysNormAndBias),
      optimizer: optimizer, pool: session.pool, communicator: session.communicator,
      gradientGrid: SummationGrid(exponent: progress.gridExponent), bucketBytes: 8 << 20,
      seed: configuration.seed)
    embedder = Embedder(
      network: factory.network, pool: session.pool, communicator: session.communicator,
      memories: engine.workerMemories)
    loader = SampleLoader(
      data.index, divided: data.divided, source: data.source, preprocessing: data.preprocessing,
      augmentation: configuration.augment, seed: configuration.seed)
    let loader = loader
    decoders = (0..<session.threads).map { _ in loader.makeDecoder() }
    evaluationPlan =
      configuration.evaluateEvery == .never
      ? nil
      : try EvaluationPlan(
        data.index, divided: data.divided, pairsFile: configuration.pairs,
        seed: configuration.splitSeed)
  }

  private static func checkMicrobatches(
    _ sampler: EpochSampler, _ network: Network, _ configuration: RunConfiguration
  ) throws {
    guard !network.statistics.isEmpty else { return }
    for samples in [min(sampler.count, configuration.batch), sampler.tailCount]
    where Microbatches.smallest(samples, microbatch: configuration.microbatch) < 2 {
      throw TrainingFailure.microbatchOfOne(
        samples: samples, microbatch: configuration.microbatch)
    }
  }

  /// Memory in bytes of this rank: parameters with optimizer and sums, and each worker's.
  package var memoryBytes: (rank: Int, worker: Int) {
    (
      engine.state.bytes + 8 * (engine.reducer.count + engine.reducer.extraCount),
      engine.workerBytes
    )
  }

  // MARK: Starting

  /// Sets the first weights, or those of `checkpoint` (which rank 0 alone has), on every rank.
  package func start(from checkpoint: Checkpoint?) throws {
    let names = engine.optimizer.stateNames
    if let checkpoint { try checkpoint.load(into: engine.state, optimizerNames: names) }
    startedFrom = checkpoint?.path
    var text: [UInt8] = []
    if let checkpoint {
      let metadata = checkpoint.progress.metadata(
        configuration: "", dataFingerprint: 0, classCount: 0)
      text = Array(metadata.map { "\($0)=\($1)" }.joined(separator: "\n").utf8)
    }
    text = try communicator.broadcast(text, from: 0)
    guard !text.isEmpty else {
      engine.state.initialize(seed: configuration.seed, pool: session.pool)
      return
    }
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n")
    let metadata = Dictionary(
      uniqueKeysWithValues: lines.map { line in
        let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return (String(parts[0]), String(parts[1]))
      })
    progress = try TrainingProgress(metadata: metadata, path: "the checkpoint of rank 0")
    try broadcastState()
  }

  private func broadcastState() throws {
    let state = engine.state
    for (pointer, count) in [
      (state.parameters, state.parameterCount), (state.statistics, state.statisticsCount),
      (state.optimizer, state.parameterCount * state.optimizerVectorCount),
    ] {
      let piece = 16 << 20
      for start in stride(from: 0, to: count, by: piece) {
        let size = 4 * min(piece, count - start)
        let bytes = UnsafeMutableRawPointer(pointer + start)
        let sent = isFirst ? Array(UnsafeRawBufferPointer(start: bytes, count: size)) : []
        let received = try communicator.broadcast(sent, from: 0)
        if !isFirst {
          received.withUnsafeBytes { bytes.copyMemory(from: $0.baseAddress!, byteCount: size) }
        }
      }
    }
  }

  // MARK: Running

  /// Runs to the last step. Throws what ended it early; an interruption is no error.
  package func run() throws -> Ending {
    if isFirst, let folder {
      store = CheckpointStore(folder: folder.checkpoints, keep: configuration.keep)
      if let startedFrom { store?.noteGood(startedFrom) }
      log = try RunLog(folder: folder.path, resumedAfter: progress.step)
      console.log = log
    }
    for note in evaluationPlan?.notes ?? [] { console.say(note) }
    communicator.deadlineSeconds =
      configuration.watchdogSeconds > 0 ? configuration.watchdogSeconds : nil
    engine.onWait = { [unowned self] in if wantsEnd() { throw Interruption() } }
    do {
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

  private struct Interruption: Error {}

  /// Words that ranks agree on after each step: the largest wins.
  private enum Word {
    static let nothing = 0
    static let badPhotos = 1
    static let checkpoint = 2
    static let end = 3
  }

  private func step() throws {
    let start = Clock.seconds
    let global = sampler.batch(step: progress.step)
    let batch = StepBatch(
      step: progress.step, epoch: global.epoch, samples: Array(global.samples),
      microbatches: Microbatches.cut(global.samples.count, microbatch: configuration.microbatch),
      marginFactor: marginFactor)
    readAhead(batch)
    let decoders = decoders
    let training = data.divided.training
    let sums = try engine.computeGradients(of: batch) { worker, batch, slot, image, seconds in
      let begin = Clock.seconds
      let sample = try decoders[worker].load(
        training[batch.samples[slot]],
        at: SampleCoordinates(step: batch.step, slot: slot), into: image)
      seconds[.decode] += Clock.seconds - begin
      return (Int32(sample.label), sample.isReplacement)
    }
    let count = batch.samples.count
    let isSkipped = sums.unsoundRanks > 0 || !sums.lossSum.isFinite
    let rates = schedule.rates(at: progress.step, base: configuration.baseRates)
    var norm = Double.nan
    var hashes: (gradient: UInt64, weights: UInt64) = (0, 0)
    if isSkipped {
      progress.skippedSteps += 1
      progress.skippedInARow += 1
    } else {
      let result = engine.applyUpdate(
        sampleCount: count, index: progress.updates, rates: rates,
        clipping: configuration.clipNorm.map { GradientClipping(maximumNorm: $0) })
      (norm, hashes) = (result.norm, (result.gradientHash, result.weightHash))
      progress.updates += 1
      progress.skippedInARow = 0
    }
    progress.step += 1
    progress.samples += count
    let elapsed = Clock.seconds - start
    record(
      StepRecord(
        step: progress.step, epoch: global.epoch + 1, samples: progress.samples,
        loss: sums.lossSum / Double(count), learningRate: rates.backbone,
        headLearningRate: rates.head, gradientNorm: norm,
        imagesPerSecond: Double(count) / elapsed, accuracy: sums.correctCount / Double(count),
        targetCosine: sums.targetCosineSum / Double(count),
        spread: sums.spreadSum / Double(count), seconds: engine.seconds, stepSeconds: elapsed,
        skippedSteps: progress.skippedSteps, skippedSamples: Int(sums.replacedCount),
        isSkipped: isSkipped, microbatches: sums.microbatchesOfRanks,
        gradientHash: hashes.gradient, weightsHash: hashes.weights))
    try checkHealth(spread: sums.spreadSum / Double(count))
    try afterStep()
  }

  private var marginFactor: Float {
    let warmup = configuration.marginWarmupEpochs * Double(stepsPerEpoch)
    return warmup > 0 ? Float(min(1, Double(progress.step) / warmup)) : 1
  }

  /// Lets the reader thread fetch this rank's photos of the step.
  private func readAhead(_ batch: StepBatch) {
    let share = Microbatches.share(
      of: batch.microbatches.count, rank: communicator.rank, size: communicator.size)
    for microbatch in batch.microbatches[share] {
      data.source.schedule(microbatch.map { data.divided.training[batch.samples[$0]] })
    }
  }

  private func record(_ record: StepRecord) {
    onStep?(record)
    log?.write(record)
    if record.isSkipped {
      console.warn(
        "step \(record.step): the gradient is not finite or leaves the grid; step skipped")
    }
    let left = Double(totalSteps - record.step) * record.stepSeconds
    console.progress(
      "epoch \(record.epoch)  step \(record.step)/\(totalSteps)  "
        + "loss \(Console.fixed(record.loss, 4))  "
        + "\(Console.fixed(record.imagesPerSecond, 1)) images/s  "
        + "\(Console.duration(left)) left",
      isLandmark: record.step == 1 || record.step == totalSteps
        || record.step % stepsPerEpoch == 0)
  }

  private func checkHealth(spread: Double) throws {
    if progress.skippedInARow >= 10 {
      throw TrainingFailure.diverged(
        steps: progress.skippedInARow, checkpoint: try lastGoodCheckpoint())
    }
    collapsedSteps = spread < Collapse.threshold ? collapsedSteps + 1 : 0
    if collapsedSteps >= 10 {
      throw TrainingFailure.collapsed(step: progress.step, checkpoint: try lastGoodCheckpoint())
    }
  }

  /// The newest whole checkpoint, told by rank 0 to all, so that whoever speaks first can name it.
  private func lastGoodCheckpoint() throws -> String? {
    try? store?.finish()
    let path = try communicator.broadcast(Array((store?.lastGood ?? "").utf8), from: 0)
    return path.isEmpty ? nil : String(decoding: path, as: UTF8.self)
  }

  private func afterStep() throws {
    let isLast = progress.step >= totalSteps
    var isBest = false
    if let plan = evaluationPlan,
      isLast
        || configuration.evaluateEvery.isDue(
          after: progress.step, stepsPerEpoch: stepsPerEpoch)
    {
      isBest = try evaluate(plan)
    }
    if isLast || (isBest && configuration.keepBest)
      || configuration.checkpointEvery.isDue(after: progress.step, stepsPerEpoch: stepsPerEpoch)
      || configuration.keepEvery.isDue(after: progress.step, stepsPerEpoch: stepsPerEpoch)
    {
      try checkpoint(isBest: isBest && configuration.keepBest)
    }
  }

  // MARK: Evaluating

  /// Scores the held-out photos; true if the figure that counts is the best so far.
  private func evaluate(_ plan: EvaluationPlan) throws -> Bool {
    let start = Clock.seconds
    let ledger = loader.ledger
    let embeddings = try embedder.embed(
      plan.photos, of: data.source.source, preprocessing: data.preprocessing,
      parameters: engine.state.parameters, statistics: engine.state.statistics,
      flip: configuration.flipTest, ledger: ledger)
    var best = 0.0
    if isFirst {
      let result = plan.score(embeddings, classWeights: classWeights)
      lastEvaluation = result
      let seconds = Clock.seconds - start
      evaluationSeconds += seconds
      best = result.headline ?? 0
      report(result, seconds: seconds)
    }
    let collapsed = try communicator.agreeOnMaximum(
      isFirst && (lastEvaluation?.isCollapsed ?? false) ? 1 : 0)
    if collapsed == 1 {
      throw TrainingFailure.collapsed(step: progress.step, checkpoint: try lastGoodCheckpoint())
    }
    let bits = try communicator.broadcast(
      withUnsafeBytes(of: best.bitPattern.littleEndian) { Array($0) }, from: 0)
    best = Double(
      bitPattern: bits.withUnsafeBytes { UInt64(littleEndian: $0.load(as: UInt64.self)) })
    guard best > (progress.best ?? -1) else { return false }
    progress.best = best
    progress.bestStep = progress.step
    return true
  }

  private var classWeights: [Float] {
    let start = engine.state.parameters + factory.network.parameterCount
    return Array(
      UnsafeBufferPointer(start: start, count: factory.head.classes * factory.head.dimension))
  }

  private func report(_ result: EvaluationResult, seconds: Double) {
    log?.writeEvaluation(
      step: progress.step, figures: result.figures.map { ($0.name, $0.value) }, seconds: seconds)
    for line in result.lines { console.say(line) }
    for warning in result.warnings { console.warn(warning) }
    console.say(
      "evaluated \(result.photoCount) photos in \(Console.fixed(seconds, 1)) s "
        + "(\(Console.fixed(100 * evaluationSeconds / (Clock.seconds - startSeconds), 1)) % "
        + "of the time so far)")
    writeReport()
  }

  // MARK: Stopping

  /// Agrees with the other ranks on what signals and bad photos ask for; true to end the run.
  private func agreeOnSignals() throws -> Bool {
    let bad = loader.ledger.count
    var word = bad > knownBadPhotos ? Word.badPhotos : Word.nothing
    if StopSignals.wantsCheckpoint { word = Word.checkpoint }
    if wantsEnd() { word = Word.end }
    let agreed = try communicator.agreeOnMaximum(word)
    if agreed == Word.end { return progress.step < totalSteps }
    if agreed >= Word.badPhotos { try exchangeBadPhotos() }
    if agreed == Word.checkpoint {
      StopSignals.forgetCheckpoint()
      try checkpoint(isBest: false)
      console.say("checkpoint on request after step \(progress.step)")
    }
    return false
  }

  private func exchangeBadPhotos() throws {
    let own = try JSONEncoder().encode(loader.ledger.entries)
    let before = Set(loader.ledger.entries.map(\.photo))
    for bytes in try communicator.allGather(Array(own)) {
      loader.ledger.merge(try JSONDecoder().decode([BadPhoto].self, from: Data(bytes)))
    }
    let entries = loader.ledger.entries
    for entry in entries where !before.contains(entry.photo) || entries.count > knownBadPhotos {
      log?.writeLine("bad photo: \(entry.line)")
    }
    knownBadPhotos = entries.count
    try loader.ledger.check(total: data.index.photos.count, limit: configuration.maxBad)
  }

  private func isStopOfPeer(_ error: CollectiveError) -> Bool {
    guard case .disagreement(let operations) = error else { return false }
    return wantsEnd() || operations.contains(.agreement)
  }

  /// Leaves in the middle of a step: the last completed step is kept whole, at once.
  private func interrupt() throws -> Ending {
    if isFirst, let store, store.lastGood != store.path(step: progress.step), progress.step > 0 {
      try store.writeNow(snapshot(copying: false), protected: protectedSteps, isBest: false)
    }
    if isFirst { try? store?.finish() }
    // Peers that are still in the step learn of it by meeting another operation, and come here.
    var isAgreed = false
    while !isAgreed {
      do {
        _ = try communicator.agreeOnMaximum(Word.end)
        isAgreed = true
      } catch CollectiveError.disagreement {}
    }
    console.receipt("interrupted: step \(progress.step) of \(totalSteps)")
    return .interrupted
  }

  private func finish() throws {
    try store?.finish()
    if isFirst {
      let hash = weightsHash
      if folder != nil { writeReport(hash: hash) }
      console.receipt("weights: \(Hash64.text(hash))")
    }
    try communicator.barrier()
  }

  /// The receipt of weights, loss head and statistics.
  package var weightsHash: UInt64 { snapshot(copying: false).weightsHash() }

  // MARK: Checkpoints

  private func checkpoint(isBest: Bool) throws {
    guard isFirst, let store else { return }
    try store.writeInBackground(
      snapshot(copying: true), protected: protectedSteps, isBest: isBest)
  }

  private var protectedSteps: Set<Int> {
    var steps: Set<Int> = []
    if configuration.keepBest, let best = progress.bestStep { steps.insert(best) }
    let interval = configuration.keepEvery.steps(stepsPerEpoch: stepsPerEpoch)
    if interval > 0 {
      steps.formUnion(stride(from: interval, through: progress.step, by: interval))
    }
    return steps
  }

  private func snapshot(copying: Bool) -> Snapshot {
    Snapshot(
      of: engine.state, optimizerNames: engine.optimizer.stateNames,
      metadata: progress.metadata(
        configuration: configuration.yamlText(), dataFingerprint: data.fingerprint,
        classCount: factory.head.classes),
      step: progress.step, copying: copying)
  }

  // MARK: The report

  private func writeReport(hash: UInt64? = nil) {
    guard let folder else { return }
    let metrics = MetricsFile.read(folder.metrics)
    var report = RunReport(
      title: "\(configuration.model) on \(data.name)",
      subtitle: session.machine[0], configuration: configuration.yamlText(),
      machine: session.machine,
      summary: RunReport.Summary(
        people: data.divided.trainingPeopleCount, photos: data.divided.training.count,
        imagesSeen: progress.samples, wallSeconds: Clock.seconds - startSeconds,
        weightsHash: hash.map(Hash64.text) ?? ""))
    report.steps = metrics.steps
    report.evaluations = metrics.evaluations
    report.phases =
      PhaseSeconds.Phase.allCases.map {
        RunReport.Phase(name: "\($0)", seconds: metrics.seconds[$0])
      } + [RunReport.Phase(name: "evaluation", seconds: evaluationSeconds)]
    if let lastEvaluation, let plan = evaluationPlan {
      report.evaluation = RunReport.EvaluationDetail(
        lastEvaluation, name: { self.data.index.photos[plan.photos[$0]].path },
        jpeg: { self.jpeg(plan.photos[$0]) })
    }
    do {
      try folder.write(report.render(), to: folder.report)
    } catch {
      console.warn("\(error)")
    }
  }

  private func jpeg(_ photo: Int) -> [UInt8]? {
    let buffer = ByteBuffer()
    guard (try? data.source.source.read(photo, into: buffer)) != nil else { return nil }
    return Array(buffer.bytes)
  }
}

extension EvaluationResult {
  /// The figure that decides which checkpoint is best: accuracy of verification, else closed set,
  /// else rank-1.
  package var headline: Double? {
    closedSet?.cosine ?? verification?.accuracy ?? identification?.rank1
  }
}
