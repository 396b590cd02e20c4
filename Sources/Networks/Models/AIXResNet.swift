/// The residual networks of the AI-X ArcFace project and of CnA_Arcface, from which it comes.
///
/// Stem 7x7 at stride 1 without pooling; post-activation blocks; every stage halves the map; head
/// average pool - BN - dropout - linear - BN. The trunk of the basic networks stays 64 channels
/// wide: only the middle of each block grows, as the published code has it.
enum AIXResNet {
  static let stages: [Int: [Int]] = [18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]]

  static func build(depth: Int, _ options: ModelOptions, in graph: inout Graph) -> Value {
    var x = convolutionBlock(
      graph.image, name: "init_conv", channels: options.channels(64), kernel: 7, padding: 3,
      in: &graph)
    x = graph.relu(x)
    var index = 0
    for (stage, blocks) in stages[depth]!.enumerated() {
      let middle = options.channels(64 << stage)
      for block in 0..<blocks {
        let name = "model.\(index)"
        x =
          depth >= 50
          ? bottleneck(x, name: name, middle: middle, downsample: block == 0, in: &graph)
          : basic(
            x, name: name, middle: middle, outputs: options.channels(64), downsample: block == 0,
            in: &graph)
        index += 1
      }
    }
    x = graph.globalAveragePool(x)
    x = graph.batchNorm(x, name: "last_fcn.0")
    x = graph.dropout(x, probability: options.dropout)
    x = graph.linear(x, name: "last_fcn.2", outputs: options.embedding)
    return graph.batchNorm(x, name: "last_fcn.3")
  }

  /// Convolution and batch norm. PyTorch's default first weights: U(+-1/sqrt(fan in)).
  private static func convolutionBlock(
    _ x: Value, name: String, channels: Int, kernel: Int, stride: Int = 1, padding: Int,
    in graph: inout Graph
  ) -> Value {
    let fanIn = x.shape.channels * kernel * kernel
    let y = graph.convolution(
      x, name: name + ".model.0", channels: channels, kernel: kernel, stride: stride,
      padding: padding, initializer: .uniform(bound: 1 / Double(fanIn).squareRoot()))
    return graph.batchNorm(y, name: name + ".model.1")
  }

  private static func shortcut(
    _ x: Value, name: String, outputs: Int, downsample: Bool, in graph: inout Graph
  ) -> Value {
    guard downsample else { return x }
    return convolutionBlock(
      x, name: name + ".model_sc", channels: outputs, kernel: 1, stride: 2, padding: 0,
      in: &graph)
  }

  private static func basic(
    _ x: Value, name: String, middle: Int, outputs: Int, downsample: Bool,
    in graph: inout Graph
  ) -> Value {
    var y = convolutionBlock(
      x, name: name + ".model_main.0", channels: middle, kernel: 3, stride: downsample ? 2 : 1,
      padding: 1, in: &graph)
    y = graph.relu(y)
    let residual = shortcut(x, name: name, outputs: outputs, downsample: downsample, in: &graph)
    y = convolutionBlock(
      y, name: name + ".model_main.2", channels: outputs, kernel: 3, padding: 1, in: &graph)
    return graph.relu(graph.add(y, residual))
  }

  private static func bottleneck(
    _ x: Value, name: String, middle: Int, downsample: Bool, in graph: inout Graph
  ) -> Value {
    var y = convolutionBlock(
      x, name: name + ".model_main.0", channels: middle, kernel: 1, padding: 0, in: &graph)
    y = graph.relu(y)
    y = convolutionBlock(
      y, name: name + ".model_main.2", channels: middle, kernel: 3, stride: downsample ? 2 : 1,
      padding: 1, in: &graph)
    y = graph.relu(y)
    let residual = shortcut(x, name: name, outputs: 4 * middle, downsample: downsample, in: &graph)
    y = convolutionBlock(
      y, name: name + ".model_main.4", channels: 4 * middle, kernel: 1, padding: 0, in: &graph)
    return graph.relu(graph.add(y, residual))
  }
}
