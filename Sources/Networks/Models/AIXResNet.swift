/// The residual networks of the AI-X ArcFace project and of CnA_Arcface, from which it comes.
///
/// Stem 7x7 at stride 1 without pooling; post-activation blocks; every stage halves the map; head
/// average pool - BN - dropout - linear - BN. The trunk of the basic networks stays 64 channels
/// wide: only the middle of each block grows, as the published code has it.
enum AIXResNet {
  static let stages: [Int: [Int]] = [18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3]]

  static func build(depth: Int, _ options: ModelOptions, in plan: inout Plan) -> Activation {
    var x = convolutionBlock(
      plan.image, name: "init_conv", channels: options.channels(64), kernel: 7, padding: 3,
      relu: true, in: &plan)
    var index = 0
    for (stage, blocks) in stages[depth]!.enumerated() {
      let middle = options.channels(64 << stage)
      for block in 0..<blocks {
        let name = "model.\(index)"
        x =
          depth >= 50
          ? bottleneck(x, name: name, middle: middle, downsample: block == 0, in: &plan)
          : basic(
            x, name: name, middle: middle, outputs: options.channels(64), downsample: block == 0,
            in: &plan)
        index += 1
      }
    }
    x = plan.globalAveragePool(x)
    x = plan.batchNorm(x, name: "last_fcn.0")
    x = plan.dropout(x, probability: options.dropout)
    x = plan.linear(x, name: "last_fcn.2", outputs: options.embedding)
    return plan.batchNorm(x, name: "last_fcn.3")
  }

  /// Convolution, batch norm, then optionally a residual and a ReLU. PyTorch's default first
  /// weights: U(+-1/sqrt(fan in)).
  private static func convolutionBlock(
    _ x: Activation, name: String, channels: Int, kernel: Int, stride: Int = 1, padding: Int,
    residual: Activation? = nil, relu: Bool, in plan: inout Plan
  ) -> Activation {
    let fanIn = x.shape.channels * kernel * kernel
    let y = plan.convolution(
      x, name: name + ".model.0", channels: channels, kernel: kernel, stride: stride,
      padding: padding, initializer: .uniform(bound: 1 / Double(fanIn).squareRoot()))
    return plan.batchNorm(y, name: name + ".model.1", relu: relu, residual: residual)
  }

  private static func shortcut(
    _ x: Activation, name: String, outputs: Int, downsample: Bool, in plan: inout Plan
  ) -> Activation {
    guard downsample else { return x }
    return convolutionBlock(
      x, name: name + ".model_sc", channels: outputs, kernel: 1, stride: 2, padding: 0,
      relu: false, in: &plan)
  }

  private static func basic(
    _ x: Activation, name: String, middle: Int, outputs: Int, downsample: Bool,
    in plan: inout Plan
  ) -> Activation {
    let y = convolutionBlock(
      x, name: name + ".model_main.0", channels: middle, kernel: 3, stride: downsample ? 2 : 1,
      padding: 1, relu: true, in: &plan)
    let residual = shortcut(x, name: name, outputs: outputs, downsample: downsample, in: &plan)
    return convolutionBlock(
      y, name: name + ".model_main.2", channels: outputs, kernel: 3, padding: 1,
      residual: residual, relu: true, in: &plan)
  }

  private static func bottleneck(
    _ x: Activation, name: String, middle: Int, downsample: Bool, in plan: inout Plan
  ) -> Activation {
    var y = convolutionBlock(
      x, name: name + ".model_main.0", channels: middle, kernel: 1, padding: 0, relu: true,
      in: &plan)
    y = convolutionBlock(
      y, name: name + ".model_main.2", channels: middle, kernel: 3, stride: downsample ? 2 : 1,
      padding: 1, relu: true, in: &plan)
    let residual = shortcut(x, name: name, outputs: 4 * middle, downsample: downsample, in: &plan)
    return convolutionBlock(
      y, name: name + ".model_main.4", channels: 4 * middle, kernel: 1, padding: 0,
      residual: residual, relu: true, in: &plan)
  }
}
