private import Preconditions
private import Kernels

/// AdaGrad (Duchi et al. 2011), as torch.optim.Adagrad: its sum of squares starts at 0.
///
/// g = gradient + weightDecay w; squares += g^2;
/// w -= rate / (1 + step rateDecay) * g / (sqrt(squares) + epsilon).
package struct AdaGrad: Optimizer, Equatable {
  package let rateDecay, weightDecay, epsilon: Double

  package init(rateDecay: Double = 0, weightDecay: Double = 0, epsilon: Double = 1e-10) {
    require(
      rateDecay >= 0 && weightDecay >= 0 && epsilon > 0,
      "AdaGrad: rate decay \(rateDecay), weight decay \(weightDecay), epsilon \(epsilon)")
    self.rateDecay = rateDecay
    self.weightDecay = weightDecay
    self.epsilon = epsilon
  }

  package var stateNames: [String] { ["sum_of_squares"] }

  package func update(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    state: UnsafeMutablePointer<Float>, in range: Range<Int>, of groups: ParameterGroups,
    at step: OptimizerStep
  ) {
    check(range, in: groups)
    ParameterGroups.forEach(of: groups.spans, in: range) { _, tensor, part in
      let start = part.lowerBound
      let rate = step.rates[tensor.part] / (1 + Double(step.index) * rateDecay)
      OptimizerKernel.adaGrad(
        parameters + start, along: gradients + start, squares: state + start, count: part.count,
        rate: Float(rate), epsilon: Float(epsilon), decay: tensor.decays ? Float(weightDecay) : 0,
        scale: step.gradientScale)
    }
  }
}
