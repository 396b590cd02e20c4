internal import Kernels
package import Threads

/// A copy of parameters and vectors of a state, in memory that stays from one checkpoint to the
/// next: a thread writes a file from it while steps change the state.
package final class StateCopy: @unchecked Sendable {
  /// Elements of the parameters, and of each vector.
  package let parameterCount: Int
  private let vectorCount: Int
  private let memory: AlignedMemory

  /// Elements that a worker copies at a time: 4 MiB, of which it has the bandwidth of memory.
  private static let pieceCount = 1 << 20

  /// Memory for the parameters and vectors of `state`, filled with zeros, so that the first
  /// checkpoint finds it there.
  package init(of state: ModelState) {
    parameterCount = state.parameterCount
    vectorCount = state.vectors.count
    memory = AlignedMemory(count: parameterCount * (1 + vectorCount), fill: 0)
  }

  /// Bytes of a copy of that many parameters with that many vectors.
  package static func bytes(parameterCount: Int, vectorCount: Int) -> Int {
    4 * parameterCount * (1 + vectorCount)
  }

  package var bytes: Int { memory.bytes }

  /// The parameters [parameterCount], in the flat vector's order.
  package var parameters: UnsafeMutablePointer<Float> { memory.pointer }

  /// Vector number `index` [parameterCount], in the flat vector's order.
  package func vector(_ index: Int) -> UnsafeMutablePointer<Float> {
    memory.pointer + (1 + index) * parameterCount
  }

  /// Copies the parameters and, with `withVectors`, the vectors of `state`, on all workers of
  /// `pool`, which must be free.
  package func take(_ state: ModelState, withVectors: Bool = true, by pool: WorkerPool) {
    copy(state.parameters, to: parameters, count: parameterCount, by: pool)
    guard withVectors, vectorCount > 0 else { return }
    copy(state.vectorsPointer, to: vector(0), count: vectorCount * parameterCount, by: pool)
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
