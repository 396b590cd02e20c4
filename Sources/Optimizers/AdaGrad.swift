private import Kernels
private import Preconditions

/// AdaGrad (Duchi et al. 2011), as torch.optim.Adagrad.
///
/// g = gradient + weightDecay w; squares += g^2, from initialAccumulator on;
/// w -= rate / (1 + step rateDecay) * g / (sqrt(squares) + epsilon).
package struct AdaGrad: Optimizer, Equatable {
  /// As in PyTorch: `lr_decay`, `weight_decay`, `eps`.
  package let rateDecay, weightDecay, epsilon: Double
  /// Where the sums of squares start; from 0 the first step moves every weight by the whole rate.
  package let initialAccumulator: Double

  package init(
    rateDecay: Double = 0, weightDecay: Double = 0, initialAccumulator: Double = 0,
    epsilon: Double = 1e-10
  ) {
    require(
      rateDecay >= 0 && weightDecay >= 0 && initialAccumulator >= 0 && epsilon > 0,
      "AdaGrad: rate decay \(rateDecay), weight decay \(weightDecay), "
        + "initial accumulator \(initialAccumulator), epsilon \(epsilon)")
    self.rateDecay = rateDecay
    self.weightDecay = weightDecay
    self.initialAccumulator = initialAccumulator
    self.epsilon = epsilon
  }

  package var stateNames: [String] { ["sum_of_squares"] }

  package var initialState: Float { Float(initialAccumulator) }

  package func update(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    state: UnsafeMutablePointer<Float>, in range: Range<Int>, of groups: ParameterGroups,
    at step: OptimizerStep
  ) {
    check(range, in: groups)
    ParameterGroups.forEach(of: groups.spans, in: range) { _, tensor, part in
      let start = part.lowerBound
      let rate = step.rates[tensor] / (1 + Double(step.index) * rateDecay)
      OptimizerKernel.adaGrad(
        parameters + start, along: gradients + start, squares: state + start, count: part.count,
        rate: Float(rate), epsilon: Float(epsilon), decay: tensor.decays ? Float(weightDecay) : 0,
        scale: step.gradientScale)
    }
  }
}
