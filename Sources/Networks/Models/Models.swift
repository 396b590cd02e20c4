package import Kernels

/// What every model takes.
package struct ModelOptions: Sendable, Hashable {
  /// What the windows of an inception module's pooling give.
  package enum Pooling: String, Sendable, CaseIterable { case max, l2 }

  /// Features of the embedding.
  package var embedding: Int
  /// The probability with which dropout drops an element.
  package var dropout: Double
  /// Multiplies the channels of every stage; 1 is the published network.
  package var width: Double
  /// Batch norm where the published network has biases; nil where there is no choice.
  package var batchNorm: Bool?
  /// The pooling of all inception modules; nil for that of the published table.
  package var pooling: Pooling?
  /// In what numbers products are computed.
  package var precision: Precision

  package init(
    embedding: Int = 512, dropout: Double = 0, width: Double = 1, batchNorm: Bool? = nil,
    pooling: Pooling? = nil, precision: Precision = .float32
  ) {
    self.embedding = embedding
    self.dropout = dropout
    self.width = width
    self.batchNorm = batchNorm
    self.pooling = pooling
    self.precision = precision
  }

  /// `base` channels at this width, a multiple of 8 and at least 8.
  func channels(_ base: Int) -> Int {
    width == 1 ? base : max(8, Int((Double(base) * width / 8).rounded()) * 8)
  }
}

/// A model of the program: how it is built, and what its publication chose.
package struct Model: Sendable {
  /// What options, files and messages call it; no two have the same.
  package let name: String
  /// The images it was published for.
  package let image: MapShape
  /// Features of its embedding, as published.
  package let embedding: Int
  /// The probability of its dropout, as published.
  package let dropout: Double
  /// The fewest pixels of a side of an image that its windows without padding leave something of.
  package let smallestSide: Int
  /// Whether its size is part of what it is, so that a crop of another size does not change it.
  package let fixesImage: Bool
  /// Whether batch norm may take the place of its biases.
  package let takesBatchNorm: Bool
  /// Whether the pooling of its inception modules may be chosen.
  package let takesPooling: Bool
  private let build: @Sendable (ModelOptions, inout Graph) -> Value

  /// A residual network, for aligned faces of 112x112.
  fileprivate init(
    _ name: String, dropout: Double = 0,
    build: @escaping @Sendable (ModelOptions, inout Graph) -> Value
  ) {
    self.name = name
    image = MapShape(height: 112, width: 112, channels: 3)
    embedding = 512
    self.dropout = dropout
    smallestSide = 8
    fixesImage = false
    takesBatchNorm = false
    takesPooling = false
    self.build = build
  }

  /// Inception-ResNet-v1.
  fileprivate init(inceptionResNet name: String) {
    self.name = name
    image = MapShape(height: 160, width: 160, channels: 3)
    embedding = 512
    dropout = 0.6
    smallestSide = 75
    fixesImage = true
    takesBatchNorm = false
    takesPooling = false
    build = { InceptionResNet.build($0, in: &$1) }
  }

  /// A network of FaceNet.
  fileprivate init(
    faceNet name: String, height: Int, width: Int, inception: FaceNetInception?
  ) {
    self.name = name
    image = MapShape(height: height, width: width, channels: 3)
    embedding = 128
    dropout = 0
    smallestSide = 8
    fixesImage = true
    takesBatchNorm = true
    takesPooling = inception != nil
    build = {
      if let inception { inception.build($0, in: &$1) } else { NN1.build($0, in: &$1) }
    }
  }

  /// Makes the network for images [height, width, 3] and microbatches of at most `maximumRows`;
  /// without `fuses` each of its operations is a layer.
  package func network(
    image: MapShape, maximumRows: Int, options: ModelOptions, fuses: Bool = true
  ) -> Network {
    var graph = Graph(image: image)
    let output = build(options, &graph)
    return Network(
      name: name, graph: graph, output: output, maximumRows: maximumRows,
      precision: options.precision, fuses: fuses)
  }
}

extension Model: Equatable {
  /// Models are told apart by their names.
  package static func == (one: Model, other: Model) -> Bool { one.name == other.name }
}

extension Model {
  /// The model that is trained where nothing else is said.
  package static let usual = Model("iresnet18") { IResNet.build(depth: 18, $0, in: &$1) }
}

/// The models by name.
package enum Models {
  private static let all = [
    Model("aix-resnet18", dropout: 0.4) { AIXResNet.build(depth: 18, $0, in: &$1) },
    Model("aix-resnet34", dropout: 0.4) { AIXResNet.build(depth: 34, $0, in: &$1) },
    Model("aix-resnet50", dropout: 0.4) { AIXResNet.build(depth: 50, $0, in: &$1) },
    Model("resnet18") { ResNet.build(depth: 18, $0, in: &$1) },
    Model("resnet34") { ResNet.build(depth: 34, $0, in: &$1) },
    Model("resnet50") { ResNet.build(depth: 50, $0, in: &$1) },
    Model("iresnet10") { IResNet.build(depth: 10, $0, in: &$1) },
    .usual,
    Model("iresnet34") { IResNet.build(depth: 34, $0, in: &$1) },
    Model("iresnet50") { IResNet.build(depth: 50, $0, in: &$1) },
    Model("iresnet100") { IResNet.build(depth: 100, $0, in: &$1) },
    Model("mobilefacenet") { MobileFaceNet.build($0, in: &$1) },
    Model(inceptionResNet: "inception-resnet-v1"),
    Model(faceNet: "nn1", height: 220, width: 220, inception: nil),
    Model(faceNet: "nn2", height: 224, width: 224, inception: .nn2),
    Model(faceNet: "nn3", height: 160, width: 160, inception: .nn2),
    Model(faceNet: "nn4", height: 96, width: 96, inception: .nn4),
    Model(faceNet: "nns1", height: 165, width: 165, inception: .nns1),
    Model(faceNet: "nns2", height: 140, width: 116, inception: .nns2),
  ]

  /// The names of all models, in the order in which messages list them.
  package static var names: [String] { all.map(\.name) }

  /// The model of that name; nil if there is none.
  package static func model(named name: String) -> Model? { all.first { $0.name == name } }
}
