package import Kernels
private import Preconditions

/// A convolution without bias whose channels meet in groups of one (depthwise) or two: [rows, H, W,
/// C] to [rows, H', W', C].
package struct GroupedConvolution: Layer {
  private let input: Input
  package let output: Activation
  private let weights: Parameter
  /// Sizes of the convolution.
  package let shape: GroupedConvolutionShape
  package let operations: [Operation]
  package let parameters: Range<Int>

  init(
    _ draft: LayerDraft, weights: Parameter, window: ConvolutionWindow, groups: Int,
    in plan: inout Plan
  ) {
    self.weights = weights
    operations = draft.operations
    parameters = draft.parameters
    shape = GroupedConvolutionShape(draft.input.shape, window, groups: groups)
    input = plan.read(draft.input, inBackward: true)
    output = plan.write(draft.shape, into: draft.range, offersStatistics: true)
    plan.scratch(GroupedConvolutionKernel.scratchCount(shape), of: .float64)
  }

  package var summary: String {
    (shape.groupWidth == 1 ? "depthwise" : "conv in \(shape.channels / shape.groupWidth) groups")
      + " \(shape.kernel)x\(shape.kernel)" + (shape.stride == 1 ? "" : " / \(shape.stride)")
  }

  package var multiplyAdds: Int { shape.multiplyAdds }

  package var inputs: [Input] { [input] }

  package func forward(in pass: borrowing Pass) {
    GroupedConvolutionKernel.forward(
      pass[input], rows: pass.rows, weights: pass[weights], shape: shape, into: pass[output],
      statistics: pass.statistics(of: output))
  }

  package func backward(in pass: borrowing Pass) {
    let outputGradient = UnsafePointer(pass.gradient(of: output))
    GroupedConvolutionKernel.backwardWeights(
      outputGradient, input: pass[input], rows: pass.rows, shape: shape,
      into: pass.gradient(of: weights),
      scratch: pass.scratch(as: Double.self))
    if let inputGradient = pass.gradient(of: input) {
      GroupedConvolutionKernel.backwardInput(
        outputGradient, rows: pass.rows, weights: pass[weights], shape: shape,
        into: inputGradient, adding: pass.adds(to: input))
    }
  }
}

extension GroupedConvolutionShape {
  /// Sizes of a convolution of a map in `groups`, whose kernel is square.
  fileprivate init(_ map: MapShape, _ window: ConvolutionWindow, groups: Int) {
    self.init(
      height: map.height, width: map.width, channels: map.channels,
      groupWidth: map.channels / groups, kernel: window.height, stride: window.stride,
      padding: window.paddingHeight)
  }
}

extension Graph {
  /// A convolution without bias in `groups` of one or two channels; the padding keeps the size at
  /// stride 1 unless given.
  package mutating func groupedConvolution(
    _ source: Value, name: String, groups: Int, kernel: Int, stride: Int = 1,
    padding: Int? = nil, initializer: Initializer
  ) -> Value {
    let channels = source.shape.channels
    require(
      groups > 1 && channels % groups == 0,
      "Graph: a convolution in \(groups) groups of \(channels) channels")
    let weights = parameter(
      name + ".weight", shape: [channels, channels / groups, kernel, kernel],
      layout: .grouped(channels: channels, groupWidth: channels / groups, taps: kernel * kernel),
      initializer: initializer, isWeight: true)
    let window = ConvolutionWindow(
      height: kernel, width: kernel, stride: stride, paddingHeight: padding ?? kernel / 2,
      paddingWidth: padding ?? kernel / 2)
    let shape = GroupedConvolutionShape(source.shape, window, groups: groups)
    return append(
      .convolution(weights: weights, window: window, groups: groups), source,
      shape: MapShape(
        height: shape.outputHeight, width: shape.outputWidth, channels: channels))
  }
}
