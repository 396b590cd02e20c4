private import Kernels

/// The exponential moving average of weights (after Polyak and Juditsky 1992), with TensorFlow's
/// course of the decay: min(decay, n / (n + 9)) for the update that n others came before.
///
/// So the average is the weights after the first update, follows them closely in the beginning, and
/// never holds the first weights, which were drawn.
package struct WeightAverage: Sendable, Equatable {
  /// The share of the old average that an update keeps, once there have been many: 0 to 1.
  package let decay: Double

  /// An average whose decay becomes `decay`.
  package init(decay: Double) { self.decay = decay }

  /// The share of the new weights in the average after the update that `index` others came before.
  package func rate(index: Int) -> Float {
    Float(1 - min(decay, Double(index) / Double(index + 9)))
  }

  /// Moves `average` towards `values`, both from their element 0, in `range`: every cut of a vector
  /// into ranges gives the same bits.
  package func update(
    _ average: UnsafeMutablePointer<Float>, towards values: UnsafePointer<Float>,
    in range: Range<Int>, index: Int
  ) {
    OptimizerKernel.average(
      average + range.lowerBound, towards: values + range.lowerBound, count: range.count,
      rate: rate(index: index))
  }
}
