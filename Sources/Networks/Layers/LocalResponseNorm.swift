private import Kernels

/// Local response normalisation across five channels (Krizhevsky et al. 2012) with the constants of
/// GoogLeNet: x / (1 + 1e-4 / 5 * sum of squares)^(3/4).
package struct LocalResponseNorm: Layer {
  private static let size = 5
  private static let alpha: Float = 1e-4
  private static let bias: Float = 1

  private let input: Input
  package let output: Activation
  package let parameters: Range<Int>

  init(_ source: Activation, in plan: inout Plan) {
    input = plan.read(source, inBackward: true)
    output = plan.write(source.shape)
    plan.scratch(
      floats: LocalResponseNormKernel.scratchCount(
        channels: source.shape.channels, size: Self.size))
    parameters = plan.layerParameters
  }

  package var summary: String { "response norm \(Self.size)" }

  package var source: Input { input }

  package var operation: LayerOperation {
    .responseNorm(size: Self.size, alpha: Self.alpha, bias: Self.bias)
  }

  package func forward(in pass: borrowing Pass) {
    LocalResponseNormKernel.forward(
      pass[input], pixels: pass.rows * input.shape.pixels, channels: input.shape.channels,
      size: Self.size, alpha: Self.alpha, bias: Self.bias, into: pass[output],
      scratch: pass.scratch)
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else { return }
    LocalResponseNormKernel.backward(
      pass.gradient(of: output), input: pass[input], pixels: pass.rows * input.shape.pixels,
      channels: input.shape.channels, size: Self.size, alpha: Self.alpha, bias: Self.bias,
      into: inputGradient, addingToInput: pass.adds(to: input), scratch: pass.scratch)
  }
}

extension Plan {
  /// Local response normalisation.
  package mutating func responseNorm(_ source: Activation) -> Activation {
    append(LocalResponseNorm(source, in: &self))
  }
}
