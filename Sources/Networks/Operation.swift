/// What a node of a graph computes, in inference; a layer computes one or several of them.
package enum Operation: Sendable {
  /// Logical weights [outputs, inputs / groups, kernel height, kernel width]; no bias.
  case convolution(weights: Parameter, window: ConvolutionWindow, groups: Int)
  /// Weights [outputs, inputs] on the map flattened as [channels, height, width].
  case linear(weights: Parameter, bias: Parameter?)
  /// scale (x - mean) / sqrt(variance + epsilon) + offset; no scale stays 1.
  case batchNorm(scale: Parameter?, offset: Parameter, moments: Statistics, epsilon: Double)
  /// x + bias [channels].
  case bias(Parameter)
  /// factor x.
  case scale(Float)
  /// x + y, the two inputs.
  case add
  /// max(x, 0).
  case relu
  /// x where it is positive, slope x elsewhere; slopes [channels].
  case prelu(slopes: Parameter)
  /// Maximum over windows; padding never wins.
  case maxPool(window: Int, stride: Int, padding: Int)
  /// Root of the sum of squares over windows, zeros for padding.
  case l2Pool(window: Int, stride: Int, padding: Int)
  /// The mean of each channel's map, as a feature.
  case averagePool
  /// x; in training each feature is dropped with this probability.
  case dropout(probability: Double)
  /// The largest of as many parts of the features, which lie a whole output apart.
  case maxout(pieces: Int)
  /// x / (bias + alpha / size (sum of squares over `size` channels))^(3/4).
  case responseNorm(size: Int, alpha: Float, bias: Float)

  /// How many values it reads.
  package var inputCount: Int { if case .add = self { 2 } else { 1 } }
}

/// Where the taps of a convolution lie.
package struct ConvolutionWindow: Sendable, Hashable {
  /// The kernel, how far it moves, and the zeros on each side, in pixels.
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
