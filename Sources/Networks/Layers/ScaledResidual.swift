private import Kernels
private import Preconditions

/// act(scale (x + bias) + residual): the end of a block of Inception-ResNet, whose last
/// convolution has a bias.
package struct ScaledResidual: Layer {
  private let input, residual: Input
  package let output: Activation
  private let bias: Parameter
  private let scale: Float
  private let rectifies: Bool
  package let parameters: Range<Int>

  init(
    _ source: Activation, name: String, scale: Float, residual residualSource: Activation,
    rectifies: Bool, biasInitializer: Initializer, in plan: inout Plan
  ) {
    require(
      source.shape == residualSource.shape,
      "ScaledResidual: \(source.shape) beside the shortcut \(residualSource.shape)")
    let channels = source.shape.channels
    self.scale = scale
    self.rectifies = rectifies
    bias = plan.parameter(
      name + ".bias", shape: [channels], initializer: biasInitializer, isWeight: false)
    input = plan.read(source, inBackward: false)
    residual = plan.read(residualSource, inBackward: false)
    output = plan.write(source.shape)
    if rectifies { plan.keepForBackward(output) }
    plan.shareGradient(of: residual, with: output)
    plan.scratch(floats: 2 * ScaledResidualKernel.backwardScratchCount(channels: channels))
    parameters = plan.layerParameters
  }

  package var summary: String { "bias, \(scale) x + shortcut" + (rectifies ? ", relu" : "") }
  package var source: Input { input }

  package var operation: LayerOperation {
    .bias(bias, factor: scale, residual: residual, rectifies: rectifies)
  }

  package func forward(in pass: borrowing Pass) {
    ScaledResidualKernel.forward(
      pass[input], pixels: pass.rows * input.shape.pixels, channels: input.shape.channels,
      bias: pass[bias], scale: scale, residual: pass[residual], rectifies: rectifies,
      into: pass[output])
  }

  package func backward(in pass: borrowing Pass) {
    guard let inputGradient = pass.gradient(of: input) else {
      fatalError("ScaledResidual: directly on the image")
    }
    ScaledResidualKernel.backward(
      pass.gradient(of: output), output: pass[output], pixels: pass.rows * input.shape.pixels,
      channels: input.shape.channels, scale: scale, rectifies: rectifies, into: inputGradient,
      addingToInput: pass.adds(to: input), residualGradient: pass.gradient(of: residual),
      addingToResidual: pass.adds(to: residual), biasGradient: pass.gradient(of: bias),
      scratch: UnsafeMutableRawPointer(pass.scratch).assumingMemoryBound(to: Double.self))
  }
}

extension Plan {
  /// act(scale (x + bias) + residual), with a ReLU where `rectifies`.
  package mutating func scaledResidual(
    _ source: Activation, name: String, scale: Float, residual: Activation, rectifies: Bool,
    biasInitializer: Initializer
  ) -> Activation {
    append(
      ScaledResidual(
        source, name: name, scale: scale, residual: residual, rectifies: rectifies,
        biasInitializer: biasInitializer, in: &self))
  }
}
