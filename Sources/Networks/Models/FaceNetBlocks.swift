/// What the networks of FaceNet (Schroff, Kalenichenko and Philbin 2015) are built of.
///
/// First weights after He et al. 2015, U(+-sqrt(6 / fan in)), biases 0: the paper names none that
/// suits depth without batch norm.
struct FaceNetBlocks {
  let options: ModelOptions

  /// Convolution of the published width `channels`, padded to keep the size, then bias and ReLU;
  /// or, as in OpenFace, batch norm, whose offset takes the place of the bias, and ReLU.
  ///
  /// `gain` is the factor by which what lies before enlarges its input.
  func convolution(
    _ x: Value, name: String, channels: Int, kernel: Int, stride: Int = 1, gain: Double = 1,
    into range: ChannelRange? = nil, in graph: inout Graph
  ) -> Value {
    let fanIn = Double(x.shape.channels * kernel * kernel)
    let y = graph.convolution(
      x, name: name, channels: options.channels(channels), kernel: kernel, stride: stride,
      initializer: .uniform(bound: (6 / fanIn).squareRoot() / gain))
    let moved =
      options.batchNorm == true
      ? graph.batchNorm(y, name: name + ".bn") : graph.bias(y, name: name)
    return graph.relu(moved, into: range)
  }

  /// `outputs` units, each the larger of two linear ones.
  func maxout(
    _ x: Value, name: String, outputs: Int, in graph: inout Graph
  ) -> Value {
    let y = graph.linear(
      x, name: name, outputs: 2 * options.channels(outputs), initializer: steady(x),
      biasInitializer: .constant(0))
    return graph.maxout(y, pieces: 2)
  }

  /// Dropout, if any, and the dense layer that makes the embedding. Its length is what the loss and
  /// every measure take as one: they divide by it themselves.
  func embedding(_ x: Value, name: String, in graph: inout Graph) -> Value {
    let x = graph.dropout(x, probability: options.dropout)
    return graph.linear(
      x, name: name, outputs: options.embedding, initializer: steady(x),
      biasInitializer: .constant(0))
  }

  /// 3x3 pooling that halves the map, or at stride 1 keeps it.
  func pool(
    _ x: Value, _ kind: ModelOptions.Pooling = .max, stride: Int = 2,
    into range: ChannelRange? = nil,
    in graph: inout Graph
  ) -> Value {
    switch kind {
    case .max: graph.maxPool(x, window: 3, stride: stride, padding: 1, into: range)
    case .l2: graph.l2Pool(x, window: 3, stride: stride, padding: 1, into: range)
    }
  }

  /// First weights whose sums are as large as what they add up.
  private func steady(_ x: Value) -> Initializer {
    .uniform(bound: (3 / Double(x.shape.count)).squareRoot())
  }
}
