private import Kernels

/// Local response normalisation across channels (Krizhevsky et al. 2012): x / (bias + alpha / size
/// * sum of squares)^(3/4).
package struct LocalResponseNorm: Layer {
  private let input: Input
  package let output: Activation
  private let size: Int
  private let alpha, bias: Float
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(_ draft: LayerDraft, size: Int, alpha: Float, bias: Float, in plan: inout Plan) {
    self.size = size
    self.alpha = alpha
    self.bias = bias
    operations = draft.operations
    parameters = draft.parameters
    input = plan.read(draft.input, inBackward: true)
    output = plan.write(draft.shape)
    plan.scratch(
      LocalResponseNormKernel.scratchCount(channels: draft.shape.channels, size: size),
      of: .float32)
  }

  package var summary: String { "response norm \(size)" }
  package var inputs: [Input] { [input] }

  package func forward(in pass: borrowing Pass) {
    LocalResponseNormKernel.forward(
      pass[input], pixels: pass.rows * input.shape.pixels, channels: input.shape.channels,
      size: size, alpha: alpha, bias: bias, into: pass[output],
      scratch: pass.scratch(as: Float.self))
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else { return }
    LocalResponseNormKernel.backward(
      pass.gradient(of: output), input: pass[input], pixels: pass.rows * input.shape.pixels,
      channels: input.shape.channels, size: size, alpha: alpha, bias: bias,
      into: inputGradient, addingToInput: pass.adds(to: input),
      scratch: pass.scratch(as: Float.self))
  }
}

extension Graph {
  /// Local response normalisation with the constants of GoogLeNet: across five channels, x / (1 +
  /// 1e-4 / 5 * sum of squares)^(3/4).
  package mutating func responseNorm(_ source: Value) -> Value {
    append(.responseNorm(size: 5, alpha: 1e-4, bias: 1), source, shape: source.shape)
  }
}
