package import Kernels

/// A convolution without bias: [rows, H, W, C] to [rows, H', W', K].
package struct Convolution: Layer {
  private let input: Input
  package let output: Activation
  private let weights: Parameter
  private let prepared: PreparedPlace
  private let plan: ConvolutionPlan
  package let parameters: Range<Int>
  package let summary: String

  init(
    _ source: Activation, name: String, channels: Int, kernel: Int, stride: Int, padding: Int,
    initializer: Initializer, in plan: inout Plan
  ) {
    let shape = ConvolutionShape(
      height: source.shape.height, width: source.shape.width,
      inputChannels: source.shape.channels, outputChannels: channels, kernelHeight: kernel,
      kernelWidth: kernel, stride: stride, paddingHeight: padding, paddingWidth: padding)
    self.plan = ConvolutionPlan(shape, maximumRows: plan.maximumRows)
    weights = plan.parameter(
      name + ".weight", shape: [channels, source.shape.channels, kernel, kernel],
      layout: .convolution(
        outputChannels: channels, inputChannels: source.shape.channels, height: kernel,
        width: kernel), initializer: initializer, isWeight: true)
    input = plan.read(source, inBackward: true)
    output = plan.write(
      MapShape(height: shape.outputHeight, width: shape.outputWidth, channels: channels),
      offersStatistics: true)
    plan.scratch(floats: self.plan.scratchCount)
    prepared = plan.preparedPlace(floats: self.plan.preparedCount)
    parameters = plan.layerParameters
    summary = "conv \(kernel)x\(kernel)" + (stride == 1 ? "" : " / \(stride)")
  }

  package var multiplyAdds: Int { plan.shape.multiplyAdds }

  /// Sizes of the convolution.
  package var shape: ConvolutionShape { plan.shape }

  package func prepare(
    _ parameters: UnsafePointer<Float>, into values: UnsafeMutablePointer<Float>
  ) {
    ConvolutionKernel.prepare(
      parameters + weights.offset, plan: plan, into: values + prepared.offset)
  }

  package func forward(in pass: borrowing Pass) {
    ConvolutionKernel.forward(
      pass[input], rows: pass.rows, weights: pass[weights], prepared: pass[prepared],
      plan: plan, into: pass[output], statistics: pass.statistics(of: output), scratch: pass.scratch
    )
  }

  package func backward(in pass: borrowing Pass) {
    let outputGradient = UnsafePointer(pass.gradient(of: output))
    ConvolutionKernel.backwardWeights(
      outputGradient, input: pass[input], rows: pass.rows, plan: plan,
      into: pass.gradient(of: weights), scratch: pass.scratch)
    if let inputGradient = pass.gradient(of: input) {
      ConvolutionKernel.backwardInput(
        outputGradient, rows: pass.rows, weights: pass[weights], plan: plan, into: inputGradient,
        adding: pass.adds(to: input), scratch: pass.scratch)
    }
  }
}

extension Plan {
  /// A convolution without bias; the padding keeps the size at stride 1 unless given.
  package mutating func convolution(
    _ source: Activation, name: String, channels: Int, kernel: Int, stride: Int = 1,
    padding: Int? = nil, initializer: Initializer
  ) -> Activation {
    append(
      Convolution(
        source, name: name, channels: channels, kernel: kernel, stride: stride,
        padding: padding ?? kernel / 2, initializer: initializer, in: &self))
  }
}
