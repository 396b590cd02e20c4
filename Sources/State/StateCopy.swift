internal import Kernels
private import Preconditions
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

  /// Copies the parameters and vectors of `state`, on all workers of `pool`, which must be free.
  package func take(_ state: ModelState, by pool: WorkerPool) {
    begin(state, vectorRanges: Array(repeating: ranges, count: vectorCount), by: pool)
    pool.wait()
  }

  /// Begins to copy the parameters of `state` and of each of its vectors what lies in its
  /// `vectorRanges`, by vector, on all workers of `pool`, which must be free, and returns at once.
  ///
  /// Whoever calls it waits for the pool before `state` changes; other places of the copy's vectors
  /// may be written to meanwhile.
  package func begin(_ state: ModelState, vectorRanges: [[Range<Int>]], by pool: WorkerPool) {
    require(
      state.parameterCount == parameterCount && state.vectors.count == vectorCount
        && vectorRanges.count == vectorCount,
      "StateCopy.begin: \(state.parameterCount) parameters and \(state.vectors.count) vectors, "
        + "\(vectorRanges.count) lists of ranges, into \(parameterCount) and \(vectorCount)")
    var pieces = Self.pieces(of: ranges, from: state.parameters, to: parameters)
    for (index, ranges) in vectorRanges.enumerated() where !ranges.isEmpty {
      pieces += Self.pieces(of: ranges, from: state.vector(index), to: vector(index))
    }
    let counter = SharedCounter()
    pool.start { [pieces] _ in
      while true {
        let index = counter.next()
        if index >= pieces.count { return }
        pieces[index].copy()
      }
    }
  }

  /// What a worker copies at a time.
  private struct Piece {
    let source: UnsafePointer<Float>
    let target: UnsafeMutablePointer<Float>
    let count: Int

    func copy() { target.update(from: source, count: count) }
  }

  private static func pieces(
    of ranges: [Range<Int>], from source: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>
  ) -> [Piece] {
    ranges.flatMap { range in
      stride(from: range.lowerBound, to: range.upperBound, by: pieceCount).map { start in
        Piece(
          source: source + start, target: target + start,
          count: min(pieceCount, range.upperBound - start))
      }
    }
  }
}
