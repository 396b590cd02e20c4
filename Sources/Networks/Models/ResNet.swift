/// torchvision's ResNet (He et al. 2015; torchvision/models/resnet.py) with an embedding in the
/// place of its classes: stem 7x7 / 2 and max pool, post-activation blocks, average pool, linear.
enum ResNet {
  static let stages: [Int: [Int]] = [18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]]

  static func build(depth: Int, _ options: ModelOptions, in graph: inout Graph) -> Value {
    var x = convolution(
      graph.image, name: "conv1", channels: options.channels(64), kernel: 7, stride: 2, in: &graph)
    x = graph.relu(graph.batchNorm(x, name: "bn1"))
    x = graph.maxPool(x, window: 3, stride: 2, padding: 1)
    for (stage, blocks) in stages[depth]!.enumerated() {
      let channels = options.channels(64 << stage)
      for block in 0..<blocks {
        let name = "layer\(stage + 1).\(block)"
        let stride = block == 0 && stage > 0 ? 2 : 1
        x =
          depth >= 50
          ? bottleneck(x, name: name, channels: channels, stride: stride, in: &graph)
          : basic(x, name: name, channels: channels, stride: stride, in: &graph)
      }
    }
    x = graph.globalAveragePool(x)
    x = graph.dropout(x, probability: options.dropout)
    return graph.linear(x, name: "fc", outputs: options.embedding)
  }

  /// Kaiming-normal first weights by fan out.
  private static func convolution(
    _ x: Value, name: String, channels: Int, kernel: Int, stride: Int = 1,
    in graph: inout Graph
  ) -> Value {
    let fanOut = channels * kernel * kernel
    return graph.convolution(
      x, name: name, channels: channels, kernel: kernel, stride: stride,
      initializer: .normal(deviation: (2 / Double(fanOut)).squareRoot()))
  }

  private static func shortcut(
    _ x: Value, name: String, channels: Int, stride: Int, in graph: inout Graph
  ) -> Value {
    guard stride != 1 || x.shape.channels != channels else { return x }
    let y = convolution(
      x, name: name + ".downsample.0", channels: channels, kernel: 1, stride: stride, in: &graph)
    return graph.batchNorm(y, name: name + ".downsample.1")
  }

  private static func basic(
    _ x: Value, name: String, channels: Int, stride: Int, in graph: inout Graph
  ) -> Value {
    var y = convolution(
      x, name: name + ".conv1", channels: channels, kernel: 3, stride: stride, in: &graph)
    y = graph.relu(graph.batchNorm(y, name: name + ".bn1"))
    y = convolution(y, name: name + ".conv2", channels: channels, kernel: 3, in: &graph)
    let residual = shortcut(x, name: name, channels: channels, stride: stride, in: &graph)
    y = graph.batchNorm(y, name: name + ".bn2")
    return graph.relu(graph.add(y, residual))
  }

  private static func bottleneck(
    _ x: Value, name: String, channels: Int, stride: Int, in graph: inout Graph
  ) -> Value {
    var y = convolution(x, name: name + ".conv1", channels: channels, kernel: 1, in: &graph)
    y = graph.relu(graph.batchNorm(y, name: name + ".bn1"))
    y = convolution(
      y, name: name + ".conv2", channels: channels, kernel: 3, stride: stride, in: &graph)
    y = graph.relu(graph.batchNorm(y, name: name + ".bn2"))
    y = convolution(y, name: name + ".conv3", channels: 4 * channels, kernel: 1, in: &graph)
    let residual = shortcut(x, name: name, channels: 4 * channels, stride: stride, in: &graph)
    y = graph.batchNorm(y, name: name + ".bn3")
    return graph.relu(graph.add(y, residual))
  }
}
