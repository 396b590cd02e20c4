/// One step of a network.
///
/// A layer describes: what it reads, what it writes, which parameters it has. It owns no memory.
/// It is made against a `Plan`, and from then on runs in any `Pass` over memory laid out by it.
package protocol Layer: Sendable {
  /// The range of the flat parameter vector that belongs to this layer; empty, at its place, if
  /// none.
  var parameters: Range<Int> { get }

  /// What the layer computes, for the model table, such as `conv 3x3 / 2`.
  var summary: String { get }

  /// The activations that the layer reads, in the order in which `operations` take them.
  var inputs: [Input] { get }

  /// The activation that the layer writes.
  var output: Activation { get }

  /// What the layer computes, one after the other: the first operation takes the first inputs, each
  /// of the others what the one before it gave and, if it takes two, the next input.
  var operations: [Operation] { get }

  /// Multiply-adds for one image.
  var multiplyAdds: Int { get }

  /// Transforms the layer's weights, out of all `parameters`, to its place in `prepared`, for
  /// passes that share them; most layers have nothing to transform.
  func prepare(_ parameters: UnsafePointer<Float>, into prepared: UnsafeMutableRawPointer)

  /// Computes the output activation from the inputs.
  func forward(in pass: borrowing Pass)

  /// Computes the inputs' gradients (overwrites or adds, as the plan decided) and overwrites the
  /// gradients of the layer's parameters.
  func backward(in pass: borrowing Pass)
}

extension Layer {
  package var multiplyAdds: Int { 0 }

  package func prepare(
    _ parameters: UnsafePointer<Float>, into prepared: UnsafeMutableRawPointer
  ) {}
}

/// A layer before it has memory: the operations that it computes at once, and what they read and
/// write.
struct LayerDraft {
  /// As in `Layer`.
  let operations: [Operation]
  let inputs: [Activation]
  /// The shape of the output.
  let shape: MapShape
  /// The channels of a concatenation that the output goes into.
  let range: Activation?
  let parameters: Range<Int>
  /// The layer's number in its network, however its operations are computed.
  let number: Int

  var input: Activation { inputs[0] }

  /// Makes the layer, and books with `plan` what it needs.
  func layer(in plan: inout Plan) -> any Layer {
    switch operations[0] {
    case .convolution(let weights, let window, groups: 1):
      Convolution(self, weights: weights, window: window, in: &plan)
    case .convolution(let weights, let window, let groups):
      GroupedConvolution(self, weights: weights, window: window, groups: groups, in: &plan)
    case .linear(let weights, let bias):
      Linear(self, weights: weights, bias: bias, in: &plan)
    case .batchNorm(let scale, let offset, let moments, let epsilon):
      BatchNorm(
        self, scale: scale, offset: offset, running: moments, epsilon: epsilon, in: &plan)
    case .bias, .scale, .add, .relu, .prelu: Elementwise(self, in: &plan)
    case .maxPool(let window, let stride, let padding):
      MaxPool(self, window: window, stride: stride, padding: padding, in: &plan)
    case .l2Pool(let window, let stride, let padding):
      L2Pool(self, window: window, stride: stride, padding: padding, in: &plan)
    case .averagePool: GlobalAveragePool(self, in: &plan)
    case .dropout(let probability): Dropout(self, probability: probability, in: &plan)
    case .maxout(let pieces): Maxout(self, pieces: pieces, in: &plan)
    case .responseNorm(let size, let alpha, let bias):
      LocalResponseNorm(self, size: size, alpha: alpha, bias: bias, in: &plan)
    }
  }
}
