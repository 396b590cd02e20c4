package import Threads
internal import Kernels
package import Networks

/// Everything that a step changes: one flat vector of parameters (backbone, then loss head),
/// running moments, and the optimizer's vectors. One copy per rank, shared by its workers.
package final class ModelState {
  /// Every tensor of `parameters`, in order; the head's names begin with `head.`.
  package let descriptions: [ParameterDescription]
  package let statisticsDescriptions: [StatisticsDescription]
  package let parameterCount: Int
  package let statisticsCount: Int
  private let parameterMemory: AlignedMemory
  private let statisticsMemory: AlignedMemory
  private let optimizerMemory: AlignedMemory
  /// The optimizer's vectors where each rank keeps a part of them, else nothing.
  private let reserved: ReservedMemory
  private let isReserved: Bool
  /// Vectors [parameterCount] that the optimizer keeps, such as momentum.
  package let optimizerVectorCount: Int

  package init(
    descriptions: [ParameterDescription], statistics: [StatisticsDescription],
    optimizerVectorCount: Int, keepsPartOfOptimizer: Bool = false
  ) {
    self.descriptions = descriptions
    statisticsDescriptions = statistics
    parameterCount = descriptions.last?.range.upperBound ?? 0
    statisticsCount = statistics.reduce(0) { $0 + 2 * $1.channels }
    self.optimizerVectorCount = optimizerVectorCount
    parameterMemory = AlignedMemory(count: parameterCount, fill: 0)
    statisticsMemory = AlignedMemory(count: statisticsCount, fill: 0)
    let count = parameterCount * optimizerVectorCount
    isReserved = keepsPartOfOptimizer
    optimizerMemory = AlignedMemory(count: isReserved ? 0 : count, fill: 0)
    reserved = ReservedMemory(count: isReserved ? count : 0)
  }

  /// The flat parameter vector [parameterCount].
  package var parameters: UnsafeMutablePointer<Float> { parameterMemory.pointer }

  /// Running means and variances [statisticsCount].
  package var statistics: UnsafeMutablePointer<Float> { statisticsMemory.pointer }

  /// The optimizer's vectors, one after another [optimizerVectorCount][parameterCount].
  ///
  /// Where a rank keeps a part of them, the rest is address space that reads as 0.
  package var optimizer: UnsafeMutablePointer<Float> {
    isReserved ? reserved.pointer : optimizerMemory.pointer
  }

  /// The last of the optimizer's vectors, where a run with `Reduction.bf16` keeps what rounding has
  /// taken away [parameterCount].
  package var residual: UnsafeMutablePointer<Float> {
    optimizer + (optimizerVectorCount - 1) * parameterCount
  }

  /// Bytes of the vectors, where the optimizer's are whole; of a part, those of that part.
  package func bytes(keeping ownRanges: [Range<Int>]?) -> Int {
    let kept = ownRanges.map { $0.reduce(0) { $0 + $1.count } } ?? parameterCount
    return parameterMemory.bytes + statisticsMemory.bytes + 4 * kept * optimizerVectorCount
  }

  /// Sets the optimizer's vectors to 0 outside of `ranges`, ascending or descending, and gives the
  /// memory back.
  package func keepOptimizer(only ranges: [Range<Int>]) {
    guard isReserved else { return }
    for vector in 0..<optimizerVectorCount {
      var end = 0
      for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound })
        + [parameterCount..<parameterCount]
      {
        if range.lowerBound > end {
          let start = vector * parameterCount
          reserved.release(start + end..<start + range.lowerBound)
        }
        end = max(end, range.upperBound)
      }
    }
  }

  /// Sets every tensor to its first values, a function of `seed`; optimizer vectors to 0.
  package func initialize(seed: UInt64, pool: WorkerPool) {
    nonisolated(unsafe) let state = self
    pool.forEach(descriptions.count) { _, i in
      let description = state.descriptions[i]
      description.initialize(state.parameters + description.range.lowerBound, seed: seed)
    }
    for entry in statisticsDescriptions {
      for i in entry.means { statistics[i] = 0 }
      for i in entry.variances { statistics[i] = 1 }
    }
    if !isReserved { optimizer.update(repeating: 0, count: parameterCount * optimizerVectorCount) }
  }
}
