/// IResNet: insightface's residual networks for faces (arcface_torch, backbones/iresnet.py).
///
/// Stem 3x3 without pooling; pre-activation blocks BN - conv - BN - PReLU - conv (stride) - BN,
/// nothing after the sum; every stage halves the map; head BN - dropout - linear - BN whose scale
/// is fixed at 1.
enum IResNet {
  static let stages: [Int: [Int]] = [
    10: [1, 1, 1, 1], 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 14, 3], 100: [3, 13, 30, 3],
  ]

  private static let convolution = Initializer.normal(deviation: 0.1)

  static func build(depth: Int, _ options: ModelOptions, in graph: inout Graph) -> Value {
    var x = graph.convolution(
      graph.image, name: "conv1", channels: options.channels(64), kernel: 3,
      initializer: convolution)
    x = graph.batchNorm(x, name: "bn1")
    x = graph.prelu(x, name: "prelu")
    for (stage, blocks) in stages[depth]!.enumerated() {
      let channels = options.channels(64 << stage)
      for block in 0..<blocks {
        x = residualBlock(
          x, name: "layer\(stage + 1).\(block)", channels: channels, stride: block == 0 ? 2 : 1,
          in: &graph)
      }
    }
    x = graph.batchNorm(x, name: "bn2")
    x = graph.dropout(x, probability: options.dropout)
    x = graph.linear(x, name: "fc", outputs: options.embedding)
    return graph.batchNorm(x, name: "features", fixedScale: true)
  }

  private static func residualBlock(
    _ x: Value, name: String, channels: Int, stride: Int, in graph: inout Graph
  ) -> Value {
    var y = graph.batchNorm(x, name: name + ".bn1")
    y = graph.convolution(
      y, name: name + ".conv1", channels: channels, kernel: 3, initializer: convolution)
    y = graph.batchNorm(y, name: name + ".bn2")
    y = graph.prelu(y, name: name + ".prelu")
    y = graph.convolution(
      y, name: name + ".conv2", channels: channels, kernel: 3, stride: stride,
      initializer: convolution)
    var shortcut = x
    if stride != 1 || x.shape.channels != channels {
      shortcut = graph.convolution(
        x, name: name + ".downsample.0", channels: channels, kernel: 1, stride: stride,
        initializer: convolution)
      shortcut = graph.batchNorm(shortcut, name: name + ".downsample.1")
    }
    y = graph.batchNorm(y, name: name + ".bn3")
    return graph.add(y, shortcut)
  }
}
