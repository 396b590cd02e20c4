internal import Assembly
internal import CheckpointParts
package import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
package import Engine
internal import Inputs
internal import Interchange
internal import Losses
internal import Optimizers
internal import Pace
package import Planning
internal import RunFolders
package import Sessions
internal import Threads
internal import Timing

/// One run: steps, evaluations, checkpoints, from wherever it stands to its last step.
package final class Trainer {
  /// How a run ended.
  package enum Ending: Sendable, Equatable {
    case finished
    /// Told to stop; there is a checkpoint, and more to do.
    case interrupted
  }

  /// What was fixed before the first step.
  package let plan: TrainingPlan
  /// Where the run stands between two steps.
  package private(set) var progress: TrainingProgress
  let bench: Workbench
  let hooks: RunHooks
  let recorder: Recorder
  let keeper: Keeper
  private let health: Health
  private var stragglers = Stragglers()
  private var badPhotos: BadPhotos
  /// Whom the network has seen; the first rank alone knows all of them.
  private let trained: TrainedPeople
  /// Where the run stood when this process took it up.
  private let startProgress: TrainingProgress
  /// When the timeline was last written.
  private var timelineSeconds = Clock.seconds
  private var hasWarnedOfTimeline = false
  /// The receipt of the last update's weights, 0 before the first.
  private var lastWeightsHash: UInt64 = 0

  /// Takes up the run of `bench`, whose engine is filled, where it stands. `checkOwner` throws
  /// where the run folder is another job's by now; `meter` counts MiB of earlier metrics. Throws
  /// where the run folder cannot be written to.
  init(
    _ bench: Workbench, at standing: Standing, old: OldNetwork?,
    checkOwner: @escaping @Sendable () throws -> Void, hooks: RunHooks, meter: WorkMeter? = nil
  ) throws {
    plan = bench.plan
    self.bench = bench
    self.hooks = hooks
    progress = standing.progress
    startProgress = standing.progress
    bench.batches.resume(with: standing.offline)
    let recorder = try Recorder(plan, at: standing, meter: meter)
    self.recorder = recorder
    let flush = recorder.flush
    var trained =
      plan.isFirst ? plan.data.trainedPeople : TrainedPeople(names: [], trains: [])
    trained.earlier = standing.earlier
    self.trained = trained
    keeper = Keeper(bench, startedFrom: standing.path, trained: trained, old: old) {
      // What a checkpoint counts as done is in the logs first: a resumed run writes it no more.
      flush()
      try checkOwner()
    }
    health = Health(plan.configuration)
    badPhotos = BadPhotos(
      of: plan.data, limit: plan.configuration.maxBad, ledger: bench.reader.loader.ledger,
      over: plan.communicator)
  }

  /// A run whose folder nobody can take away.
  package convenience init(_ bench: Workbench, at standing: Standing, hooks: RunHooks) throws {
    try self.init(bench, at: standing, old: nil, checkOwner: {}, hooks: hooks)
  }

  /// The process that it runs in.
  package var session: Session { plan.session }
  /// The engine of its steps, for who looks on.
  package var engine: StepEngine { bench.engine }
  /// Memory in bytes of this rank, and of each of its workers.
  package var memoryBytes: (rank: Int, worker: Int) { bench.memoryBytes }
  /// Bytes of this rank's copy of the state for checkpoints, 0 on all ranks but the first.
  package var checkpointBytes: Int { bench.checkpointBytes }
  /// The receipt of weights, loss head and statistics; a collective with a divided head.
  package var weightsHash: UInt64 { get throws { try bench.weightsHash() } }

  var configuration: RunConfiguration { plan.configuration }
  var communicator: any Communicator { plan.communicator }
  var console: Console { plan.console }

  // MARK: Running

  /// Runs to the last step. Throws what ended it early; an interruption is no error.
  package func run() throws -> Ending {
    try hooks.onStart(self)
    defer { recorder.finish() }
    recorder.showSamples(of: bench, step: progress.step)
    for set in plan.evaluationSets { tell(set) }
    let stop = hooks.stop
    do {
      return try communicator.progress.askingEnd({ stop.wantsEnd }) {
        try communicator.whileWaiting(
          { [self] in
            if stop.wantsEnd { try keeper.writeLastStepBeforePeersCome(progress) }
          }, runSteps)
      }
    } catch {
      keeper.waitForPendingWrite()
      throw error
    }
  }

  /// Says what is worth knowing of a set before it is measured by.
  private func tell(_ set: EvaluationSet) {
    for warning in set.plan.warnings { console.warn(warning) }
    guard plan.isFirst, set.source == nil else { return }
    let overlap = set.plan.overlap(in: plan.data.index, with: trained)
    // Of a closed set the summary of the data says so, and it was asked for.
    let isMeant = set.plan.classes != nil && overlap.earlier + overlap.numbered == 0
    if isMeant { console.say(overlap.line) } else if !overlap.isNone { console.warn(overlap.line) }
  }

  private func runSteps() throws -> Ending {
    do {
      // A run that was stopped in an evaluation makes up for it.
      if isEvaluationDue {
        try keeper.write(progress, isBest: try evaluate() && configuration.keepBest)
      }
      while progress.step < plan.totalSteps, !isOutOfPatience {
        try step()
        if try agreeOnRequests() { return try interrupt() }
      }
    } catch is Interruption {
      return try interrupt()
    } catch let error as CollectiveError where isStopOfPeer(error) {
      return try interrupt()
    }
    try finish()
    return .finished
  }

  private func step() throws {
    let start = Clock.seconds
    communicator.progress.enter(.compute, step: progress.step + 1)
    let (batch, next) = try bench.nextBatch(progress)
    let sums = try bench.gradients(of: batch, followedBy: next)
    // Before the update: ranks that disagree on a photo have computed different batches.
    if sums.replacedCount > 0 { try exchangeBadPhotos() }
    let rates = plan.schedule.rates(at: progress.step, base: configuration.baseRates)
    let update = try self.update(by: sums, of: batch, rates: rates)
    progress.step += 1
    progress.samples += batch.samples.count
    let elapsed = Clock.seconds - start
    bench.note("step", since: start, number: progress.step)
    let slow = stragglers.add(
      sums.secondsOfRanks, microbatches: sums.microbatchesOfRanks)
    var record = self.record(of: sums, update, batch: batch, rates: rates, seconds: elapsed)
    record.ranks = slow?.means ?? []
    hooks.onStep(self, record)
    try recorder.write(record)
    if let slow {
      for sentence in stragglers.sentences(of: slow.findings, on: session.hostNames) {
        console.warn(sentence)
      }
    }
    try act(
      on: health.judge(
        triplets: record.triplets, spread: record.spread, isSkipped: record.isSkipped,
        progress: &progress))
    try writeAndEvaluateIfDue()
  }

  /// Moves the weights by the gradients that gave `sums`; nil where they are unsound, and the step
  /// is skipped.
  private func update(
    by sums: StepSums, of batch: StepBatch, rates: LearningRates
  ) throws -> UpdateReceipt? {
    guard sums.unsoundRanks == 0, sums.lossSum.isFinite else {
      progress.skippedSteps += 1
      progress.skippedInARow += 1
      return nil
    }
    communicator.progress.enter(.update)
    let update = try bench.update(
      sampleCount: batch.samples.count, index: progress.updates, rates: rates)
    progress.updates += 1
    progress.skippedInARow = 0
    lastWeightsHash = update.weightsHash
    return update
  }

  private func record(
    of sums: StepSums, _ update: UpdateReceipt?, batch: StepBatch, rates: LearningRates,
    seconds: Double
  ) -> StepRecord {
    let count = Double(batch.samples.count)
    return StepRecord(
      step: progress.step, epoch: batch.epoch + 1, samples: progress.samples,
      loss: sums.lossSum / count, learningRate: rates.backbone, headLearningRate: rates.head,
      gradientNorm: update?.norm ?? .nan, imagesPerSecond: count / seconds,
      accuracy: sums.correctCount / count, targetCosine: sums.targetCosineSum / count,
      spread: sums.spreadSum / count, seconds: bench.seconds, stepSeconds: seconds,
      skippedSteps: progress.skippedSteps, skippedSamples: Int(sums.replacedCount),
      isSkipped: update == nil, microbatches: sums.microbatchesOfRanks,
      readAhead: plan.data.readAhead.counts, gradientHash: update?.gradientHash ?? 0,
      weightsHash: lastWeightsHash, reduction: bench.reduction,
      triplets: sums.figures as? TripletFigures,
      teacherCosine: plan.teacher.map { _ in sums.teacherCosineSum / sums.taughtCount })
  }

  private func act(on finding: Health.Finding?) throws {
    switch finding {
    case nil: break
    case .warning(let sentence): console.warn(sentence)
    case .fallback(let sentence):
      bench.batches.dropOffline()
      console.warn(sentence)
    case .end(let failure): throw failure(try keeper.lastGood())
    }
  }

  /// Whether an evaluation falls due where the run stands, and has not been done.
  private var isEvaluationDue: Bool {
    guard progress.step > 0, progress.evaluatedStep < progress.step, !plan.evaluationSets.isEmpty
    else { return false }
    return progress.step >= plan.totalSteps
      || plan.isDue(configuration.evaluateEvery, after: progress.step)
  }

  private func writeAndEvaluateIfDue() throws {
    let isCheckpointDue =
      progress.step >= plan.totalSteps
      || plan.isDue(configuration.checkpointEvery, after: progress.step)
      || plan.isDue(configuration.keepEvery, after: progress.step)
    // Before the evaluation, which may be long and need not be lost; a resumed run makes up for it.
    if isCheckpointDue { try keeper.write(progress, isBest: false) }
    guard isEvaluationDue else { return }
    let isBest = try evaluate() && configuration.keepBest
    // Again, with what the evaluation found.
    if isCheckpointDue || isBest { try keeper.write(progress, isBest: isBest) }
  }

  /// Scores the weights of the moment; true if the figure that counts is the best so far.
  private func evaluate() throws -> Bool {
    let findings = try self.findings()
    progress.threshold = findings.threshold
    progress.evaluatedStep = progress.step
    progress.bestSet = plan.decidingSet
    guard findings.figure > (progress.best ?? -1) else {
      progress.evaluationsSinceBest += 1
      return false
    }
    progress.best = findings.figure
    progress.bestStep = progress.step
    progress.evaluationsSinceBest = 0
    return true
  }

  /// Whether so many evaluations have found nothing better that the run ends before its last step.
  private var isOutOfPatience: Bool {
    configuration.isOutOfPatience(after: progress.evaluationsSinceBest)
  }

  // MARK: Between the ranks

  /// What ranks ask each other for after a step: the largest wins.
  enum Request {
    static let nothing = 0
    static let timeline = 1
    static let badPhotos = 2
    static let checkpoint = 3
    static let end = 4
  }

  /// Agrees with the other ranks on what signals and bad photos ask for; true to end the run.
  private func agreeOnRequests() throws -> Bool {
    var request = wantsTimeline ? Request.timeline : Request.nothing
    if badPhotos.hasNews { request = Request.badPhotos }
    if hooks.stop.wantsCheckpoint { request = Request.checkpoint }
    if hooks.stop.wantsEnd { request = Request.end }
    try keeper.check()
    communicator.progress.enter(.reduce)
    let agreed = try communicator.agreeOnMaximum(request)
    if agreed == Request.end { return progress.step < plan.totalSteps }
    if agreed == Request.timeline { try writeTimeline() }
    if agreed >= Request.badPhotos { try exchangeBadPhotos() }
    if agreed == Request.checkpoint {
      hooks.stop.forgetCheckpoint()
      try keeper.write(progress, isBest: false, onRequest: true)
    }
    return false
  }

  /// Whether so much has happened since the timeline was last written that a kill would be a loss.
  private var wantsTimeline: Bool {
    guard configuration.timeline != nil else { return false }
    return Clock.seconds - timelineSeconds > Self.timelineInterval || bench.hasFullTimeline
  }

  private static let timelineInterval = 2.0

  private func writeTimeline(isLast: Bool = false) throws {
    do {
      let path = try bench.writeTimeline(continuing: startProgress.step > 0)
      if let path, isLast { console.say("timeline: \(path)") }
    } catch let error as InterchangeError where !isLast {
      // The first rank alone, when all that ranks do together is done; training goes on.
      if !hasWarnedOfTimeline { console.warn("\(error); --timeline has a gap") }
      hasWarnedOfTimeline = true
    }
    timelineSeconds = Clock.seconds
  }

  private func exchangeBadPhotos() throws {
    try badPhotos.exchange { recorder.note("bad photo: \($0.line)") }
  }

  // MARK: The end

  private func isStopOfPeer(_ error: CollectiveError) -> Bool {
    guard case .disagreement(let operations) = error else { return false }
    return hooks.stop.wantsEnd || operations.contains(.agreement)
  }

  /// Leaves in the middle of a step: the last completed step is kept whole, at once.
  private func interrupt() throws -> Ending {
    if !bench.checkpointNeedsAllRanks { try keeper.writeLastStep(progress) }
    try Self.agreeOnEnd(communicator)
    bench.drain()
    if bench.checkpointNeedsAllRanks { try keeper.writeLastStep(progress) }
    try writeTimeline(isLast: true)
    console.receipt("interrupted: step \(progress.step) of \(plan.totalSteps)")
    return .interrupted
  }

  /// Meets the other ranks to leave: those that are still at work learn of it by meeting another
  /// operation, and come here.
  static func agreeOnEnd(_ communicator: any Communicator) throws {
    while true {
      do {
        _ = try communicator.agreeOnMaximum(Request.end)
        return
      } catch CollectiveError.disagreement {}
    }
  }

  private func finish() throws {
    // A finished run that is started again keeps its checkpoint, and its report where it has one.
    let hasWorked = progress != startProgress
    if progress.step > startProgress.step, progress.updates == startProgress.updates {
      throw TrainingFailure.nothingLearned(
        steps: progress.step - startProgress.step, Levers(configuration),
        checkpoint: try keeper.lastGood())
    }
    if isOutOfPatience, let step = progress.bestStep {
      console.say(
        "the figure that counts has not been better than \(Console.fixed(progress.best ?? 0, 4)) after "
          + "step \(step) for \(progress.evaluationsSinceBest) evaluations: the run ends at step "
          + "\(progress.step) of \(plan.totalSteps) (--patience)")
    }
    try keeper.finish(progress, hasWorked: hasWorked)
    try recorder.writePending()
    let receipt = try weightsHash
    if plan.isFirst {
      if hasWorked || !recorder.hasReport(of: receipt) {
        recorder.writeReport(at: progress, receipt: receipt)
      }
      if progress.skippedSteps > 0 {
        console.receipt("skipped: \(progress.skippedSteps) of \(progress.step) steps")
      }
      console.receipt("weights: \(Hash64.text(receipt))")
    }
    try writeTimeline(isLast: true)
    try communicator.barrier()
  }
}
