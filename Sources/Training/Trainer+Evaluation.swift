internal import RunFolders
internal import Assembly
internal import Configuration
internal import Timing
internal import Engine
internal import Checkpoints
internal import Reports
internal import Scoring
internal import Sessions
internal import Threads
internal import Collectives
internal import Datasets
internal import Evaluation
internal import Losses
internal import Networks

extension Trainer {
  /// Scores every set; true if the figure that counts, of the first, is the best so far.
  func evaluate() throws -> Bool {
    let start = Clock.seconds
    communicator.progress.enter(.evaluate)
    var scored: [(name: String, result: EvaluationResult)] = []
    for set in evaluationSets {
      if let result = try score(set) { scored.append((set.name, result)) }
    }
    let results = scored.isEmpty ? nil : SetResults(results: scored)
    if let results {
      lastEvaluation = results
      try report(results, since: start)
    }
    let result = results?.first
    let collapsed = try communicator.agreeOnMaximum(
      isFirst && (lastEvaluation?.first.isCollapsed ?? false) ? 1 : 0)
    if collapsed == 1 {
      throw TrainingFailure.collapsed(step: progress.step, checkpoint: try lastGoodCheckpoint())
    }
    let best = try shareFindings(result)
    progress.evaluatedStep = progress.step
    engine.timeline?.record("evaluation", from: start)
    guard best > (progress.best ?? -1) else { return false }
    progress.best = best
    progress.bestStep = progress.step
    return true
  }

  /// The result of `set` on the first rank, nil on the others.
  private func score(_ set: EvaluationSet) throws -> EvaluationResult? {
    // Photos that a set brings are numbered as those of the data are.
    let ledger = set.source == nil ? loader.ledger : BadPhotoLedger()
    let embeddings = try embedder.embed(
      set.plan.photos, of: set.source ?? data.source.source,
      preprocessing: set.preprocessing(data.preprocessing),
      parameters: engine.state.parameters, statistics: engine.state.statistics,
      flip: configuration.flipTest, ledger: ledger, onWait: engine.onWait)
    if set.source != nil {
      for entry in ledger.entries { console.warn("bad photo: \(entry.line)") }
    }
    if let embeddings, set.name == evaluationSets[0].name {
      sideLogs?.write(embeddings) { row in
        let photo = set.plan.photos[row]
        if let source = set.source { return (source.name(of: photo), source.name(of: photo)) }
        let facts = data.index.photos[photo]
        return (data.index.people[facts.person], facts.path)
      }
    }
    let weights = isFirst ? classWeights : []
    let result = try FirstRankWork.run(over: communicator, pool: session.pool) {
      embeddings.map { set.plan.score($0, classWeights: weights) }
    }
    return result ?? nil
  }

  /// Tells all ranks what the first has found in `result`: the threshold, which goes to the progress,
  /// and the figure that counts, which is returned.
  private func shareFindings(_ result: EvaluationResult?) throws -> Double {
    var findings = TrainingProgress()
    if let result {
      findings.best = result.headline ?? 0
      findings.threshold = DecisionThreshold(
        result, flipTest: configuration.flipTest, origin: "after step \(progress.step)")
    }
    let text = try communicator.broadcast(MetadataText.bytes(of: findings), from: 0)
    findings = try TrainingProgress(
      metadata: MetadataText.parse(text), path: "the evaluation of rank 0")
    progress.threshold = findings.threshold
    return findings.best ?? 0
  }

  /// The class weights of the loss head [classes, dimension]; nil where it has none.
  var classWeights: [Float]? {
    guard let head = factory.objective.head else { return nil }
    let start = engine.state.parameters + factory.network.parameterCount
    return Array(
      UnsafeBufferPointer(start: start, count: head.classes * head.dimension))
  }

  func report(_ results: SetResults, since start: Double) throws {
    let result = results.first
    let all = results.results.map { ($0.name, $0.result.figures.map { ($0.name, $0.value) }) }
    try log?.writeEvaluation(
      step: progress.step, figures: all[0].1, sets: all.count > 1 ? all : [],
      seconds: Clock.seconds - start)
    sideLogs?.write(results, step: progress.step)
    sideLogs?.write(engine.state, step: progress.step)
    history.evaluations.append(
      RunReport.EvaluationPoint(step: progress.step, figures: result.dictionary))
    writeReport()
    let seconds = Clock.seconds - start
    evaluationSeconds += seconds
    for line in results.lines { console.say(line) }
    for warning in results.warnings { console.warn(warning) }
    let photoCount = results.results.reduce(0) { $0 + $1.result.photoCount }
    console.say(
      "evaluated \(photoCount) photos in \(Console.fixed(seconds, 1)) s "
        + "(\(Console.fixed(100 * evaluationSeconds / (Clock.seconds - startSeconds), 1)) % "
        + "of the time so far)")
  }
}
