internal import Sessions
internal import Engine
internal import Assembly
package import Checkpoints
internal import Configuration
internal import Collectives
internal import Kernels
internal import Networks
internal import Optimizers

extension Trainer {
  /// Sets the first weights, or those of `checkpoint` (which rank 0 alone has), on every rank.
  package func start(from checkpoint: Checkpoint?) throws {
    let names = engine.stateNames
    if let checkpoint {
      try checkpoint.load(into: engine.state, optimizerNames: names)
      offline = try checkpoint.offlineTriplets()
    }
    startedFrom = checkpoint?.path
    let text = try communicator.broadcast(
      checkpoint.map { MetadataText.bytes(of: $0.progress) } ?? [], from: 0)
    guard !text.isEmpty else {
      engine.initialize(seed: configuration.seed)
      if let path = configuration.initialWeights {
        if isFirst { try loadInitialWeights(path) }
        try broadcastState(withOptimizer: false)
      }
      return
    }
    progress = try TrainingProgress(
      metadata: MetadataText.parse(text), path: "the checkpoint of rank 0")
    guard progress.gridExponent == engine.gradientGrid.exponent else {
      throw CheckpointError.otherMathematics(
        path: "the checkpoint",
        keys: [
          "gradient-grid was \(progress.gridExponent), is \(engine.gradientGrid.exponent)"
        ])
    }
    try broadcastState(withOptimizer: true)
    engine.keepOwnOptimizerState()
    let triplets = try communicator.broadcast(Array((offline?.text ?? "").utf8), from: 0)
    offline =
      triplets.isEmpty ? nil : OfflineTriplets(text: String(decoding: triplets, as: UTF8.self))
  }

  /// Takes weights and running moments of the network in the checkpoint that `path` means; the loss
  /// head keeps its own. Throws as `openInitialWeights`.
  private func loadInitialWeights(_ path: String) throws {
    if initialWeights == nil { try openInitialWeights(path) }
    guard let checkpoint = initialWeights else { return }
    try checkpoint.load(
      factory.network.parameters, statistics: factory.network.statistics, into: engine.state)
    console.say("first weights: \(checkpoint.path), step \(checkpoint.progress.step)")
  }

  /// Opens the checkpoint that `path` means, for the first weights. Throws
  /// `TrainingFailure.otherNetwork` and what is wrong with the checkpoint.
  func openInitialWeights(_ path: String) throws {
    let (checkpoint, refused) = try CheckpointStore.open(path)
    for reason in refused { console.warn("refused: \(reason)") }
    let written = try RunConfiguration.parse(
      yaml: checkpoint.configurationText, path: checkpoint.path, modelNames: Models.names)
    let embedding = ModelFactory.network(written).embeddingCount
    let network: [ConfigurationOption] = [
      .of(\.model), .of(\.normalize), .of(\.width), .of(\.batchNorm), .of(\.pooling),
    ]
    var differences = network.compactMap { option in
      let (then, now) = (option.text(written), option.text(configuration))
      return then == now ? nil : "\(option.name) was \(then ?? "none"), is \(now ?? "none")"
    }
    if embedding != factory.network.embeddingCount {
      differences.append("embedding was \(embedding), is \(factory.network.embeddingCount)")
    }
    guard differences.isEmpty else {
      throw TrainingFailure.otherNetwork(path: checkpoint.path, differences: differences)
    }
    initialWeights = checkpoint
  }

  private func broadcastState(withOptimizer: Bool) throws {
    let state = engine.state
    let all = 0..<Int.max
    let vectors: [(UnsafeMutablePointer<Float>, Int, [Range<Int>])] =
      [
        (state.parameters, state.parameterCount, [all]),
        (state.statistics, state.statisticsCount, [all]),
      ]
      + (0..<(withOptimizer ? state.optimizerVectorCount : 0)).map {
        (
          state.optimizer + $0 * state.parameterCount, state.parameterCount,
          engine.ownRanges ?? [all]
        )
      }
    for (pointer, count, kept) in vectors {
      let piece = 16 << 20
      for start in stride(from: 0, to: count, by: piece) {
        let size = 4 * min(piece, count - start)
        let bytes = UnsafeMutableRawPointer(pointer + start)
        let sent = isFirst ? Array(UnsafeRawBufferPointer(start: bytes, count: size)) : []
        let received = try communicator.broadcast(sent, from: 0)
        guard !isFirst else { continue }
        received.withUnsafeBytes { received in
          for range in kept.map({ $0.clamped(to: start..<start + size / 4) })
          where !range.isEmpty {
            let offset = 4 * (range.lowerBound - start)
            (bytes + offset).copyMemory(
              from: received.baseAddress! + offset, byteCount: 4 * range.count)
          }
        }
      }
    }
  }
}
