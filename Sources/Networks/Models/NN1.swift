/// NN1 of FaceNet (Schroff, Kalenichenko and Philbin 2015, table 1): Zeiler and Fergus' network with
/// a 1x1 convolution before each of the others, 220x220, 140 M parameters.
enum NN1 {
  static func build(_ options: ModelOptions, in plan: inout Plan) -> Activation {
    let blocks = FaceNetBlocks(options: options)
    func conv(
      _ x: Activation, _ name: String, _ channels: Int, _ kernel: Int, _ stride: Int = 1
    ) -> Activation {
      blocks.convolution(
        x, name: name, channels: channels, kernel: kernel, stride: stride, in: &plan)
    }
    var x = conv(plan.image, "conv1", 64, 7, 2)
    x = blocks.pool(x, in: &plan)
    x = plan.responseNorm(x)
    x = conv(x, "conv2a", 64, 1)
    x = conv(x, "conv2", 192, 3)
    x = plan.responseNorm(x)
    x = blocks.pool(x, in: &plan)
    x = conv(x, "conv3a", 192, 1)
    x = conv(x, "conv3", 384, 3)
    x = blocks.pool(x, in: &plan)
    x = conv(x, "conv4a", 384, 1)
    x = conv(x, "conv4", 256, 3)
    x = conv(x, "conv5a", 256, 1)
    x = conv(x, "conv5", 256, 3)
    x = conv(x, "conv6a", 256, 1)
    x = conv(x, "conv6", 256, 3)
    x = blocks.pool(x, in: &plan)
    x = blocks.maxout(x, name: "fc1", outputs: 32 * 128, in: &plan)
    x = blocks.maxout(x, name: "fc2", outputs: 32 * 128, in: &plan)
    return blocks.embedding(x, name: "fc7128", in: &plan)
  }
}
