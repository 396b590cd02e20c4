/// What a loss found out about one microbatch: sums over its samples, divided by nothing.
package struct LossValue: Sendable, Equatable {
  /// The sum of the losses of the samples.
  package var lossSum: Double
  /// How many samples score their own class, without margin, strictly above all others.
  package var correctCount: Int
  /// The sum of the cosines between each embedding and the weights of its class.
  package var targetCosineSum: Double

  /// Sums over the samples of a microbatch.
  package init(lossSum: Double = 0, correctCount: Int = 0, targetCosineSum: Double = 0) {
    self.lossSum = lossSum
    self.correctCount = correctCount
    self.targetCosineSum = targetCosineSum
  }
}
