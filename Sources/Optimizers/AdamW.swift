private import Determinism
private import Kernels
private import Preconditions

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW.
package struct AdamW: Optimizer, Equatable {
  /// As in PyTorch: `betas`, `weight_decay`, `eps`.
  package let beta1, beta2, weightDecay, epsilon: Double

  package init(
    beta1: Double = 0.9, beta2: Double = 0.999, weightDecay: Double = 0.01, epsilon: Double = 1e-8
  ) {
    require(
      beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1 && weightDecay >= 0 && epsilon > 0,
      "AdamW: betas \(beta1), \(beta2), weight decay \(weightDecay), epsilon \(epsilon)")
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
    self.epsilon = epsilon
  }

  package var stateNames: [String] { ["mean", "mean_of_squares"] }

  package func update(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    state: UnsafeMutablePointer<Float>, in range: Range<Int>, of groups: ParameterGroups,
    at step: OptimizerStep
  ) {
    check(range, in: groups)
    let time = Double(step.index + 1)
    let correction1 = 1 - Elementary.pow(beta1, time)
    let correction2 = 1 - Elementary.pow(beta2, time)
    ParameterGroups.forEach(of: groups.spans, in: range) { _, tensor, part in
      let start = part.lowerBound
      let rate = step.rates[tensor]
      OptimizerKernel.adamW(
        parameters + start, along: gradients + start, means: state + start,
        squares: state + groups.count + start, count: part.count,
        factors: .init(
          keep: 1 - rate * (tensor.decays ? weightDecay : 0), rate: rate / correction1,
          beta1: beta1, beta2: beta2, correction2: correction2, epsilon: epsilon,
          scale: step.gradientScale))
    }
  }
}
