internal import Collectives
internal import Optimizers

/// The optimizer's vectors of a run, whole, for one checkpoint.
final class GatheredVectors {
  /// One for each vector [parameterCount]; the owner frees them.
  private(set) var vectors: [UnsafeMutablePointer<Float>]

  init(vectorCount: Int, count: Int) {
    vectors = (0..<vectorCount).map { _ in
      let vector = UnsafeMutablePointer<Float>.allocate(capacity: count)
      vector.initialize(repeating: 0, count: count)
      return vector
    }
  }

  /// Hands the memory over.
  func take() -> [UnsafeMutablePointer<Float>] {
    defer { vectors = [] }
    return vectors
  }

  deinit { for vector in vectors { vector.deallocate() } }
}

extension StepEngine {
  /// Whether no rank alone has all that belongs in a checkpoint: parts of the optimizer's state, or
  /// what each has lost by rounding.
  package var checkpointNeedsAllRanks: Bool {
    communicator.size > 1 && (ownRanges != nil || reducer.residual != nil)
  }

  /// Brings the optimizer's vectors together on rank 0, and sums what the ranks have lost by
  /// rounding; nil on the other ranks. Every rank calls it between two steps.
  func gatherOptimizerVectors() throws -> GatheredVectors? {
    let count = state.parameterCount
    let isFirst = communicator.rank == 0
    let gathered =
      isFirst ? GatheredVectors(vectorCount: state.optimizerVectorCount, count: count) : nil
    for vector in 0..<optimizer.stateVectorCount {
      let source = state.optimizer + vector * count
      if ownRanges == nil {
        gathered?.vectors[vector].update(from: source, count: count)
      } else {
        try gather(source, into: gathered?.vectors[vector])
      }
    }
    if let residual = reducer.residual {
      let borrowed = reducer.borrow()
      for bucket in reducer.layout.buckets {
        let sums = borrowed + bucket.lowerBound
        for i in 0..<bucket.count { sums[i] = Double(residual[bucket.lowerBound + i]) }
        try communicator.allReduceSum(
          UnsafeMutableBufferPointer(start: sums, count: bucket.count))
        guard let target = gathered?.vectors.last else { continue }
        for i in 0..<bucket.count { target[bucket.lowerBound + i] = Float(sums[i]) }
      }
    }
    return gathered
  }

  /// Sends this rank's parts of `source` to rank 0, which puts them into `target`, in one exchange.
  private func gather(
    _ source: UnsafeMutablePointer<Float>, into target: UnsafeMutablePointer<Float>?
  ) throws {
    let layout = reducer.layout
    let rank = communicator.rank
    let nothing = Array(repeating: 0..<0, count: communicator.size)
    try communicator.exchange(
      count: state.parameterCount, word: 0, rounds: { _ in layout.buckets.count },
      allToAll: { index in
        let bucket = layout.buckets[index]
        let parts = layout.parts[index]
        let own = parts[rank]
        return AllToAllMessages(
          outgoing: source + own.lowerBound,
          outgoingParts: target == nil ? [0..<4 * own.count] + nothing.dropFirst() : nothing,
          incoming: (target ?? source) + bucket.lowerBound,
          incomingParts: target == nil
            ? nothing
            : parts.enumerated().map { peer, part in
              let start = 4 * (part.lowerBound - bucket.lowerBound)
              return start..<start + (peer == 0 ? 0 : 4 * part.count)
            },
          longestPart: 4 * (parts.map(\.count).max() ?? 0))
      }, allGather: { _ in nil })
    guard let target else { return }
    for own in layout.ranges(of: rank) {
      (target + own.lowerBound).update(from: source + own.lowerBound, count: own.count)
    }
  }

  /// Drops what other ranks keep, after every rank has been given all of the optimizer's vectors. What
  /// rounding had taken away is kept once, by the rank that sums its place.
  func keepOwnOptimizerState() {
    let own = reducer.layout.ranges(of: communicator.rank).sorted { $0.lowerBound < $1.lowerBound }
    if ownRanges != nil { state.keepOptimizer(only: own) }
    guard let residual = reducer.residual else { return }
    var end = 0
    for range in own + [state.parameterCount..<state.parameterCount] {
      if range.lowerBound > end {
        (residual + end).update(repeating: 0, count: range.lowerBound - end)
      }
      end = max(end, range.upperBound)
    }
  }
}
