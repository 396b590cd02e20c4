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

  static func build(depth: Int, _ options: ModelOptions, in plan: inout Plan) -> Activation {
    var x = plan.convolution(
      plan.image, name: "conv1", channels: options.channels(64), kernel: 3,
      initializer: convolution)
    x = plan.batchNorm(x, name: "bn1", prelu: "prelu")
    for (stage, blocks) in stages[depth]!.enumerated() {
      let channels = options.channels(64 << stage)
      for block in 0..<blocks {
        x = residualBlock(
          x, name: "layer\(stage + 1).\(block)", channels: channels, stride: block == 0 ? 2 : 1,
          in: &plan)
      }
    }
    x = plan.batchNorm(x, name: "bn2")
    x = plan.dropout(x, probability: options.dropout)
    x = plan.linear(x, name: "fc", outputs: options.embedding)
    return plan.batchNorm(x, name: "features", fixedScale: true)
  }

  private static func residualBlock(
    _ x: Activation, name: String, channels: Int, stride: Int, in plan: inout Plan
  ) -> Activation {
    var y = plan.batchNorm(x, name: name + ".bn1")
    y = plan.convolution(
      y, name: name + ".conv1", channels: channels, kernel: 3, initializer: convolution)
    y = plan.batchNorm(y, name: name + ".bn2", prelu: name + ".prelu")
    y = plan.convolution(
      y, name: name + ".conv2", channels: channels, kernel: 3, stride: stride,
      initializer: convolution)
    var shortcut = x
    if stride != 1 || x.shape.channels != channels {
      shortcut = plan.convolution(
        x, name: name + ".downsample.0", channels: channels, kernel: 1, stride: stride,
        initializer: convolution)
      shortcut = plan.batchNorm(shortcut, name: name + ".downsample.1")
    }
    return plan.batchNorm(y, name: name + ".bn3", residual: shortcut)
  }
}
