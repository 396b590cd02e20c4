private import Kernels
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
  /// Vectors [parameterCount] that the optimizer keeps, such as momentum.
  package let optimizerVectorCount: Int

  package init(
    descriptions: [ParameterDescription], statistics: [StatisticsDescription],
    optimizerVectorCount: Int
  ) {
    self.descriptions = descriptions
    statisticsDescriptions = statistics
    parameterCount = descriptions.last?.range.upperBound ?? 0
    statisticsCount = statistics.reduce(0) { $0 + 2 * $1.channels }
    self.optimizerVectorCount = optimizerVectorCount
    parameterMemory = AlignedMemory(count: parameterCount, fill: 0)
    statisticsMemory = AlignedMemory(count: statisticsCount, fill: 0)
    optimizerMemory = AlignedMemory(count: parameterCount * optimizerVectorCount, fill: 0)
  }

  /// The flat parameter vector [parameterCount].
  package var parameters: UnsafeMutablePointer<Float> { parameterMemory.pointer }

  /// Running means and variances [statisticsCount].
  package var statistics: UnsafeMutablePointer<Float> { statisticsMemory.pointer }

  /// The optimizer's vectors, one after another [optimizerVectorCount][parameterCount].
  package var optimizer: UnsafeMutablePointer<Float> { optimizerMemory.pointer }

  package var bytes: Int {
    parameterMemory.bytes + statisticsMemory.bytes + optimizerMemory.bytes
  }

  /// Sets every tensor to its first values, a function of `seed`; optimizer vectors to
  /// `optimizerValue`.
  package func initialize(seed: UInt64, optimizerValue: Float, pool: WorkerPool) {
    nonisolated(unsafe) let state = self
    pool.forEach(descriptions.count) { _, i in
      let description = state.descriptions[i]
      description.initialize(state.parameters + description.range.lowerBound, seed: seed)
    }
    for entry in statisticsDescriptions {
      for i in entry.means { statistics[i] = 0 }
      for i in entry.variances { statistics[i] = 1 }
    }
    optimizer.update(
      repeating: optimizerValue, count: parameterCount * optimizerVectorCount)
  }
}
