package import Assembly
package import Configuration
package import Datasets
private import Determinism
internal import Kernels
private import Networks

/// The training configuration that all figures of whole steps are measured with.
package struct BenchmarkModel: Sendable {
  package var name: String
  /// Height and width of the images.
  package var imageSize: ImageSize
  package var classCount: Int
  /// Multiplies the channels; 1 is the published network.
  package var width: Double
  /// In what numbers products are computed.
  package var precision: Precision
  package var batch: Int
  package var microbatch: Int
  /// Where the class weights are.
  package var head = HeadPlacement.whole
  /// The chance of a class beside the batch's to take part in a step; below 1 with a divided head.
  package var sampleClasses = 1.0

  /// `name` is one of `Models.names`; images are square of side `imageSize`, or as the model was
  /// published for where that is nil.
  package init(
    name: String, imageSize: Int? = nil, classCount: Int = 5748, width: Double = 1,
    precision: Precision = .float32, batch: Int = 64, microbatch: Int = 16
  ) {
    self.name = name
    let published = Models.model(named: name)!.image
    self.imageSize =
      imageSize.map { ImageSize(side: $0) }
      ?? ImageSize(height: published.height, width: published.width)
    self.classCount = classCount
    self.width = width
    self.precision = precision
    self.batch = batch
    self.microbatch = microbatch
  }

  /// In what arithmetic products of convolutions are computed, for reports.
  var products: String { precision.note ?? "products: fp32" }

  /// ArcFace over `classCount` people on embeddings of 512, SGD with momentum, no dropout, no
  /// decay.
  package var configuration: RunConfiguration {
    var configuration = RunConfiguration.demo
    configuration.model = Models.model(named: name)!
    configuration.width = width
    configuration.precision = precision
    configuration.imageSize = imageSize
    configuration.embedding = 512
    configuration.dropout = 0
    configuration.loss = .arcface
    configuration.scale = 64
    configuration.margin = [0.5]
    configuration.batch = batch
    configuration.microbatch = microbatch
    configuration.optimizer = .sgd
    configuration.learningRate = 0.01
    configuration.momentum = 0.9
    configuration.weightDecay = 0
    configuration.clipNorm = nil
    configuration.head = head
    configuration.sampleClasses = sampleClasses
    configuration.length = .steps(1)
    configuration.watchdogSeconds = 0
    configuration.stallSeconds = 0
    return configuration
  }

  /// Network, head and groups of the configuration; the name must be one of `Models.names`.
  package var factory: ModelFactory { ModelFactory(configuration, classCount: classCount) }

  /// `count` images [count, height, width, 3] of fixed noise in -1...1.
  static func images(_ count: Int, size: ImageSize) -> AlignedMemory {
    let memory = AlignedMemory(count: count * size.height * size.width * 3, fill: 0)
    let stream = CounterRandom(seed: 3, purpose: .testing, 0)
    for i in 0..<memory.count { memory.pointer[i] = Float(2 * stream.uniform(i) - 1) }
    return memory
  }
}
