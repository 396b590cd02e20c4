internal import Preconditions

/// The layers of a network that its program knows by heart, for an `InferenceGraph`: only its
/// weights come from a file.
package struct GraphLayers {
  /// What the image is called among the values.
  package static let image = "image"

  /// The file that the weights are of.
  let path: String
  private(set) var steps: [InferenceGraph.Step] = []

  /// No layers yet, of weights of the file at `path`.
  package init(path: String) { self.path = path }

  /// A convolution of the value `input` without padding, at every pixel, and a PReLU behind it
  /// where there are `slopes`.
  ///
  /// `weights` [K, C, R, S] in C order of `shape`, `bias` and `slopes` [K].
  package mutating func convolve(
    _ input: String, weights: [Float], shape: [Int], bias: [Float], slopes: [Float]? = nil,
    as output: String
  ) {
    require(
      shape.count == 4 && weights.count == shape.reduce(1, *) && bias.count == shape[0]
        && slopes?.count ?? shape[0] == shape[0],
      "GraphLayers: \(weights.count) weights of \(shape), \(bias.count) biases, "
        + "\(slopes?.count ?? 0) slopes")
    let convolution = GraphConvolution(
      inputChannels: shape[1], outputChannels: shape[0], kernelHeight: shape[2],
      kernelWidth: shape[3], stride: 1, paddingHeight: 0, paddingWidth: 0, isDepthwise: false,
      weights: GraphBuilder.packed(weights, shape), bias: bias, slopes: slopes)
    append(.convolution(convolution), input, output)
  }

  /// The maximum of square windows of the value `input`, of which the last ones may reach beyond it
  /// (torch's `ceil_mode`).
  package mutating func maxPool(_ input: String, window: Int, stride: Int, as output: String) {
    append(
      .maxPool(window: window, stride: stride, padding: 0, roundsUp: true), input, output)
  }

  private mutating func append(_ operation: GraphOperation, _ input: String, _ output: String) {
    steps.append(
      InferenceGraph.Step(
        title: "layer '\(output)'", operation: operation, inputs: [input], output: output))
  }
}
