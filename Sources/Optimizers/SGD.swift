private import Kernels
private import Preconditions

/// Stochastic gradient descent with momentum, as torch.optim.SGD with dampening 0.
///
/// g = gradient + weightDecay w; velocity = momentum velocity + g;
/// w -= rate * (nesterov ? g + momentum velocity : velocity).
package struct SGD: Optimizer, Equatable {
  /// As in PyTorch.
  package let momentum, weightDecay: Double
  /// Whether the step looks ahead along the momentum (Nesterov 1983).
  package let nesterov: Bool

  /// SGD as PyTorch has it, without dampening.
  package init(momentum: Double = 0.9, weightDecay: Double = 0, nesterov: Bool = false) {
    require(
      momentum >= 0 && momentum < 1 && weightDecay >= 0 && (!nesterov || momentum > 0),
      "SGD: momentum \(momentum), weight decay \(weightDecay), nesterov \(nesterov)")
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.nesterov = nesterov
  }

  package var stateNames: [String] { ["momentum"] }

  package func update(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    state: UnsafeMutablePointer<Float>, in range: Range<Int>, of groups: ParameterGroups,
    at step: OptimizerStep
  ) {
    check(range, in: groups)
    ParameterGroups.forEach(of: groups.spans, in: range) { _, tensor, part in
      let start = part.lowerBound
      OptimizerKernel.momentum(
        parameters + start, along: gradients + start, velocity: state + start, count: part.count,
        rate: Float(step.rates[tensor]), momentum: Float(momentum), nesterov: nesterov,
        decay: tensor.decays ? Float(weightDecay) : 0, scale: step.gradientScale, factor: 1)
    }
  }
}
