internal import Collectives
internal import Datasets
internal import Evaluation
internal import Losses
internal import Networks

extension Trainer {
  /// Scores the held-out photos; true if the figure that counts is the best so far.
  func evaluate(_ plan: EvaluationPlan) throws -> Bool {
    let start = Clock.seconds
    communicator.progress.enter(.evaluate)
    let ledger = loader.ledger
    let embeddings = try embedder.embed(
      plan.photos, of: data.source.source, preprocessing: data.preprocessing,
      parameters: engine.state.parameters, statistics: engine.state.statistics,
      flip: configuration.flipTest, ledger: ledger, onWait: engine.onWait)
    let weights = isFirst ? classWeights : []
    let result = try FirstRankWork.run(over: communicator, pool: session.pool) {
      embeddings.map { plan.score($0, classWeights: weights) }
    }
    if let result = result ?? nil {
      lastEvaluation = result
      try report(result, since: start)
    }
    let collapsed = try communicator.agreeOnMaximum(
      isFirst && (lastEvaluation?.isCollapsed ?? false) ? 1 : 0)
    if collapsed == 1 {
      throw TrainingFailure.collapsed(step: progress.step, checkpoint: try lastGoodCheckpoint())
    }
    let best = try shareFindings(result ?? nil)
    progress.evaluatedStep = progress.step
    engine.timeline?.record("evaluation", from: start)
    guard best > (progress.best ?? -1) else { return false }
    progress.best = best
    progress.bestStep = progress.step
    return true
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

  func report(_ result: EvaluationResult, since start: Double) throws {
    try log?.writeEvaluation(
      step: progress.step, figures: result.figures.map { ($0.name, $0.value) },
      seconds: Clock.seconds - start)
    history.evaluations.append(
      RunReport.EvaluationPoint(step: progress.step, figures: result.dictionary))
    writeReport()
    let seconds = Clock.seconds - start
    evaluationSeconds += seconds
    for line in result.lines { console.say(line) }
    for warning in result.warnings { console.warn(warning) }
    console.say(
      "evaluated \(result.photoCount) photos in \(Console.fixed(seconds, 1)) s "
        + "(\(Console.fixed(100 * evaluationSeconds / (Clock.seconds - startSeconds), 1)) % "
        + "of the time so far)")
  }
}

extension EvaluationResult {
  /// The figure that decides which checkpoint is best: accuracy of verification, else closed set,
  /// else rank-1.
  package var headline: Double? {
    closedSet?.cosine ?? verification?.accuracy ?? identification?.rank1
  }
}
