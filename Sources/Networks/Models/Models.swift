/// What every model takes.
package struct ModelOptions: Sendable, Hashable {
  /// Features of the embedding.
  package var embedding: Int
  package var dropout: Double
  /// Multiplies the channels of every stage; 1 is the published network.
  package var width: Double

  package init(embedding: Int = 512, dropout: Double = 0, width: Double = 1) {
    self.embedding = embedding
    self.dropout = dropout
    self.width = width
  }

  /// `base` channels at this width, a multiple of 8 and at least 8.
  func channels(_ base: Int) -> Int {
    width == 1 ? base : max(8, Int((Double(base) * width / 8).rounded()) * 8)
  }
}

/// The models by name.
package enum Models {
  private static let builders:
    [(name: String, build: @Sendable (ModelOptions, inout Plan) -> Activation)] = [
      ("aix-resnet18", { AIXResNet.build(depth: 18, $0, in: &$1) }),
      ("aix-resnet34", { AIXResNet.build(depth: 34, $0, in: &$1) }),
      ("aix-resnet50", { AIXResNet.build(depth: 50, $0, in: &$1) }),
      ("resnet18", { ResNet.build(depth: 18, $0, in: &$1) }),
      ("resnet34", { ResNet.build(depth: 34, $0, in: &$1) }),
      ("resnet50", { ResNet.build(depth: 50, $0, in: &$1) }),
      ("iresnet10", { IResNet.build(depth: 10, $0, in: &$1) }),
      ("iresnet18", { IResNet.build(depth: 18, $0, in: &$1) }),
      ("iresnet34", { IResNet.build(depth: 34, $0, in: &$1) }),
      ("iresnet50", { IResNet.build(depth: 50, $0, in: &$1) }),
      ("iresnet100", { IResNet.build(depth: 100, $0, in: &$1) }),
    ]

  package static var names: [String] { builders.map(\.name) }

  /// Builds the network `name` for square images of `imageSize` and microbatches of at most
  /// `maximumRows`; nil if there is no such model.
  package static func network(
    named name: String, imageSize: Int, maximumRows: Int, options: ModelOptions
  ) -> Network? {
    guard let entry = builders.first(where: { $0.name == name }) else { return nil }
    var plan = Plan(
      maximumRows: maximumRows,
      image: MapShape(height: imageSize, width: imageSize, channels: 3))
    let output = entry.build(options, &plan)
    return Network(name: name, plan: plan, output: output)
  }
}
