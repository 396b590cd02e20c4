private import Kernels

/// max(x + bias, 0), what follows a convolution where there is no batch norm.
package struct BiasReLU: Layer {
  private let input: Input
  package let output: Activation
  private let bias: Parameter
  package let parameters: Range<Int>

  init(_ source: Activation, name: String, into range: ChannelRange?, in plan: inout Plan) {
    let channels = source.shape.channels
    bias = plan.parameter(
      name + ".bias", shape: [channels], initializer: .constant(0), isWeight: false)
    input = plan.read(source, inBackward: false)
    output = plan.write(source.shape, into: range)
    plan.keepForBackward(output)
    plan.shareGradient(of: input, with: output)
    plan.scratch(floats: 2 * BiasReLUKernel.backwardScratchCount(channels: channels))
    parameters = plan.layerParameters
  }

  package var summary: String { "bias, relu" }
  package var source: Input { input }

  package var operation: LayerOperation { .bias(bias, factor: 1, residual: nil, rectifies: true) }

  package func forward(in pass: borrowing Pass) {
    BiasReLUKernel.forward(
      pass[input], pixels: pass.rows * input.shape.pixels, channels: input.shape.channels,
      bias: pass[bias], into: pass[output], outputStride: output.stride)
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else {
      fatalError("BiasReLU: directly on the image")
    }
    BiasReLUKernel.backward(
      pass.gradient(of: output), output: pass[output], outputStride: output.stride,
      pixels: pass.rows * input.shape.pixels, channels: input.shape.channels,
      into: inputGradient, addingToInput: pass.adds(to: input),
      biasGradient: pass.gradient(of: bias),
      scratch: UnsafeMutableRawPointer(pass.scratch).assumingMemoryBound(to: Double.self))
  }
}

extension Plan {
  /// Bias and ReLU; the output goes into `range` of a concatenation if that is given.
  package mutating func biasReLU(
    _ source: Activation, name: String, into range: ChannelRange? = nil
  ) -> Activation {
    append(BiasReLU(source, name: name, into: range, in: &self))
  }
}
