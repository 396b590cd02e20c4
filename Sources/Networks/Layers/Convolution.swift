package import Kernels

/// A convolution without bias: [rows, H, W, C] to [rows, H', W', K].
package struct Convolution: Layer {
  private let input: Input
  package let output: Activation
  private let weights: Parameter
  private let prepared: PreparedPlace
  private let plan: ConvolutionPlan
  private let window: ConvolutionWindow
  package let parameters: Range<Int>
  package let summary: String

  init(
    _ source: Activation, name: String, channels: Int, window: ConvolutionWindow,
    initializer: Initializer, in plan: inout Plan
  ) {
    let shape = ConvolutionShape(
      height: source.shape.height, width: source.shape.width,
      inputChannels: source.shape.channels, outputChannels: channels,
      kernelHeight: window.height, kernelWidth: window.width, stride: window.stride,
      paddingHeight: window.paddingHeight, paddingWidth: window.paddingWidth)
    self.plan = ConvolutionPlan(shape, maximumRows: plan.maximumRows)
    weights = plan.parameter(
      name + ".weight", shape: [channels, source.shape.channels, window.height, window.width],
      layout: .convolution(
        outputChannels: channels, inputChannels: source.shape.channels,
        height: window.height, width: window.width), initializer: initializer, isWeight: true)
    input = plan.read(source, inBackward: true)
    output = plan.write(
      MapShape(height: shape.outputHeight, width: shape.outputWidth, channels: channels),
      offersStatistics: true)
    plan.scratch(floats: self.plan.scratchCount)
    prepared = plan.preparedPlace(floats: self.plan.preparedCount)
    parameters = plan.layerParameters
    self.window = window
    summary =
      "conv \(window.height)x\(window.width)"
      + (window.stride == 1 ? "" : " / \(window.stride)")
  }

  package var multiplyAdds: Int { plan.shape.multiplyAdds }

  package var source: Input { input }

  package var operation: LayerOperation {
    .convolution(weights: weights, window: window, groups: 1)
  }

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
        source, name: name, channels: channels,
        window: ConvolutionWindow(
          height: kernel, width: kernel, stride: stride, paddingHeight: padding ?? kernel / 2,
          paddingWidth: padding ?? kernel / 2), initializer: initializer, in: &self))
  }

  /// A convolution without bias whose kernel need not be square.
  package mutating func convolution(
    _ source: Activation, name: String, channels: Int, window: ConvolutionWindow,
    initializer: Initializer
  ) -> Activation {
    append(
      Convolution(
        source, name: name, channels: channels, window: window, initializer: initializer,
        in: &self))
  }
}
