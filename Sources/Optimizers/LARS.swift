private import Kernels
private import Preconditions

/// Layer-wise adaptive rates (You et al. 2017, arXiv 1708.03888) over momentum descent.
///
/// Per tensor: factor = trust ||w|| / (||g|| + weightDecay ||w|| + epsilon);
/// velocity = momentum velocity + factor (g + weightDecay w); w -= rate velocity.
package struct LARS: Optimizer, Equatable {
  /// The constants of the rule above.
  package let trust, momentum, weightDecay, epsilon: Double
  /// Whether tensors without weight decay (biases, batch norm) adapt too; if not, their factor is
  /// 1.
  package let adaptsUndecayed: Bool

  package init(
    trust: Double = 0.001, momentum: Double = 0.9, weightDecay: Double = 0,
    epsilon: Double = 1e-8, adaptsUndecayed: Bool = false
  ) {
    require(
      trust > 0 && momentum >= 0 && momentum < 1 && weightDecay >= 0 && epsilon >= 0,
      "LARS: trust \(trust), momentum \(momentum), decay \(weightDecay), epsilon \(epsilon)")
    self.trust = trust
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.epsilon = epsilon
    self.adaptsUndecayed = adaptsUndecayed
  }

  package var stateNames: [String] { ["momentum"] }
  package var needsTensorFactors: Bool { true }

  /// Overwrites `factors` [tensors] with the factor of each tensor, 1 where either norm is 0.
  ///
  /// `parameterSums` and `gradientSums` are `TensorBlocks.sumsOfSquares` of the two vectors;
  /// `gradientScale` is that of the step.
  package func tensorFactors(
    parameterSums: UnsafePointer<Double>, gradientSums: UnsafePointer<Double>,
    blocks: TensorBlocks, of groups: ParameterGroups, gradientScale: Float,
    into factors: UnsafeMutablePointer<Float>
  ) {
    require(
      blocks.blocksOfTensor.count == groups.tensors.count,
      "LARS: blocks of \(blocks.blocksOfTensor.count) tensors, groups of \(groups.tensors.count)")
    for (index, tensor) in groups.tensors.enumerated() {
      let parameterNorm = blocks.norm(ofTensor: index, from: parameterSums)
      let gradientNorm =
        blocks.norm(ofTensor: index, from: gradientSums) * Double(gradientScale.magnitude)
      let decay = tensor.decays ? weightDecay : 0
      if parameterNorm > 0 && gradientNorm > 0 && (tensor.decays || adaptsUndecayed) {
        factors[index] = Float(
          trust * parameterNorm / (gradientNorm + decay * parameterNorm + epsilon))
      } else {
        factors[index] = 1
      }
    }
  }

  package func update(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    state: UnsafeMutablePointer<Float>, in range: Range<Int>, of groups: ParameterGroups,
    at step: OptimizerStep
  ) {
    check(range, in: groups)
    require(
      step.tensorFactors != nil,
      "LARS: the step has no tensor factors for \(groups.tensors.count) tensors")
    let factors = step.tensorFactors!
    ParameterGroups.forEach(of: groups.tensors, in: range) { index, tensor, part in
      let start = part.lowerBound
      OptimizerKernel.momentum(
        parameters + start, along: gradients + start, velocity: state + start, count: part.count,
        rate: Float(step.rates[tensor]), momentum: Float(momentum), nesterov: false,
        decay: tensor.decays ? Float(weightDecay) : 0, scale: step.gradientScale,
        factor: factors[index])
    }
  }
}
