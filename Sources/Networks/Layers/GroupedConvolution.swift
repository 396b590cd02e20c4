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
  package let parameters: Range<Int>

  init(
    _ source: Activation, name: String, groups: Int, kernel: Int, stride: Int, padding: Int,
    initializer: Initializer, in plan: inout Plan
  ) {
    let channels = source.shape.channels
    require(
      groups > 0 && channels % groups == 0,
      "GroupedConvolution: \(groups) groups of \(channels) channels")
    shape = GroupedConvolutionShape(
      height: source.shape.height, width: source.shape.width, channels: channels,
      groupWidth: channels / groups, kernel: kernel, stride: stride, padding: padding)
    weights = plan.parameter(
      name + ".weight", shape: [channels, channels / groups, kernel, kernel],
      layout: .grouped(channels: channels, groupWidth: channels / groups, taps: kernel * kernel),
      initializer: initializer, isWeight: true)
    input = plan.read(source, inBackward: true)
    output = plan.write(
      MapShape(height: shape.outputHeight, width: shape.outputWidth, channels: channels),
      offersStatistics: true)
    plan.scratch(floats: 2 * GroupedConvolutionKernel.scratchCount(shape))
    parameters = plan.layerParameters
  }

  package var summary: String {
    (shape.groupWidth == 1 ? "depthwise" : "conv in \(shape.channels / shape.groupWidth) groups")
      + " \(shape.kernel)x\(shape.kernel)" + (shape.stride == 1 ? "" : " / \(shape.stride)")
  }

  package var multiplyAdds: Int { shape.multiplyAdds }

  package var source: Input { input }

  package var operation: LayerOperation {
    .convolution(
      weights: weights,
      window: ConvolutionWindow(
        height: shape.kernel, width: shape.kernel, stride: shape.stride,
        paddingHeight: shape.padding, paddingWidth: shape.padding),
      groups: shape.channels / shape.groupWidth)
  }

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
      scratch: UnsafeMutableRawPointer(pass.scratch).assumingMemoryBound(to: Double.self))
    if let inputGradient = pass.gradient(of: input) {
      GroupedConvolutionKernel.backwardInput(
        outputGradient, rows: pass.rows, weights: pass[weights], shape: shape,
        into: inputGradient, adding: pass.adds(to: input))
    }
  }
}

extension Plan {
  /// A convolution without bias in `groups` of one or two channels; the padding keeps the size at
  /// stride 1 unless given.
  package mutating func groupedConvolution(
    _ source: Activation, name: String, groups: Int, kernel: Int, stride: Int = 1,
    padding: Int? = nil, initializer: Initializer
  ) -> Activation {
    append(
      GroupedConvolution(
        source, name: name, groups: groups, kernel: kernel, stride: stride,
        padding: padding ?? kernel / 2, initializer: initializer, in: &self))
  }
}
