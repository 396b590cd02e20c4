/// NN1 of FaceNet (Schroff, Kalenichenko and Philbin 2015, table 1): Zeiler and Fergus' network
/// with a 1x1 convolution before each of the others, 220x220, 140 M parameters.
enum NN1 {
  static func build(_ options: ModelOptions, in graph: inout Graph) -> Value {
    let blocks = FaceNetBlocks(options: options)
    func conv(
      _ x: Value, _ name: String, _ channels: Int, _ kernel: Int, _ stride: Int = 1
    ) -> Value {
      blocks.convolution(
        x, name: name, channels: channels, kernel: kernel, stride: stride, in: &graph)
    }
    var x = conv(graph.image, "conv1", 64, 7, 2)
    x = blocks.pool(x, in: &graph)
    x = graph.responseNorm(x)
    x = conv(x, "conv2a", 64, 1)
    x = conv(x, "conv2", 192, 3)
    x = graph.responseNorm(x)
    x = blocks.pool(x, in: &graph)
    x = conv(x, "conv3a", 192, 1)
    x = conv(x, "conv3", 384, 3)
    x = blocks.pool(x, in: &graph)
    x = conv(x, "conv4a", 384, 1)
    x = conv(x, "conv4", 256, 3)
    x = conv(x, "conv5a", 256, 1)
    x = conv(x, "conv5", 256, 3)
    x = conv(x, "conv6a", 256, 1)
    x = conv(x, "conv6", 256, 3)
    x = blocks.pool(x, in: &graph)
    x = blocks.maxout(x, name: "fc1", outputs: 32 * 128, in: &graph)
    x = blocks.maxout(x, name: "fc2", outputs: 32 * 128, in: &graph)
    return blocks.embedding(x, name: "fc7128", in: &graph)
  }
}
