internal import CheckpointParts
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Engine
internal import Evaluation
internal import Inputs
internal import Losses
internal import Planning
internal import Sessions
internal import Threads

extension Trainer {
  /// Scores every set by the weights of the moment, and by their average where there is one, and
  /// records it; what the first rank has found by the weights of the moment, on all. Throws
  /// `TrainingFailure.collapsed`, and `Interruption` where the run is to end.
  func findings() throws -> Findings {
    let start = Clock.seconds
    communicator.progress.enter(.evaluate)
    var scored: [(name: String, result: EvaluationResult)] = []
    for set in plan.evaluationSets {
      if let result = try score(set, by: bench.rawWeights) { scored.append((set.name, result)) }
    }
    // Before the first update the average is nothing.
    if progress.updates > 0 {
      try bench.withAverages { averages in
        for set in plan.evaluationSets {
          guard let result = try score(set, by: averages, isAverage: true) else { continue }
          scored.append((set.name.isEmpty ? "ema" : "ema-\(set.name)", result))
        }
      }
    }
    var own = Findings()
    var isCollapsed = false
    if !scored.isEmpty {
      let results = SetResults(results: scored)
      try recorder.write(results, of: bench, at: progress, since: start)
      isCollapsed = results.first.isCollapsed
      own = Findings(
        figure: results.first.headline ?? 0,
        threshold: DecisionThreshold(
          results.first, flipTest: configuration.flipTest,
          origin: "of \(plan.evaluationSets[0].origin(data: plan.data.name)) after step "
            + "\(progress.step)"))
    }
    if try communicator.agreeOnMaximum(isCollapsed ? 1 : 0) == 1 {
      throw TrainingFailure.collapsed(
        step: progress.step, Levers(configuration), checkpoint: try keeper.lastGood())
    }
    let findings = try communicator.share(own, from: 0)
    bench.note("evaluation", since: start)
    return findings
  }

  /// The result of `set` by `weights` on the first rank, nil on the others.
  private func score(
    _ set: EvaluationSet, by weights: Workbench.Weights, isAverage: Bool = false
  ) throws -> EvaluationResult? {
    // Photos that a set brings are numbered as those of the data are.
    let ledger = set.source == nil ? bench.reader.loader.ledger : BadPhotoLedger()
    let embeddings = try bench.embed(
      set.plan.photos, of: set.source ?? plan.data.photos,
      preprocessing: set.preprocessing(plan.data.preprocessing), flip: configuration.flipTest,
      by: weights, ledger: ledger)
    if set.source != nil, !isAverage {
      for entry in ledger.entries { console.warn("bad photo: \(entry.line)") }
    }
    if let embeddings, !isAverage, set.name == plan.evaluationSets[0].name {
      recorder.write(embeddings, of: set)
    }
    let classWeights =
      set.plan.classes != nil ? try bench.engine.classWeights(in: weights.parameters) : nil
    let bad = try communicator.allGather(value: ledger.entries).flatMap { $0 }
    let centres = configuration.subCentres
    let result = try FirstRankWork.run(over: communicator, pool: session.pool) {
      embeddings.map {
        set.plan.score($0, bad: bad, classWeights: classWeights, centres: centres)
      }
    }
    return result ?? nil
  }
}
