/// MobileFaceNet (Chen et al. 2018) as insightface has it (arcface_torch,
/// backbones/mobilefacenet.py, scale 2): expand 1x1 - depthwise 3x3 - project 1x1, a depthwise
/// convolution over the whole last map, linear without bias, batch norm.
enum MobileFaceNet {
  /// Blocks of the three residual stacks; the first of the four numbers is the stem's.
  static let stacks = [4, 6, 2]

  static func build(_ options: ModelOptions, in graph: inout Graph) -> Value {
    let wide = options.channels(128)
    let wider = options.channels(256)
    let last = options.channels(512)
    var x = block(graph.image, "layers.0", channels: wide, kernel: 3, stride: 2, in: &graph)
    x = grouped(x, "layers.1", groups: wide / 2, in: &graph)
    x = depthwise(x, "layers.2", channels: wide, groups: wide, stride: 2, in: &graph)
    x = residuals(x, "layers.3", blocks: stacks[0], groups: wide, in: &graph)
    x = depthwise(x, "layers.4", channels: wider, groups: wider, stride: 2, in: &graph)
    x = residuals(x, "layers.5", blocks: stacks[1], groups: wider, in: &graph)
    x = depthwise(x, "layers.6", channels: wider, groups: last, stride: 2, in: &graph)
    x = residuals(x, "layers.7", blocks: stacks[2], groups: wider, in: &graph)
    x = block(x, "conv_sep", channels: last, kernel: 1, in: &graph)
    x = wholeMap(x, "features.layers.0", in: &graph)
    x = graph.dropout(x, probability: options.dropout)
    x = graph.linear(
      x, name: "features.layers.2", outputs: options.embedding,
      initializer: .normal(deviation: (2 / Double(options.embedding)).squareRoot()),
      hasBias: false)
    return graph.batchNorm(x, name: "features.layers.3")
  }

  /// Kaiming-normal first weights by fan out.
  private static func kaiming(outputs: Int, taps: Int) -> Initializer {
    .normal(deviation: (2 / Double(outputs * taps)).squareRoot())
  }

  /// Convolution, batch norm, and a PReLU unless `isLinear`.
  private static func block(
    _ x: Value, _ name: String, channels: Int, kernel: Int, stride: Int = 1,
    isLinear: Bool = false, in graph: inout Graph
  ) -> Value {
    var y = graph.convolution(
      x, name: name + ".layers.0", channels: channels, kernel: kernel, stride: stride,
      initializer: kaiming(outputs: channels, taps: kernel * kernel))
    y = graph.batchNorm(y, name: name + ".layers.1")
    return isLinear ? y : graph.prelu(y, name: name + ".layers.2")
  }

  /// A 3x3 convolution in groups, batch norm, PReLU.
  private static func grouped(
    _ x: Value, _ name: String, groups: Int, stride: Int = 1, in graph: inout Graph
  ) -> Value {
    // PyTorch takes the whole fan out of a grouped convolution too: outputs x taps.
    var y = graph.groupedConvolution(
      x, name: name + ".layers.0", groups: groups, kernel: 3, stride: stride,
      initializer: kaiming(outputs: x.shape.channels, taps: 9))
    y = graph.batchNorm(y, name: name + ".layers.1")
    return graph.prelu(y, name: name + ".layers.2")
  }

  /// Expansion to `groups` channels, their depthwise convolution, projection to `channels`, and the
  /// input added where `isResidual`.
  private static func depthwise(
    _ x: Value, _ name: String, channels: Int, groups: Int, stride: Int = 1,
    isResidual: Bool = false, in graph: inout Graph
  ) -> Value {
    var y = block(x, name + ".layers.0", channels: groups, kernel: 1, in: &graph)
    y = grouped(y, name + ".layers.1", groups: groups, stride: stride, in: &graph)
    y = block(
      y, name + ".layers.2", channels: channels, kernel: 1, isLinear: true, in: &graph)
    return isResidual ? graph.add(y, x) : y
  }

  private static func residuals(
    _ x: Value, _ name: String, blocks: Int, groups: Int, in graph: inout Graph
  ) -> Value {
    var x = x
    for block in 0..<blocks {
      x = depthwise(
        x, "\(name).layers.\(block)", channels: x.shape.channels, groups: groups,
        isResidual: true, in: &graph)
    }
    return x
  }

  /// The global depthwise convolution, whose kernel is the map, and batch norm.
  private static func wholeMap(
    _ x: Value, _ name: String, in graph: inout Graph
  ) -> Value {
    let y = graph.groupedConvolution(
      x, name: name + ".layers.0", groups: x.shape.channels,
      kernel: min(x.shape.height, x.shape.width), padding: 0,
      initializer: kaiming(outputs: x.shape.channels, taps: x.shape.pixels))
    return graph.batchNorm(y, name: name + ".layers.1")
  }
}
