package import Kernels

/// What a layer computes in inference, for those who write it down in another form.
package enum LayerOperation: Sendable {
  /// Logical weights [outputs, inputs / groups, kernel height, kernel width]; no bias.
  case convolution(weights: Parameter, window: ConvolutionWindow, groups: Int)
  /// act(scale (x - mean) / sqrt(variance + epsilon) + offset + residual); no scale stays 1.
  case batchNorm(
    scale: Parameter?, offset: Parameter, moments: Statistics, epsilon: Double, residual: Input?,
    activation: ActivationFunction, slopes: Parameter?)
  /// act(factor (x + bias) + residual), where `rectifies` a ReLU.
  case bias(Parameter, factor: Float, residual: Input?, rectifies: Bool)
  /// Weights [outputs, inputs] on the map flattened as [channels, height, width].
  case linear(weights: Parameter, bias: Parameter?)
  /// Maximum over windows; padding never wins.
  case maxPool(window: Int, stride: Int, padding: Int)
  /// Root of the sum of squares over windows, zeros for padding.
  case l2Pool(window: Int, stride: Int, padding: Int)
  /// The mean of each channel's map, as a feature.
  case averagePool
  case dropout
  /// The largest of as many parts of the features, which lie a whole output apart.
  case maxout(pieces: Int)
  /// x / (bias + alpha / size (sum of squares over `size` channels))^(3/4).
  case responseNorm(size: Int, alpha: Float, bias: Float)
}

/// Where the taps of a convolution lie.
package struct ConvolutionWindow: Sendable, Hashable {
  package let height, width, stride, paddingHeight, paddingWidth: Int

  /// Sizes in pixels.
  package init(height: Int, width: Int, stride: Int, paddingHeight: Int, paddingWidth: Int) {
    self.height = height
    self.width = width
    self.stride = stride
    self.paddingHeight = paddingHeight
    self.paddingWidth = paddingWidth
  }
}

extension Network {
  /// The description of a layer's parameter.
  package func description(of parameter: Parameter) -> ParameterDescription {
    parameters.first { $0.range.lowerBound == parameter.offset && !$0.range.isEmpty }!
  }

  /// The description of a layer's running moments.
  package func description(of moments: Statistics) -> StatisticsDescription {
    statistics.first { $0.offset == moments.offset }!
  }
}
