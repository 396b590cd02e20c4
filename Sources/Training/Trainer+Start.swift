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
    try broadcastState()
    engine.keepOwnOptimizerState()
    let triplets = try communicator.broadcast(Array((offline?.text ?? "").utf8), from: 0)
    offline =
      triplets.isEmpty ? nil : OfflineTriplets(text: String(decoding: triplets, as: UTF8.self))
  }

  func broadcastState() throws {
    let state = engine.state
    let all = 0..<Int.max
    let vectors: [(UnsafeMutablePointer<Float>, Int, [Range<Int>])] =
      [
        (state.parameters, state.parameterCount, [all]),
        (state.statistics, state.statisticsCount, [all]),
      ]
      + (0..<state.optimizerVectorCount).map {
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
