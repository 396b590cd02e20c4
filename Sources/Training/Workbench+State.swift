internal import Checkpoints
internal import Assembly
internal import Collectives
internal import Configuration
internal import Datasets
internal import Determinism
internal import Engine
internal import Networks

/// The weights of a run and all that a step changes: from where they come, and into checkpoints.
extension Workbench {
  /// Memory in bytes of this rank: parameters with optimizer and sums, and each worker's.
  package var memoryBytes: (rank: Int, worker: Int) {
    (
      engine.state.bytes(keeping: engine.ownRanges)
        + 8 * (engine.reducer.count + engine.reducer.extraCount) + engine.batchBytes
        + engine.messageBytes + OldNetwork.bytes(plan),
      engine.workerBytes
    )
  }

  /// Gives the engine what the network of `compatible-with` makes of every training photo.
  func mix(_ old: OldNetwork) { engine.oldEmbeddings = old.embeddings }

  // MARK: First weights

  /// Sets the first weights, a function of the seed.
  func initialize() { engine.initialize(seed: plan.configuration.seed) }

  /// Takes weights and running moments of the network in `checkpoint`; the loss head keeps its own.
  func loadNetwork(of checkpoint: Checkpoint) throws {
    try checkpoint.load(
      plan.factory.network.parameters, statistics: plan.factory.network.statistics,
      into: engine.state)
  }

  /// Takes everything in `checkpoint`.
  func load(_ checkpoint: Checkpoint) throws {
    try checkpoint.load(into: engine.state, optimizerNames: engine.stateNames)
  }

  /// Brings weights and running moments of the first rank to all.
  func shareWeights() throws {
    let state = engine.state
    try plan.communicator.broadcast(state.parameters, count: state.parameterCount)
    try plan.communicator.broadcast(state.statistics, count: state.statisticsCount)
  }

  /// Brings the optimizer's vectors of the first rank to all; each rank keeps its part.
  func shareOptimizerState() throws {
    let state = engine.state
    for vector in 0..<state.optimizerVectorCount {
      try plan.communicator.broadcast(
        state.optimizer + vector * state.parameterCount, count: state.parameterCount,
        keeping: engine.ownRanges)
    }
    engine.keepOwnOptimizerState()
  }

  // MARK: Checkpoints

  /// Whether no rank alone has all that belongs in a checkpoint.
  var checkpointNeedsAllRanks: Bool { engine.checkpointNeedsAllRanks }

  /// The optimizer's vectors from all ranks, on the first, where no rank alone has them; a
  /// collective there.
  func gatheredVectors() throws -> GatheredVectors? {
    engine.checkpointNeedsAllRanks ? try engine.gatherOptimizerVectors() : nil
  }

  /// The state as it is; with `copying` false it must not change until it is written. `gathered` is
  /// what `gatheredVectors` gave.
  func snapshot(
    people: [UInt8], metadata: [String: String], step: Int, copying: Bool,
    gathered: GatheredVectors? = nil
  ) -> Snapshot {
    Snapshot(
      of: engine.state, optimizerNames: engine.stateNames, people: people,
      triplets: batches.offline.map { Array($0.text.utf8) }, metadata: metadata, step: step,
      copying: copying, gathered: gathered)
  }

  /// The receipt of weights, loss head and statistics.
  package var weightsHash: UInt64 {
    snapshot(people: [], metadata: [:], step: 0, copying: false).weightsHash()
  }
}

extension Communicator {
  /// Floats that travel in one message.
  private static var pieceCount: Int { 16 << 20 }

  /// Overwrites `values` [count] by those of the first rank; where `kept` is given, in its ranges
  /// alone.
  func broadcast(
    _ values: UnsafeMutablePointer<Float>, count: Int, keeping kept: [Range<Int>]? = nil
  ) throws {
    for start in stride(from: 0, to: count, by: Self.pieceCount) {
      let piece = start..<min(start + Self.pieceCount, count)
      let bytes = UnsafeMutableRawPointer(values + start)
      let sent =
        rank == 0
        ? Array(UnsafeRawBufferPointer(start: bytes, count: 4 * piece.count)) : []
      let received = try broadcast(sent, from: 0)
      guard rank != 0 else { continue }
      received.withUnsafeBytes { received in
        for range in (kept ?? [piece]).map({ $0.clamped(to: piece) }) where !range.isEmpty {
          let offset = 4 * (range.lowerBound - start)
          (bytes + offset).copyMemory(
            from: received.baseAddress! + offset, byteCount: 4 * range.count)
        }
      }
    }
  }

  /// `values` [count] of the first rank, on all; what other ranks pass is ignored.
  func broadcast(_ values: [Float]?, count: Int) throws -> [Float] {
    var all = values ?? [Float](repeating: 0, count: count)
    try all.withUnsafeMutableBufferPointer { buffer in
      guard let start = buffer.baseAddress else { return }
      try broadcast(start, count: buffer.count)
    }
    return all
  }
}
