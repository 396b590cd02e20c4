internal import Assembly
internal import CheckpointParts
internal import Checkpoints
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Engine
internal import Losses
internal import Networks
internal import Planning
internal import RunFolders
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

  /// Bytes of the copy that checkpoints are written from, 0 where none are.
  var checkpointBytes: Int { copy?.bytes ?? 0 }

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

  /// Loads this rank's rows of a divided head from the checkpoint that rank 0 knows; a collective.
  func loadHead(of path: String?) throws {
    guard engine.state.dividedFrom != nil, let path = try plan.communicator.share(path, from: 0)
    else { return }
    try HeadRows(path: path).load(into: engine.state, own: engine.headRanges)
  }

  // MARK: Checkpoints

  /// Writes the rows of a divided head, each rank its own; a collective. Returns what the
  /// checkpoint of `step` says of them.
  func writeHead(step: Int) throws -> [String: String] {
    guard let folder = plan.runFolder else { return [:] }
    return try HeadParts.write(
      engine.state, own: engine.headRanges, step: step, folder: folder.checkpoints,
      over: plan.communicator)
  }

  /// Whether no rank alone has all that belongs in a checkpoint.
  var checkpointNeedsAllRanks: Bool { engine.checkpointNeedsAllRanks }

  /// Brings the state from all ranks into the first one's copy, where no rank alone has all of it;
  /// a collective there. Nobody may read the copy any more, and the workers are free.
  func gatherState() throws {
    if engine.checkpointNeedsAllRanks { try engine.gatherState(into: copy) }
  }

  /// The state as it is; where no rank alone has all of it, as `gatherState` has left it in the
  /// copy. With `copying` any other goes into the copy first, on all workers, and steps may change
  /// the state; without, it must not change until it is written.
  func snapshot(
    people: [UInt8], metadata: [String: String], step: Int, copying: Bool
  ) -> Snapshot {
    let isGathered = engine.checkpointNeedsAllRanks
    if copying && !isGathered { copy?.take(engine.state, by: engine.world.pool) }
    return Snapshot(
      of: engine.state, people: people,
      triplets: batches.offline.map { Array($0.text.utf8) }, metadata: metadata, step: step,
      copy: copying || isGathered ? copy : nil)
  }

  /// The receipt of weights, loss head and statistics; a collective with a divided head.
  package func weightsHash() throws -> UInt64 {
    let head = try engine.headHash()
    return Snapshot(of: engine.state, people: [], triplets: nil, metadata: [:], step: 0)
      .weightsHash(head: head)
  }
}
