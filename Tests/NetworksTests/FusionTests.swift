import Networks
import Testing
import TestSupport

/// What the pass over a graph makes layers of, and that it changes nothing else.
@Suite struct FusionTests {
  private static func network(_ model: String, fuses: Bool, dropout: Double = 0) throws -> Network {
    try #require(
      Models.network(
        named: model, imageSize: model == "inception-resnet-v1" ? 80 : 32, maximumRows: 3,
        options: ModelOptions(embedding: 16, dropout: dropout, width: 0.125), fuses: fuses))
  }

  /// Layers by their summaries, between stem and head.
  @Test(arguments: [
    ("batch norm and ReLU", ["batch norm, relu"]),
    ("residual and PReLU", ["conv 3x3", "batch norm + shortcut, prelu"]),
    ("scaled residual", ["conv 3x3", "bias, 0.4 x + shortcut"]),
    ("bias and ReLU", ["bias, relu"]),
    ("bias and PReLU", ["bias, prelu"]),
    ("scale", ["0.7 x"]),
    ("sum with ReLU", ["conv 3x3", "conv 3x3", "shortcut, relu"]),
    ("sum of a map with itself and PReLU", ["shortcut, prelu"]),
    ("sum of the shortcut and batch norm", ["conv 3x3", "batch norm + shortcut, relu"]),
    ("sum of batch norm and what it reads", ["batch norm", "shortcut, relu"]),
    (
      "sum of batch norm and what comes after it",
      ["conv 3x3", "batch norm", "conv 3x3", "shortcut"]
    ),
    ("batch norm that is read twice", ["conv 3x3", "batch norm", "relu", "shortcut"]),
    ("bias that is read twice", ["bias", "relu", "prelu", "shortcut"]),
    ("sums in a row", ["conv 3x3", "conv 3x3", "batch norm + shortcut", "shortcut"]),
  ])
  func operationsMeetInLayers(name: String, layers: [String]) throws {
    let small = try #require(SmallNetwork.all.first { $0.description == name })
    #expect(small.network().layers.map(\.summary) == ["conv 3x3"] + layers + ["linear"])
    let apart = small.network(fuses: false)
    #expect(apart.layers.allSatisfy { $0.operations.count == 1 })
  }

  /// The published networks have nothing that a layer of its own must do.
  @Test(arguments: Models.names)
  func modelsAreFused(model: String) throws {
    for layer in try Self.network(model, fuses: true).layers {
      switch layer.operations[0] {
      case .add, .scale, .relu, .prelu: Issue.record("\(model): \(layer.summary) by itself")
      case .bias: #expect(layer.operations.count > 1)
      default: break
      }
    }
  }

  private func check(_ fused: Network, _ apart: Network) {
    #expect(fused.parameters.map(\.name) == apart.parameters.map(\.name))
    #expect(fused.parameters.map(\.range) == apart.parameters.map(\.range))
    #expect(fused.statistics.map(\.name) == apart.statistics.map(\.name))
    let runs = [fused, apart].map { network in
      let run = NetworkRun(network, rows: network.maximumRows)
      run.fillWithNumbers()
      return run
    }
    let coefficients = Formula.numbers("loss", runs[0].rows * fused.embeddingCount)
    for run in runs { run.run(.training, outputGradient: coefficients.map { Float($0) }) }
    #expect(worstError(runs[0].output, doubles(runs[1].output)) < 1e-4)
    #expect(worstError(runs[0].batchMoments, doubles(runs[1].batchMoments)) < 1e-4)
    for entry in fused.parameters {
      let (a, b) = (runs[0].gradient[entry.range], runs[1].gradient[entry.range])
      let size = max(1e-2, b.map(abs).max()!)
      let error = zip(a, b).map { abs($0 - $1) }.max()! / size
      #expect(error < 2e-3, "\(entry.name): \(error) of \(size)")
    }
    for run in runs { run.run(.inference) }
    #expect(worstError(runs[0].output, doubles(runs[1].output)) < 1e-4)
  }

  @Test(arguments: SmallNetwork.all)
  func apartTheSameIsComputed(small: SmallNetwork) {
    check(small.network(), small.network(fuses: false))
  }

  @Test(arguments: Models.names)
  func apartTheSameIsComputed(model: String) throws {
    check(
      try Self.network(model, fuses: true, dropout: 0.3),
      try Self.network(model, fuses: false, dropout: 0.3))
  }

  /// A layer has an input for everything that its operations read, all of it written already.
  @Test(arguments: Models.names, [true, false])
  func inputsAreThoseOfTheOperations(model: String, fuses: Bool) throws {
    let network = try Self.network(model, fuses: fuses)
    var written: Set = [network.image.id]
    for layer in network.layers {
      let reads = layer.operations.reduce(0) { $0 + $1.inputCount } - layer.operations.count + 1
      #expect(layer.inputs.count == reads, "\(layer.summary)")
      #expect(layer.inputs.allSatisfy { written.contains($0.id) }, "\(layer.summary)")
      written.insert(layer.output.id)
    }
  }

  /// The masks of a run are drawn by the number of the layer: another one changes what every
  /// checkpoint goes on with.
  @Test(arguments: [
    "aix-resnet18": 44, "aix-resnet34": 76, "aix-resnet50": 108, "resnet18": 42, "resnet34": 74,
    "resnet50": 108, "iresnet10": 31, "iresnet18": 51, "iresnet34": 91, "iresnet50": 131,
    "iresnet100": 256, "mobilefacenet": 98, "inception-resnet-v1": 268, "nn1": 32, "nn2": 133,
    "nn3": 133, "nn4": 121, "nns1": 100, "nns2": 49,
  ])
  func dropoutKeepsItsNumber(model: String, number: Int) throws {
    for fuses in [true, false] {
      let network = try Self.network(model, fuses: fuses, dropout: 0.5)
      #expect(network.layers.compactMap { ($0 as? Dropout)?.number } == [number])
    }
  }
}
