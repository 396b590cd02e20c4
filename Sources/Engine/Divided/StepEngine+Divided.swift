internal import Collectives
internal import Determinism
internal import Losses
internal import Preconditions
internal import State

/// A divided head as a whole: for receipts and evaluations.
extension StepEngine {
  /// What this rank has of a divided head, in the flat vector: its classes, and the bias.
  package var headRanges: [Range<Int>] { DividedHead.ranges(of: replica, in: world) }

  /// The rows of a rank's classes in `vector` [parameterCount].
  private func rows(
    of rank: Int, in vector: UnsafeMutablePointer<Float>
  ) -> UnsafeMutableBufferPointer<Float> {
    guard let objective = replica.objective.divided else { return .init(start: nil, count: 0) }
    let range = objective.ownRange(of: rank, ranks: world.size)
    return UnsafeMutableBufferPointer(
      start: vector + replica.headRange.lowerBound + range.lowerBound,
      count: range.count)
  }

  /// The class weights [rowCount, dimension] on the first rank, nil on the others and without any;
  /// of a divided head the rows of all ranks are brought there, and every rank calls it. They are
  /// those of `vector` [parameterCount], nil for the parameters.
  package func classWeights(
    in vector: UnsafeMutablePointer<Float>? = nil
  ) throws -> [Float]? {
    let vector = vector ?? state.parameters
    guard let head = replica.objective.head else { return nil }
    let count = head.rowCount * head.dimension
    guard let objective = replica.objective.divided, world.size > 1 else {
      guard world.rank == 0 else { return nil }
      return Array(
        UnsafeBufferPointer(start: vector + replica.headRange.lowerBound, count: count))
    }
    let counts = (0..<world.size).map { objective.ownRange(of: $0, ranks: world.size).count }
    let own = UnsafeBufferPointer(rows(of: world.rank, in: vector))
    guard world.rank == 0 else {
      try world.communicator.gather(
        own, counts: counts, into: nil as UnsafeMutableBufferPointer<Float>?, at: 0)
      return nil
    }
    return try [Float](unsafeUninitializedCapacity: count) { memory, initialized in
      try world.communicator.gather(own, counts: counts, into: memory, at: 0)
      initialized = count
    }
  }

  /// The hash of the bytes of a divided head's weights, on every rank: each goes on from where the
  /// one before has stopped. Nil where no head is divided; every rank calls it.
  package func headHash() throws -> UInt64? {
    guard let objective = replica.objective.divided else { return nil }
    let head = objective.head
    var stream = Hash64Stream()
    var hash: UInt64 = 0
    for rank in 0..<world.size
    where !objective.ownRange(of: rank, ranks: world.size).isEmpty {
      let isLast = objective.classes(of: rank, ranks: world.size).upperBound == head.rowCount
      if rank == world.rank {
        stream.add(UnsafeRawBufferPointer(rows(of: rank, in: state.parameters)))
        if isLast { hash = stream.hash }
      }
      guard world.size > 1 else { continue }
      if isLast {
        hash = try world.communicator.broadcast([hash], from: rank)[0]
      } else {
        stream = Hash64Stream(
          words: try world.communicator.broadcast(
            rank == world.rank ? stream.words : [], from: rank))
      }
    }
    return hash
  }
}
