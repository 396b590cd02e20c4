internal import Losses
internal import Optimizers

extension Trainer {
  func checkpoint(isBest: Bool) throws {
    guard isFirst, let store else { return }
    try store.writeInBackground(
      snapshot(copying: true), protected: protectedSteps, isBest: isBest)
  }

  var protectedSteps: Set<Int> {
    var steps: Set<Int> = []
    if configuration.keepBest, let best = progress.bestStep { steps.insert(best) }
    let interval = configuration.keepEvery.steps(stepsPerEpoch: stepsPerEpoch)
    if interval > 0 {
      steps.formUnion(stride(from: interval, through: progress.step, by: interval))
    }
    return steps
  }

  func snapshot(copying: Bool) -> Snapshot {
    Snapshot(
      of: engine.state, optimizerNames: engine.optimizer.stateNames,
      metadata: progress.metadata(
        configuration: configuration.yamlText(), dataFingerprint: data.fingerprint,
        classCount: factory.head.classes),
      step: progress.step, copying: copying)
  }
}
