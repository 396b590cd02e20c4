package import Kernels

/// A convolution without bias: [rows, H, W, C] to [rows, H', W', K].
package struct Convolution: Layer {
  private let input: Input
  package let output: Activation
  private let weights: Parameter
  private let prepared: PreparedPlace
  private let plan: ConvolutionPlan
  private let window: ConvolutionWindow
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(
    _ draft: LayerDraft, weights: Parameter, window: ConvolutionWindow, in plan: inout Plan
  ) {
    self.weights = weights
    self.window = window
    operations = draft.operations
    parameters = draft.parameters
    let shape = ConvolutionShape(draft.input.shape, window, channels: draft.shape.channels)
    self.plan = ConvolutionPlan(
      shape, maximumRows: plan.maximumRows, precision: plan.precision)
    input = plan.read(draft.input, inBackward: true)
    output = plan.write(draft.shape, into: draft.range, offersStatistics: true)
    plan.scratch(self.plan.scratchCount, of: .float32)
    prepared = plan.preparedPlace(self.plan.preparedCount, of: .float32)
  }

  package var summary: String {
    "conv \(window.height)x\(window.width)"
      + (window.stride == 1 ? "" : " / \(window.stride)")
  }

  package var multiplyAdds: Int { plan.shape.multiplyAdds }

  package var inputs: [Input] { [input] }

  /// Sizes of the convolution.
  package var shape: ConvolutionShape { plan.shape }

  package func prepare(
    _ parameters: UnsafePointer<Float>, into memory: UnsafeMutableRawPointer
  ) {
    ConvolutionKernel.prepare(
      parameters + weights.offset, plan: plan,
      into: (memory + prepared.offset).assumingMemoryBound(to: Float.self))
  }

  package func forward(in pass: borrowing Pass) {
    ConvolutionKernel.forward(
      pass[input], rows: pass.rows, weights: pass[weights], prepared: pass[prepared],
      plan: plan, into: pass[output], statistics: pass.statistics(of: output),
      scratch: pass.scratch(as: Float.self))
  }

  package func backward(in pass: borrowing Pass) {
    let outputGradient = UnsafePointer(pass.gradient(of: output))
    ConvolutionKernel.backwardWeights(
      outputGradient, input: pass[input], rows: pass.rows, plan: plan,
      into: pass.gradient(of: weights), scratch: pass.scratch(as: Float.self))
    if let inputGradient = pass.gradient(of: input) {
      ConvolutionKernel.backwardInput(
        outputGradient, rows: pass.rows, weights: pass[weights], plan: plan, into: inputGradient,
        adding: pass.adds(to: input), scratch: pass.scratch(as: Float.self))
    }
  }
}

extension ConvolutionShape {
  /// Sizes of a convolution of a map to `channels` channels.
  fileprivate init(_ map: MapShape, _ window: ConvolutionWindow, channels: Int) {
    self.init(
      height: map.height, width: map.width, inputChannels: map.channels,
      outputChannels: channels, kernelHeight: window.height, kernelWidth: window.width,
      stride: window.stride, paddingHeight: window.paddingHeight,
      paddingWidth: window.paddingWidth)
  }
}

extension Graph {
  /// A convolution without bias; the padding keeps the size at stride 1 unless given.
  package mutating func convolution(
    _ source: Value, name: String, channels: Int, kernel: Int, stride: Int = 1,
    padding: Int? = nil, initializer: Initializer
  ) -> Value {
    convolution(
      source, name: name, channels: channels,
      window: ConvolutionWindow(
        height: kernel, width: kernel, stride: stride, paddingHeight: padding ?? kernel / 2,
        paddingWidth: padding ?? kernel / 2), initializer: initializer)
  }

  /// A convolution without bias whose kernel need not be square.
  package mutating func convolution(
    _ source: Value, name: String, channels: Int, window: ConvolutionWindow,
    initializer: Initializer
  ) -> Value {
    let weights = parameter(
      name + ".weight", shape: [channels, source.shape.channels, window.height, window.width],
      layout: .convolution(
        outputChannels: channels, inputChannels: source.shape.channels,
        height: window.height, width: window.width), initializer: initializer, isWeight: true)
    let shape = ConvolutionShape(source.shape, window, channels: channels)
    return append(
      .convolution(weights: weights, window: window, groups: 1), source,
      shape: MapShape(
        height: shape.outputHeight, width: shape.outputWidth, channels: channels))
  }
}
