internal import CheckpointParts
internal import Checkpoints
internal import Configuration
internal import Datasets
internal import Evaluation
internal import Inputs
internal import Losses
internal import Pace
internal import Planning
internal import Reports
internal import RunFolders
internal import Sessions
internal import Threads
internal import Timing

/// What a run leaves for people and programs to read: the console's lines, `metrics.jsonl`, the
/// side logs, the report. Every rank has one; the first alone writes.
final class Recorder {
  /// The files of a run folder.
  struct Files {
    let folder: RunFolder
    let log: RunLog
    let sideLogs: SideLogs
  }

  let plan: TrainingPlan
  /// Nil where nothing is written: on other ranks, and without a run folder.
  let files: Files?
  /// What the report plots.
  private(set) var history = RunHistory()
  private(set) var lastEvaluation: SetResults?
  private(set) var evaluationSeconds = 0.0
  /// Whether `report.html` is not that of the last `writeReport`.
  var lacksReport = false
  private var timeLeft = TimeLeft()
  /// When the last step or evaluation had been written.
  private var lastSeconds: Double?

  /// Opens the files of the run folder, where what lies behind `standing` is dropped, and warns of
  /// what lacks before it; `meter` counts MiB of what is read. Throws `RunFolderError.unwritable`.
  init(_ plan: TrainingPlan, at standing: Standing, meter: WorkMeter? = nil) throws {
    let progress = standing.progress
    self.plan = plan
    guard plan.isFirst, let folder = plan.runFolder else {
      files = nil
      return
    }
    let own = folder.checkpoints + "/" + CheckpointStore.name(step: progress.step)
    let isForked = standing.path.map { !CheckpointStore.isSameFile($0, own) } ?? false
    let log = try RunLog(
      folder: folder.path, resumedAfter: progress.step, evaluatedAfter: progress.evaluatedStep,
      isForked: isForked,
      keepsWhatFindsNoSpace: plan.configuration.onFullDisk == .continue)
    plan.console.record(in: log)
    if let complaint = log.complaint { plan.console.warn(complaint) }
    files = Files(
      folder: folder, log: log,
      sideLogs: try SideLogs(
        plan.configuration.sideLogs, folder: folder, totalSteps: plan.totalSteps,
        resumedAfter: progress.step, evaluatedAfter: progress.evaluatedStep))
    history = MetricsFile.read(folder.metrics) { meter?.add($0 >> 20) }
  }

  /// Writes what a step has left behind; throws `RunFolderError.unwritable`.
  func write(_ record: StepRecord) throws {
    if let files {
      try files.log.write(record)
      files.sideLogs.write(record)
      tellProblems(of: files)
      history.seconds += record.seconds
      history.steps.append(
        RunReport.Step(
          step: record.step, loss: record.loss, learningRate: record.learningRate,
          imagesPerSecond: record.imagesPerSecond, gradientNorm: record.gradientNorm,
          teacherCosine: record.teacherCosine ?? .nan,
          triplets: record.triplets.map {
            .init(
              activeShare: $0.activeShare, positiveDistance: $0.positiveDistance,
              negativeDistance: $0.negativeDistance)
          }))
    }
    if record.isSkipped {
      plan.console.warn(
        "step \(record.step): the gradient is not finite or leaves the grid; step skipped")
    }
    let now = Clock.seconds
    timeLeft.add(step: lastSeconds.map { now - $0 } ?? record.stepSeconds)
    lastSeconds = now
    let left = timeLeft.seconds(
      steps: plan.totalSteps - record.step,
      evaluations: plan.evaluationsLeft(after: record.step))
    plan.console.progress(
      "epoch \(record.epoch)  step \(record.step)/\(plan.totalSteps)  "
        + "loss \(Console.fixed(record.loss, 4))  "
        + (record.teacherCosine.map { "teacher \(Console.fixed($0, 3))  " } ?? "")
        + (record.triplets.map { "active \(Console.fixed(100 * $0.activeShare, 1)) %  " } ?? "")
        + "\(Console.fixed(record.imagesPerSecond, 1)) images/s  "
        + "\(Console.duration(left ?? .nan)) left",
      isLandmark: record.step == 1 || record.step == plan.totalSteps
        || plan.course.endsEpoch(after: record.step))
  }

  private func tellProblems(of files: Files) {
    for problem in [files.sideLogs.takeProblem(), files.log.takeProblem()] {
      if let problem { plan.console.warn(problem) }
    }
  }

  /// Writes what the evaluation of `bench`'s weights, begun at `start`, has given; throws
  /// `RunFolderError.unwritable`.
  func write(
    _ results: SetResults, of bench: Workbench, at progress: TrainingProgress, since start: Double
  ) throws {
    lastEvaluation = results
    let all = results.results.map { ($0.name, $0.result.figures.map { ($0.name, $0.value) }) }
    if let files {
      try files.log.writeEvaluation(
        step: progress.step, figures: all[0].1,
        sets: all.count > 1 || !all[0].0.isEmpty ? all : [],
        seconds: Clock.seconds - start)
      files.sideLogs.write(results, step: progress.step)
      files.sideLogs.write(bench.parameters, step: progress.step)
      history.evaluations.append(
        RunReport.EvaluationPoint(step: progress.step, figures: results.first.dictionary))
    }
    writeReport(at: progress)
    let seconds = Clock.seconds - start
    evaluationSeconds += seconds
    timeLeft.add(evaluation: seconds)
    lastSeconds = Clock.seconds
    for line in results.lines { plan.console.say(line) }
    for warning in results.warnings { plan.console.warn(warning) }
    let photoCount = results.results.reduce(0) { $0 + $1.result.photoCount }
    let total = Clock.seconds - plan.startSeconds
    plan.console.say(
      "evaluated \(photoCount) photos in \(Console.fixed(seconds, 1)) s "
        + "(\(Console.fixed(100 * evaluationSeconds / total, 1)) % "
        + "of the time so far)")
  }

  /// Gives TensorBoard's projector the embeddings of the photos of `set`.
  func write(_ embeddings: Embeddings, of set: EvaluationSet) {
    files?.sideLogs.write(embeddings) { row in
      let photo = set.plan.photos[row]
      if let source = set.source { return (source.name(of: photo), source.name(of: photo)) }
      let facts = plan.data.index.photos[photo]
      return (plan.data.index.people[facts.person], facts.path)
    }
  }

  /// Keeps a line in the log file alone.
  func note(_ line: String) { files?.log.writeLine(line) }

  /// Writes the metrics that wait for space; throws `RunFolderError.unwritable`.
  func writePending() throws { try files?.log.writePending() }

  /// What lets the side logs catch up with the run, from any thread.
  var flush: @Sendable () -> Void {
    let sideLogs = files?.sideLogs
    return { sideLogs?.flush() }
  }

  /// Returns when the side logs are written.
  func finish() {
    guard let files else { return }
    files.sideLogs.finish()
    tellProblems(of: files)
  }
}

extension TrainingPlan {
  /// The folder in which the run leaves its files; nil leaves no trace on disk.
  var runFolder: RunFolder? { folder.map(RunFolder.init) }
}

extension RunConfiguration {
  /// The logs beside `metrics.jsonl` that the run writes.
  fileprivate var sideLogs: SideLogs.Choice {
    SideLogs.Choice(hasEvents: writesTensorBoard, hasTables: writesCSV, prometheus: prometheus)
  }
}
