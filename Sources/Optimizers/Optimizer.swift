private import Preconditions

/// What every thread of a step must be told alike.
package struct OptimizerStep: @unchecked Sendable {
  /// How many updates came before this one; 0 for the first.
  package var index: Int
  /// The rates in force.
  package var rates: LearningRates
  /// Multiplies the gradients before anything else: clipping, or 1 / samples.
  package var gradientScale: Float
  /// One factor per tensor from `Optimizer.tensorFactors`, for those optimizers that need them.
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
/// It is a value without memory: the state lies in flat vectors of the caller, `initialState`
/// before the first step, so that checkpoints hold it.
package protocol Optimizer: Sendable {
  /// The names of the state vectors, in order; each is as long as the parameters.
  var stateNames: [String] { get }

  /// What every element of the state vectors is before the first step.
  var initialState: Float { get }

  /// Whether updates want `tensorFactors` in their step.
  var needsTensorFactors: Bool { get }

  /// Overwrites `factors` [groups.tensors.count] from the norms of each tensor: `parameterSums` and
  /// `gradientSums` are `TensorBlocks.sumsOfSquares` of the two vectors, `gradientScale` is that of
  /// the step.
  func tensorFactors(
    parameterSums: UnsafePointer<Double>, gradientSums: UnsafePointer<Double>,
    blocks: TensorBlocks, of groups: ParameterGroups, gradientScale: Float,
    into factors: UnsafeMutablePointer<Float>)

  /// Updates parameters and state in `range`, which may be any part of the vector: every cut of the
  /// vector into ranges, on any threads, gives the same bits.
  ///
  /// `parameters` and `gradients` [groups.count], `state` [stateNames.count, groups.count], all
  /// from their element 0; gradients are read only.
  func update(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    state: UnsafeMutablePointer<Float>, in range: Range<Int>, of groups: ParameterGroups,
    at step: OptimizerStep)
}

extension Optimizer {
  /// Zero, but for the optimizers that say otherwise.
  package var initialState: Float { 0 }

  /// No, but for the optimizers that say otherwise.
  package var needsTensorFactors: Bool { false }

  /// 1 for every tensor.
  package func tensorFactors(
    parameterSums: UnsafePointer<Double>, gradientSums: UnsafePointer<Double>,
    blocks: TensorBlocks, of groups: ParameterGroups, gradientScale: Float,
    into factors: UnsafeMutablePointer<Float>
  ) {
    factors.update(repeating: 1, count: groups.tensors.count)
  }

  func check(_ range: Range<Int>, in groups: ParameterGroups) {
    require(
      range.lowerBound >= 0 && range.upperBound <= groups.count,
      "\(Self.self): range \(range) of \(groups.count) parameters")
  }
}
