/// Inception-ResNet-v1 (Szegedy et al. 2016) as facenet-pytorch has it
/// (models/inception_resnet_v1.py): for images of 160x160, batch norm with epsilon 0.001, average
/// pool, dropout, linear without bias, batch norm.
///
/// The embedding is divided by its length by losses and measures, as everywhere.
struct InceptionResNet {
  let options: ModelOptions

  static func build(_ options: ModelOptions, in graph: inout Graph) -> Value {
    InceptionResNet(options: options).build(in: &graph)
  }

  private func build(in graph: inout Graph) -> Value {
    var x = conv(graph.image, "conv2d_1a", 32, 3, stride: 2, in: &graph)
    x = conv(x, "conv2d_2a", 32, 3, in: &graph)
    x = conv(x, "conv2d_2b", 64, 3, padding: 1, in: &graph)
    x = graph.maxPool(x, window: 3, stride: 2, padding: 0)
    x = conv(x, "conv2d_3b", 80, 1, in: &graph)
    x = conv(x, "conv2d_4a", 192, 3, in: &graph)
    x = conv(x, "conv2d_4b", 256, 3, stride: 2, in: &graph)
    for i in 0..<5 { x = block35(x, "repeat_1.\(i)", in: &graph) }
    x = reduction(x, "mixed_6a", [[(384, 3)], [(192, 1), (192, 3), (256, 3)]], in: &graph)
    for i in 0..<10 { x = block17(x, "repeat_2.\(i)", in: &graph) }
    x = reduction(
      x, "mixed_7a",
      [[(256, 1), (384, 3)], [(256, 1), (256, 3)], [(256, 1), (256, 3), (256, 3)]], in: &graph)
    for i in 0..<5 { x = block8(x, "repeat_3.\(i)", scale: 0.2, rectifies: true, in: &graph) }
    x = block8(x, "block8", scale: 1, rectifies: false, in: &graph)
    x = graph.globalAveragePool(x)
    x = graph.dropout(x, probability: options.dropout)
    x = graph.linear(x, name: "last_linear", outputs: options.embedding, hasBias: false)
    return graph.batchNorm(x, name: "last_bn", epsilon: 1e-3)
  }

  // MARK: Blocks

  private func block35(_ x: Value, _ name: String, in graph: inout Graph) -> Value {
    var joined = concatenation(x, [32, 32, 32], in: &graph)
    _ = conv(x, name + ".branch0", 32, 1, into: joined.next(width(32)), in: &graph)
    var y = conv(x, name + ".branch1.0", 32, 1, in: &graph)
    _ = conv(
      y, name + ".branch1.1", 32, 3, padding: 1, into: joined.next(width(32)), in: &graph)
    y = conv(x, name + ".branch2.0", 32, 1, in: &graph)
    y = conv(y, name + ".branch2.1", 32, 3, padding: 1, in: &graph)
    _ = conv(
      y, name + ".branch2.2", 32, 3, padding: 1, into: joined.next(width(32)), in: &graph)
    return residual(x, joined.value, name, scale: 0.17, rectifies: true, in: &graph)
  }

  private func block17(_ x: Value, _ name: String, in graph: inout Graph) -> Value {
    var joined = concatenation(x, [128, 128], in: &graph)
    _ = conv(x, name + ".branch0", 128, 1, into: joined.next(width(128)), in: &graph)
    let y = conv(x, name + ".branch1.0", 128, 1, in: &graph)
    cross(y, name + ".branch1", 128, length: 7, into: joined.next(width(128)), in: &graph)
    return residual(x, joined.value, name, scale: 0.10, rectifies: true, in: &graph)
  }

  private func block8(
    _ x: Value, _ name: String, scale: Float, rectifies: Bool, in graph: inout Graph
  ) -> Value {
    var joined = concatenation(x, [192, 192], in: &graph)
    _ = conv(x, name + ".branch0", 192, 1, into: joined.next(width(192)), in: &graph)
    let y = conv(x, name + ".branch1.0", 192, 1, in: &graph)
    cross(y, name + ".branch1", 192, length: 3, into: joined.next(width(192)), in: &graph)
    return residual(x, joined.value, name, scale: scale, rectifies: rectifies, in: &graph)
  }

  /// Branches of convolutions (outputs, kernel), the last of each unpadded at stride 2 and a 3x3
  /// before it padded, beside a max pool.
  private func reduction(
    _ x: Value, _ name: String, _ branches: [[(channels: Int, kernel: Int)]],
    in graph: inout Graph
  ) -> Value {
    let map = x.shape.pooled(window: 3, stride: 2, padding: 0)
    let widths = branches.map { width($0.last!.channels) }
    var joined = graph.concatenation(
      MapShape(
        height: map.height, width: map.width,
        channels: widths.reduce(x.shape.channels, +)))
    for (index, branch) in branches.enumerated() {
      var y = x
      for (place, step) in branch.enumerated() {
        let isLast = place == branch.count - 1
        y = conv(
          y, "\(name).branch\(index)" + (branch.count == 1 ? "" : ".\(place)"), step.channels,
          step.kernel, stride: isLast ? 2 : 1, padding: isLast ? 0 : step.kernel / 2,
          into: isLast ? joined.next(widths[index]) : nil, in: &graph)
      }
    }
    _ = graph.maxPool(x, window: 3, stride: 2, padding: 0, into: joined.next(x.shape.channels))
    return joined.value
  }

  // MARK: Parts

  private func width(_ channels: Int) -> Int { options.channels(channels) }

  private func concatenation(
    _ x: Value, _ channels: [Int], in graph: inout Graph
  ) -> Concatenation {
    graph.concatenation(
      MapShape(
        height: x.shape.height, width: x.shape.width,
        channels: channels.reduce(0) { $0 + width($1) }))
  }

  /// PyTorch's default first weights: U(+-1/sqrt(fan in)).
  private func uniform(fanIn: Int) -> Initializer {
    .uniform(bound: 1 / Double(fanIn).squareRoot())
  }

  /// Convolution, unpadded unless said, batch norm, ReLU.
  private func conv(
    _ x: Value, _ name: String, _ channels: Int, _ kernel: Int, stride: Int = 1,
    padding: Int = 0, into range: ChannelRange? = nil, in graph: inout Graph
  ) -> Value {
    let window = ConvolutionWindow(
      height: kernel, width: kernel, stride: stride, paddingHeight: padding,
      paddingWidth: padding)
    return conv(x, name, channels, window, into: range, in: &graph)
  }

  private func conv(
    _ x: Value, _ name: String, _ channels: Int, _ window: ConvolutionWindow,
    into range: ChannelRange? = nil, in graph: inout Graph
  ) -> Value {
    let y = graph.convolution(
      x, name: name + ".conv", channels: width(channels), window: window,
      initializer: uniform(fanIn: x.shape.channels * window.height * window.width))
    let normed = graph.batchNorm(y, name: name + ".bn", epsilon: 1e-3)
    return graph.relu(normed, into: range)
  }

  /// A row and then a column of `length` taps.
  private func cross(
    _ x: Value, _ name: String, _ channels: Int, length: Int, into range: ChannelRange,
    in graph: inout Graph
  ) {
    let y = conv(
      x, name + ".1", channels,
      ConvolutionWindow(
        height: 1, width: length, stride: 1, paddingHeight: 0, paddingWidth: length / 2),
      in: &graph)
    _ = conv(
      y, name + ".2", channels,
      ConvolutionWindow(
        height: length, width: 1, stride: 1, paddingHeight: length / 2, paddingWidth: 0),
      into: range, in: &graph)
  }

  /// relu(scale (conv + bias) + x), without the ReLU unless `rectifies`.
  private func residual(
    _ x: Value, _ joined: Value, _ name: String, scale: Float, rectifies: Bool,
    in graph: inout Graph
  ) -> Value {
    let fanIn = joined.shape.channels
    var y = graph.convolution(
      joined, name: name + ".conv2d", channels: x.shape.channels, kernel: 1,
      initializer: uniform(fanIn: fanIn))
    y = graph.bias(y, name: name + ".conv2d", initializer: uniform(fanIn: fanIn))
    y = graph.add(graph.scale(y, by: scale), x)
    return rectifies ? graph.relu(y) : y
  }
}
