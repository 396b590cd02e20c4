import Networks
import Testing

/// Tensors have the names of the published definitions (insightface's iresnet.py, the AI-X
/// notebook, torchvision's resnet.py), so that their weights can be exchanged; FaceNet's published
/// none, theirs follow the rows and columns of its tables.
@Suite struct NameTests {
  /// `x.*` stands for `x.weight` and `x.bias`.
  private func expand(_ names: String) -> [String] {
    names.split(whereSeparator: \.isWhitespace).flatMap { name in
      name.hasSuffix(".*")
        ? [name.dropLast() + "weight", name.dropLast() + "bias"].map { String($0) }
        : [String(name)]
    }
  }

  private func check(_ model: String, names: String, moments: String) throws {
    let network = try #require(
      Models.network(named: model, imageSize: 112, maximumRows: 1, options: ModelOptions()))
    #expect(network.parameters.map(\.name).sorted() == expand(names).sorted())
    #expect(network.statistics.map(\.name).sorted() == expand(moments).sorted())
    // Offsets run on, without gaps.
    var end = 0
    for entry in network.parameters {
      #expect(entry.range.lowerBound == end)
      end = entry.range.upperBound
    }
    #expect(end == network.parameterCount)
  }

  @Test func iresnet18() throws {
    try check(
      "iresnet18",
      names: """
        conv1.weight bn1.* prelu.weight
        layer1.0.bn1.* layer1.0.conv1.weight layer1.0.bn2.* layer1.0.prelu.weight
        layer1.0.conv2.weight layer1.0.bn3.* layer1.0.downsample.0.weight layer1.0.downsample.1.*
        layer1.1.bn1.* layer1.1.conv1.weight layer1.1.bn2.* layer1.1.prelu.weight
        layer1.1.conv2.weight layer1.1.bn3.*
        layer2.0.bn1.* layer2.0.conv1.weight layer2.0.bn2.* layer2.0.prelu.weight
        layer2.0.conv2.weight layer2.0.bn3.* layer2.0.downsample.0.weight layer2.0.downsample.1.*
        layer2.1.bn1.* layer2.1.conv1.weight layer2.1.bn2.* layer2.1.prelu.weight
        layer2.1.conv2.weight layer2.1.bn3.*
        layer3.0.bn1.* layer3.0.conv1.weight layer3.0.bn2.* layer3.0.prelu.weight
        layer3.0.conv2.weight layer3.0.bn3.* layer3.0.downsample.0.weight layer3.0.downsample.1.*
        layer3.1.bn1.* layer3.1.conv1.weight layer3.1.bn2.* layer3.1.prelu.weight
        layer3.1.conv2.weight layer3.1.bn3.*
        layer4.0.bn1.* layer4.0.conv1.weight layer4.0.bn2.* layer4.0.prelu.weight
        layer4.0.conv2.weight layer4.0.bn3.* layer4.0.downsample.0.weight layer4.0.downsample.1.*
        layer4.1.bn1.* layer4.1.conv1.weight layer4.1.bn2.* layer4.1.prelu.weight
        layer4.1.conv2.weight layer4.1.bn3.*
        bn2.* fc.* features.bias
        """,
      moments: """
        bn1 bn2 features
        layer1.0.bn1 layer1.0.bn2 layer1.0.bn3 layer1.0.downsample.1
        layer1.1.bn1 layer1.1.bn2 layer1.1.bn3
        layer2.0.bn1 layer2.0.bn2 layer2.0.bn3 layer2.0.downsample.1
        layer2.1.bn1 layer2.1.bn2 layer2.1.bn3
        layer3.0.bn1 layer3.0.bn2 layer3.0.bn3 layer3.0.downsample.1
        layer3.1.bn1 layer3.1.bn2 layer3.1.bn3
        layer4.0.bn1 layer4.0.bn2 layer4.0.bn3 layer4.0.downsample.1
        layer4.1.bn1 layer4.1.bn2 layer4.1.bn3
        """)
  }

  @Test func aixResNet18() throws {
    try check(
      "aix-resnet18",
      names: """
        init_conv.model.0.weight init_conv.model.1.*
        model.0.model_main.0.model.0.weight model.0.model_main.0.model.1.*
        model.0.model_main.2.model.0.weight model.0.model_main.2.model.1.*
        model.0.model_sc.model.0.weight model.0.model_sc.model.1.*
        model.1.model_main.0.model.0.weight model.1.model_main.0.model.1.*
        model.1.model_main.2.model.0.weight model.1.model_main.2.model.1.*
        model.2.model_main.0.model.0.weight model.2.model_main.0.model.1.*
        model.2.model_main.2.model.0.weight model.2.model_main.2.model.1.*
        model.2.model_sc.model.0.weight model.2.model_sc.model.1.*
        model.3.model_main.0.model.0.weight model.3.model_main.0.model.1.*
        model.3.model_main.2.model.0.weight model.3.model_main.2.model.1.*
        model.4.model_main.0.model.0.weight model.4.model_main.0.model.1.*
        model.4.model_main.2.model.0.weight model.4.model_main.2.model.1.*
        model.4.model_sc.model.0.weight model.4.model_sc.model.1.*
        model.5.model_main.0.model.0.weight model.5.model_main.0.model.1.*
        model.5.model_main.2.model.0.weight model.5.model_main.2.model.1.*
        model.6.model_main.0.model.0.weight model.6.model_main.0.model.1.*
        model.6.model_main.2.model.0.weight model.6.model_main.2.model.1.*
        model.6.model_sc.model.0.weight model.6.model_sc.model.1.*
        model.7.model_main.0.model.0.weight model.7.model_main.0.model.1.*
        model.7.model_main.2.model.0.weight model.7.model_main.2.model.1.*
        last_fcn.0.* last_fcn.2.* last_fcn.3.*
        """,
      moments: """
        init_conv.model.1
        model.0.model_main.0.model.1 model.0.model_main.2.model.1 model.0.model_sc.model.1
        model.1.model_main.0.model.1 model.1.model_main.2.model.1
        model.2.model_main.0.model.1 model.2.model_main.2.model.1 model.2.model_sc.model.1
        model.3.model_main.0.model.1 model.3.model_main.2.model.1
        model.4.model_main.0.model.1 model.4.model_main.2.model.1 model.4.model_sc.model.1
        model.5.model_main.0.model.1 model.5.model_main.2.model.1
        model.6.model_main.0.model.1 model.6.model_main.2.model.1 model.6.model_sc.model.1
        model.7.model_main.0.model.1 model.7.model_main.2.model.1
        last_fcn.0 last_fcn.3
        """)
  }

  @Test func nns2() throws {
    try check(
      "nns2",
      names: """
        conv1.* inception2.reduce3x3.* inception2.conv3x3.*
        inception3a.conv1x1.* inception3a.reduce3x3.* inception3a.conv3x3.*
        inception3a.projection.* inception3c.reduce3x3.* inception3c.conv3x3.*
        inception4a.conv1x1.* inception4a.reduce3x3.* inception4a.conv3x3.*
        inception4a.projection.* inception4e.reduce3x3.* inception4e.conv3x3.*
        inception5a.conv1x1.* inception5a.reduce3x3.* inception5a.conv3x3.*
        inception5a.projection.* fc1.* fc.*
        """, moments: "")
  }

  /// Tensors of the published state dicts, `num_batches_tracked` included: 333 and 714.
  @Test(arguments: [("mobilefacenet", 112, 333), ("inception-resnet-v1", 160, 714)])
  func countsOfStateDictionaries(model: String, imageSize: Int, tensors: Int) throws {
    let network = try #require(
      Models.network(
        named: model, imageSize: imageSize, maximumRows: 1, options: ModelOptions()))
    #expect(network.parameters.count + 3 * network.statistics.count == tensors)
  }

  @Test func mobileFaceNet() throws {
    let network = try #require(
      Models.network(
        named: "mobilefacenet", imageSize: 112, maximumRows: 1, options: ModelOptions()))
    let shapes = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.shape) })
    for (name, shape) in [
      ("layers.0.layers.0.weight", [128, 3, 3, 3]), ("layers.0.layers.2.weight", [128]),
      ("layers.1.layers.0.weight", [128, 2, 3, 3]),
      ("layers.2.layers.1.layers.0.weight", [128, 1, 3, 3]),
      ("layers.3.layers.3.layers.2.layers.1.bias", [128]),
      ("layers.6.layers.1.layers.0.weight", [512, 1, 3, 3]),
      ("layers.7.layers.1.layers.0.layers.2.weight", [256]),
      ("conv_sep.layers.0.weight", [512, 256, 1, 1]),
      ("features.layers.0.layers.0.weight", [512, 1, 7, 7]),
      ("features.layers.2.weight", [512, 512]), ("features.layers.3.weight", [512]),
    ] { #expect(shapes[name] == shape, "\(name)") }
    #expect(shapes["layers.2.layers.2.layers.2.weight"] == nil)
    #expect(shapes["features.layers.2.bias"] == nil)
  }

  @Test func inceptionResNet() throws {
    let network = try #require(
      Models.network(
        named: "inception-resnet-v1", imageSize: 160, maximumRows: 1, options: ModelOptions()))
    let shapes = Dictionary(uniqueKeysWithValues: network.parameters.map { ($0.name, $0.shape) })
    for (name, shape) in [
      ("conv2d_1a.conv.weight", [32, 3, 3, 3]), ("conv2d_4b.bn.weight", [256]),
      ("repeat_1.4.branch2.2.conv.weight", [32, 32, 3, 3]),
      ("repeat_1.0.conv2d.weight", [256, 96, 1, 1]), ("repeat_1.0.conv2d.bias", [256]),
      ("mixed_6a.branch0.conv.weight", [384, 256, 3, 3]),
      ("repeat_2.9.branch1.1.conv.weight", [128, 128, 1, 7]),
      ("repeat_2.9.branch1.2.conv.weight", [128, 128, 7, 1]),
      ("mixed_7a.branch2.2.conv.weight", [256, 256, 3, 3]),
      ("block8.conv2d.weight", [1792, 384, 1, 1]), ("last_linear.weight", [512, 1792]),
      ("last_bn.weight", [512]),
    ] { #expect(shapes[name] == shape, "\(name)") }
    #expect(shapes["last_linear.bias"] == nil)
  }

  @Test func resnet18() throws {
    try check(
      "resnet18",
      names: """
        conv1.weight bn1.*
        layer1.0.conv1.weight layer1.0.bn1.* layer1.0.conv2.weight layer1.0.bn2.*
        layer1.1.conv1.weight layer1.1.bn1.* layer1.1.conv2.weight layer1.1.bn2.*
        layer2.0.conv1.weight layer2.0.bn1.* layer2.0.conv2.weight layer2.0.bn2.*
        layer2.0.downsample.0.weight layer2.0.downsample.1.*
        layer2.1.conv1.weight layer2.1.bn1.* layer2.1.conv2.weight layer2.1.bn2.*
        layer3.0.conv1.weight layer3.0.bn1.* layer3.0.conv2.weight layer3.0.bn2.*
        layer3.0.downsample.0.weight layer3.0.downsample.1.*
        layer3.1.conv1.weight layer3.1.bn1.* layer3.1.conv2.weight layer3.1.bn2.*
        layer4.0.conv1.weight layer4.0.bn1.* layer4.0.conv2.weight layer4.0.bn2.*
        layer4.0.downsample.0.weight layer4.0.downsample.1.*
        layer4.1.conv1.weight layer4.1.bn1.* layer4.1.conv2.weight layer4.1.bn2.*
        fc.*
        """,
      moments: """
        bn1 layer1.0.bn1 layer1.0.bn2 layer1.1.bn1 layer1.1.bn2
        layer2.0.bn1 layer2.0.bn2 layer2.0.downsample.1 layer2.1.bn1 layer2.1.bn2
        layer3.0.bn1 layer3.0.bn2 layer3.0.downsample.1 layer3.1.bn1 layer3.1.bn2
        layer4.0.bn1 layer4.0.bn2 layer4.0.downsample.1 layer4.1.bn1 layer4.1.bn2
        """)
  }
}
