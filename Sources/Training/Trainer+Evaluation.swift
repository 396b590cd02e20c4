internal import Collectives
internal import Datasets
internal import Evaluation
internal import Losses
internal import Networks

extension Trainer {
  /// Scores the held-out photos; true if the figure that counts is the best so far.
  func evaluate(_ plan: EvaluationPlan) throws -> Bool {
    let start = Clock.seconds
    let ledger = loader.ledger
    let embeddings = try embedder.embed(
      plan.photos, of: data.source.source, preprocessing: data.preprocessing,
      parameters: engine.state.parameters, statistics: engine.state.statistics,
      flip: configuration.flipTest, ledger: ledger, onWait: engine.onWait)
    var best = 0.0
    if isFirst {
      let result = plan.score(embeddings, classWeights: classWeights)
      lastEvaluation = result
      best = result.headline ?? 0
      try report(result, since: start)
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
    progress.evaluatedStep = progress.step
    guard best > (progress.best ?? -1) else { return false }
    progress.best = best
    progress.bestStep = progress.step
    return true
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
