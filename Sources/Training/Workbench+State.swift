internal import Assembly
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Engine
internal import Networks
internal import State

/// The weights of a run and all that a step changes: from where they come, and into checkpoints.
extension Workbench {
  /// Memory in bytes of this rank: parameters with optimizer and sums, and each worker's.
  package var memoryBytes: (rank: Int, worker: Int) {
    (
      engine.state.bytes(keeping: engine.ownRanges)
        + 8 * (engine.reducer.count + engine.reducer.extraCount) + engine.batchBytes
        + engine.messageBytes + (plan.factory.old?.bytes ?? 0),
      engine.workerBytes
    )
  }

  // MARK: First weights

  /// Sets the first weights, a function of the seed.
  func initialize() { engine.initialize() }

  /// Takes weights and running moments of the network in `checkpoint`; the loss head keeps its own.
  func loadNetwork(of checkpoint: Checkpoint) throws {
    try checkpoint.load(
      plan.factory.network.parameters, statistics: plan.factory.network.statistics,
      into: engine.state)
  }

  /// Takes everything in `checkpoint`.
  func load(_ checkpoint: Checkpoint) throws {
    try checkpoint.load(into: engine.state)
  }

  /// Brings what the first rank has to all: weights and running moments or, with `withVectors`, all
  /// that a step changes; each rank keeps its parts.
  func share(withVectors: Bool) throws { try engine.shareState(withVectors: withVectors) }

  // MARK: Checkpoints

  /// Whether no rank alone has all that belongs in a checkpoint.
  var checkpointNeedsAllRanks: Bool { engine.checkpointNeedsAllRanks }

  /// The vectors of the state from all ranks, on the first, where no rank alone has them; a
  /// collective there.
  func gatheredVectors() throws -> GatheredVectors? {
    engine.checkpointNeedsAllRanks ? try engine.gatherVectors() : nil
  }

  /// The state as it is; with `copying` false it must not change until it is written. `gathered` is
  /// what `gatheredVectors` gave.
  func snapshot(
    people: [UInt8], metadata: [String: String], step: Int, copying: Bool,
    gathered: GatheredVectors? = nil
  ) -> Snapshot {
    Snapshot(
      of: engine.state, people: people,
      triplets: batches.offline.map { Array($0.text.utf8) }, metadata: metadata, step: step,
      copying: copying, gathered: gathered)
  }

  /// The receipt of weights, loss head and statistics.
  package var weightsHash: UInt64 {
    snapshot(people: [], metadata: [:], step: 0, copying: false).weightsHash()
  }
}
