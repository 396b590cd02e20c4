internal import Kernels
package import Threads

/// A copy of parameters and vectors of a state, in memory that stays from one checkpoint to the
/// next: a thread writes a file from it while steps change the state.
///
/// What is divided over the ranks is not in it, and takes no memory.
package final class StateCopy: @unchecked Sendable {
  /// Elements of the parameters, and of each vector.
  package let parameterCount: Int
  private let vectorCount: Int
  private let memory: AlignedMemory
  /// The same where parts are left out, else nothing.
  private let reserved: ReservedMemory
  /// The parts that are in it.
  private let ranges: [Range<Int>]

  /// Elements that a worker copies at a time: 4 MiB, of which it has the bandwidth of memory.
  private static let pieceCount = 1 << 20

  /// Memory for the parameters and vectors of `state`, filled with zeros, so that the first
  /// checkpoint finds it there.
  package init(of state: ModelState) {
    parameterCount = state.parameterCount
    vectorCount = state.vectors.count
    ranges = state.wholeRanges
    let count = parameterCount * (1 + vectorCount)
    memory = AlignedMemory(count: state.dividedFrom == nil ? count : 0, fill: 0)
    reserved = ReservedMemory(count: state.dividedFrom == nil ? 0 : count)
  }

  /// Bytes of a copy of that many parameters with that many vectors.
  package static func bytes(parameterCount: Int, vectorCount: Int) -> Int {
    4 * parameterCount * (1 + vectorCount)
  }

  /// Bytes of this copy.
  package var bytes: Int {
    Self.bytes(parameterCount: ranges.reduce(0) { $0 + $1.count }, vectorCount: vectorCount)
  }

  private var pointer: UnsafeMutablePointer<Float> {
    reserved.count == 0 ? memory.pointer : reserved.pointer
  }

  /// The parameters [parameterCount], in the flat vector's order.
  package var parameters: UnsafeMutablePointer<Float> { pointer }

  /// Vector number `index` [parameterCount], in the flat vector's order.
  package func vector(_ index: Int) -> UnsafeMutablePointer<Float> {
    pointer + (1 + index) * parameterCount
  }

  /// Copies the parameters and, with `withVectors`, the vectors of `state`, on all workers of
  /// `pool`, which must be free.
  package func take(_ state: ModelState, withVectors: Bool = true, by pool: WorkerPool) {
    for range in ranges {
      copy(
        state.parameters + range.lowerBound, to: parameters + range.lowerBound, count: range.count,
        by: pool)
      guard withVectors else { continue }
      for index in 0..<vectorCount {
        copy(
          state.vector(index) + range.lowerBound, to: vector(index) + range.lowerBound,
          count: range.count, by: pool)
      }
    }
  }

  private func copy(
    _ source: UnsafeMutablePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int,
    by pool: WorkerPool
  ) {
    nonisolated(unsafe) let (source, target) = (source, target)
    let size = Self.pieceCount
    pool.forEach((count + size - 1) / size) { _, piece in
      let start = piece * size
      (target + start).update(from: source + start, count: min(size, count - start))
    }
  }
}
