internal import Assembly
internal import Scoring
internal import Configuration
internal import Timing
internal import Checkpoints
internal import Engine
internal import Threads
internal import Collectives
internal import Determinism
internal import Losses
internal import Optimizers

extension Trainer {
  /// Writes the state in the background; not in a streak of skipped steps, whose state may be what
  /// makes them fail.
  func checkpoint(isBest: Bool) throws {
    guard progress.skippedInARow == 0 else { return }
    communicator.progress.enter(.checkpoint)
    let start = Clock.seconds
    let gathered = try gatherForCheckpoint()
    guard isFirst, let store else { return }
    try store.writeInBackground(protected: protectedSteps, isBest: isBest) {
      snapshot(copying: true, gathered: gathered)
    }
    engine.timeline?.record("checkpoint", from: start)
  }

  /// The optimizer's vectors from all ranks, on rank 0, where it does not have them itself.
  func gatherForCheckpoint() throws -> GatheredVectors? {
    guard folder != nil, engine.checkpointNeedsAllRanks else { return nil }
    return try engine.gatherOptimizerVectors()
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

  func snapshot(copying: Bool, gathered: GatheredVectors? = nil) -> Snapshot {
    var metadata = progress.metadata(
      configuration: configuration.yamlText(), dataFingerprint: data.fingerprint,
      classCount: factory.classCount)
    metadata[Checkpoint.oldNetworkKey] = oldNetworkHash.map { Hash64.text($0) }
    return Snapshot(
      of: engine.state, optimizerNames: engine.stateNames, people: people,
      triplets: offline.map { Array($0.text.utf8) }, metadata: metadata,
      step: progress.step, copying: copying, gathered: gathered)
  }
}
