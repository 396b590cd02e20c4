private import Preconditions

/// Clipping of a gradient by its global Euclidean norm, as torch.nn.utils.clip_grad_norm_.
package struct GradientClipping: Sendable, Equatable {
  /// The norm above which gradients are scaled down.
  package let maximumNorm: Double

  /// Clips to `maximumNorm`, which must be positive.
  package init(maximumNorm: Double) {
    require(maximumNorm > 0, "GradientClipping: maximum norm \(maximumNorm) is not positive")
    self.maximumNorm = maximumNorm
  }

  /// What the gradient of norm `norm` is to be multiplied by: min(1, maximum / (norm + 1e-6)).
  package func scale(norm: Double) -> Double { min(1, maximumNorm / (norm + 1e-6)) }
}
