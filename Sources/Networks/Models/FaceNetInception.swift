/// The inception networks of FaceNet (Schroff, Kalenichenko and Philbin 2015): NN2 of table 2, its
/// smaller kin NN3 and NN4 of section 3.3, and NNS1 and NNS2 for phones, of which the paper gives
/// sizes and totals alone (our tables: docs/facenet-networks.md).
struct FaceNetInception: Sendable {
  /// What ends the network.
  enum Head: Sendable {
    case averagePool
    /// Maxout units, of which each is the larger of two.
    case maxout(Int)
  }

  /// Side of the first convolution's kernel.
  var kernel = 7
  /// Outputs of the first convolution, and of (2)'s 1x1 and 3x3 convolutions.
  let stem: (first: Int, reduce: Int, second: Int)
  let modules: [InceptionModule]
  var head = Head.averagePool

  typealias Row = InceptionModule

  /// Table 2. NN3 is the same network at 160x160.
  static let nn2 = FaceNetInception(
    stem: (64, 64, 192),
    modules: [
      //          1x1  3x3r 3x3  5x5r 5x5  pool  proj
      Row("inception3a", 64, 96, 128, 16, 32, .max, 32),
      Row("inception3b", 64, 96, 128, 32, 64, .l2, 64),
      Row("inception3c", 0, 128, 256, 32, 64, .max, 0, stride: 2),
      Row("inception4a", 256, 96, 192, 32, 64, .l2, 128),
      Row("inception4b", 224, 112, 224, 32, 64, .l2, 128),
      Row("inception4c", 192, 128, 256, 32, 64, .l2, 128),
      Row("inception4d", 160, 144, 288, 32, 64, .l2, 128),
      Row("inception4e", 0, 160, 256, 64, 128, .max, 0, stride: 2),
      Row("inception5a", 384, 192, 384, 48, 128, .l2, 128),
      Row("inception5b", 384, 192, 384, 48, 128, .max, 128),
    ])

  /// NN2 at 96x96 "without 5x5 convolutions in the higher layers": those of 4e, 5a and 5b are the
  /// ones whose absence gives the printed 285 M multiply-adds.
  static let nn4 = FaceNetInception(
    stem: nn2.stem, modules: nn2.modules.dropLast(3) + nn2.modules.suffix(3).map(\.withoutFive))

  /// "Mini inception", 26 M parameters, 220 M multiply-adds at 165x165.
  static let nns1 = FaceNetInception(
    stem: (32, 32, 64),
    modules: [
      Row("inception3a", 32, 48, 64, 0, 0, .max, 32),
      Row("inception3b", 32, 48, 96, 0, 0, .l2, 32),
      Row("inception3c", 0, 64, 128, 16, 32, .max, 0, stride: 2),
      Row("inception4a", 96, 64, 128, 16, 32, .l2, 64),
      Row("inception4b", 96, 64, 128, 16, 32, .l2, 64),
      Row("inception4e", 0, 64, 160, 32, 64, .max, 0, stride: 2),
      Row("inception5a", 192, 96, 192, 32, 64, .l2, 64),
      Row("inception5b", 192, 96, 192, 32, 64, .max, 64),
    ], head: .maxout(672))

  /// "Tiny inception", 4.3 M parameters, 20 M multiply-adds at 140x116.
  static let nns2 = FaceNetInception(
    kernel: 5, stem: (16, 16, 32),
    modules: [
      Row("inception3a", 16, 16, 32, 0, 0, .max, 16),
      Row("inception3c", 0, 24, 48, 0, 0, .max, 0, stride: 2),
      Row("inception4a", 48, 24, 48, 0, 0, .l2, 32),
      Row("inception4e", 0, 48, 96, 0, 0, .max, 0, stride: 2),
      Row("inception5a", 96, 32, 64, 0, 0, .l2, 32),
    ], head: .maxout(528))

  func build(_ options: ModelOptions, in graph: inout Graph) -> Value {
    let blocks = FaceNetBlocks(options: options)
    var x = blocks.convolution(
      graph.image, name: "conv1", channels: stem.first, kernel: kernel, stride: 2, in: &graph)
    x = blocks.pool(x, in: &graph)
    x = graph.responseNorm(x)
    x = blocks.convolution(
      x, name: "inception2.reduce3x3", channels: stem.reduce, kernel: 1, in: &graph)
    x = blocks.convolution(
      x, name: "inception2.conv3x3", channels: stem.second, kernel: 3, in: &graph)
    x = graph.responseNorm(x)
    x = blocks.pool(x, in: &graph)
    for module in modules { x = module.build(x, blocks, in: &graph) }
    switch head {
    case .averagePool: x = graph.globalAveragePool(x)
    case .maxout(let units): x = blocks.maxout(x, name: "fc1", outputs: units, in: &graph)
    }
    return blocks.embedding(x, name: "fc", in: &graph)
  }
}
