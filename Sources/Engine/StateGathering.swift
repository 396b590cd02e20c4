internal import Collectives
internal import Losses
internal import Preconditions
package import State
internal import Threads

extension StepEngine {
  /// Whether no rank alone has all that belongs in a checkpoint: parts of the vectors, or what each
  /// has lost by rounding.
  package var checkpointNeedsAllRanks: Bool {
    world.size > 1 && (world.isSharded || state.addend != nil || divided != nil)
  }

  /// Brings parameters and vectors of the state together in `copy`, which rank 0 alone has, each
  /// vector as its residence wants it, and of a divided head nothing.
  ///
  /// Every rank calls it between two steps, with workers that are free: those of rank 0 copy what
  /// it has while the rest comes from the other ranks. Throws what the communicator throws.
  package func gatherState(into copy: StateCopy?) throws {
    require(
      (copy != nil) == (world.rank == 0),
      "StepEngine.gatherState: rank \(world.rank) with\(copy == nil ? "out" : "") a copy")
    copy?.begin(state, vectorRanges: state.vectors.map(rangesAtHand), by: world.pool)
    defer { if copy != nil { world.pool.wait() } }
    for (index, vector) in state.vectors.enumerated() {
      let source = state.vector(index)
      let target = copy?.vector(index)
      switch vector.residence {
      case .addend: try sum(source, into: target)
      case .withUpdates where world.isSharded: try gather(source, into: target)
      case .withUpdates: break
      }
    }
  }

  /// What this rank knows of `vector` without the others.
  private func rangesAtHand(of vector: StateVector) -> [Range<Int>] {
    switch vector.residence {
    case .addend: []
    case .withUpdates:
      // A bias of a divided head is every rank's, behind the rest.
      networkRanges + state.wholeRanges.filter { $0.lowerBound >= reducer.count }
    }
  }

  /// Lends the averages of the parameters [parameterCount] and of the running moments
  /// [statisticsCount], of a divided head this rank's rows; nil where nothing is averaged. Every
  /// rank calls it between two steps. Throws what `body` and the communicator throw.
  package func withAverages<Result>(
    _ body: (UnsafeMutablePointer<Float>, UnsafePointer<Float>) throws -> Result
  ) throws -> Result? {
    guard let average = state.average, let moments = state.averageMoments else { return nil }
    defer {
      if let ownRanges { state.keepVectors(only: ownRanges) { $0 == .average } }
    }
    try gathering?.run(on: average, scratch: reducer.borrow(), over: world.communicator)
    return try body(average, moments)
  }

  /// Makes parameters, moments, the state of the loss and, with `withVectors`, the vectors of rank
  /// 0 those of every rank, which keeps of the vectors what is its own. Every rank calls it before
  /// the first step.
  package func shareState(withVectors: Bool) throws {
    let communicator = world.communicator
    // Of a divided head, the classes are every rank's own matter.
    try share(state.parameters, keeping: nil)
    try communicator.broadcast(
      UnsafeMutableBufferPointer(start: state.statistics, count: state.allMomentsCount), from: 0)
    guard withVectors else { return }
    state.loss.set(try communicator.broadcast(state.loss.values, from: 0))
    for index in state.vectors.indices {
      try share(
        state.vector(index),
        keeping: world.isSharded ? networkRanges.sorted { $0.lowerBound < $1.lowerBound } : nil)
    }
    keepOwnParts()
  }

  /// Makes what every rank has of `vector` that of rank 0; of what is summed over the ranks, with
  /// `ranges`, those alone.
  private func share(_ vector: UnsafeMutablePointer<Float>, keeping ranges: [Range<Int>]?) throws {
    for range in state.wholeRanges {
      try world.communicator.broadcast(
        UnsafeMutableBufferPointer(start: vector + range.lowerBound, count: range.count),
        keeping: range.lowerBound == 0 ? ranges : nil, from: 0)
    }
  }

  /// Adds up what every rank has in `source`, into `target` on rank 0.
  private func sum(
    _ source: UnsafeMutablePointer<Float>, into target: UnsafeMutablePointer<Float>?
  ) throws {
    let borrowed = reducer.borrow()
    for bucket in reducer.layout.buckets {
      let sums = borrowed + bucket.lowerBound
      for i in 0..<bucket.count { sums[i] = Double(source[bucket.lowerBound + i]) }
      try world.communicator.allReduceSum(
        UnsafeMutableBufferPointer(start: sums, count: bucket.count))
      guard let target else { continue }
      for i in 0..<bucket.count { target[bucket.lowerBound + i] = Float(sums[i]) }
    }
  }

  /// Sends this rank's parts of `source` to rank 0, which puts those of the others into `target`,
  /// in one exchange.
  private func gather(
    _ source: UnsafeMutablePointer<Float>, into target: UnsafeMutablePointer<Float>?
  ) throws {
    let layout = reducer.layout
    let rank = world.rank
    let nothing = Array(repeating: 0..<0, count: world.size)
    try world.communicator.exchange(
      count: reducer.count, word: 0, rounds: { _ in layout.buckets.count },
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
  }

  /// Drops of the vectors what other ranks keep, after every rank has been given all of them. Of
  /// addends each place is kept once, by the rank that sums it.
  private func keepOwnParts() {
    let isSharded = world.isSharded
    state.keepVectors(only: reducer.layout.ranges(of: world.rank) + headRanges) {
      isSharded || $0.residence == .addend
    }
  }
}
