private import Preconditions

/// What every thread of a step must be told alike.
package struct OptimizerStep: @unchecked Sendable {
  /// How many updates came before this one; 0 for the first.
  package var index: Int
  package var rates: LearningRates
  /// Multiplies the gradients before anything else: clipping, or 1 / samples.
  package var gradientScale: Float
  /// One factor per tensor from `LARS.tensorFactors`; nil for the other optimizers.
  package var tensorFactors: UnsafePointer<Float>?

  package init(
    index: Int, rates: LearningRates, gradientScale: Float = 1,
    tensorFactors: UnsafePointer<Float>? = nil
  ) {
    self.index = index
    self.rates = rates
    self.gradientScale = gradientScale
    self.tensorFactors = tensorFactors
  }
}

/// A first-order optimizer over one flat parameter vector.
///
/// It is a value without memory: the state lies in flat vectors of the caller, `initialState` before
/// the first step, so that checkpoints hold it.
package protocol Optimizer: Sendable {
  /// The names of the state vectors, in order; each is as long as the parameters.
  var stateNames: [String] { get }

  /// What every element of the state vectors is before the first step.
  var initialState: Float { get }

  /// Updates parameters and state in `range`, which may be any part of the vector: every cut of the
  /// vector into ranges, on any threads, gives the same bits.
  ///
  /// `parameters` and `gradients` [groups.count], `state` [stateVectorCount, groups.count], all
  /// from their element 0; gradients are read only.
  func update(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    state: UnsafeMutablePointer<Float>, in range: Range<Int>, of groups: ParameterGroups,
    at step: OptimizerStep)
}

extension Optimizer {
  /// How many state vectors the optimizer keeps.
  package var stateVectorCount: Int { stateNames.count }

  /// Zero, but for the optimizers that say otherwise.
  package var initialState: Float { 0 }

  func check(_ range: Range<Int>, in groups: ParameterGroups) {
    require(
      range.lowerBound >= 0 && range.upperBound <= groups.count,
      "\(Self.self): range \(range) of \(groups.count) parameters")
  }
}
