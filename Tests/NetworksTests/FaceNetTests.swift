import Networks
import Testing
import TestSupport

/// FaceNet's tables 1 and 2 and the totals it prints of the other networks.
@Suite struct FaceNetTests {
  private static func network(_ name: String, _ options: ModelOptions = options) throws -> Network {
    let model = try #require(Models.model(named: name))
    return model.network(image: model.image, maximumRows: 1, options: options)
  }

  private static let options = ModelOptions(embedding: 128)

  /// One row of a table: the tensors that belong to it begin with `name`.
  struct Row: Sendable {
    let name: String
    let output: String
    /// Exact, with biases.
    let parameters: Int
    /// As printed, in thousands.
    let printedParameters: Double
    /// As printed, in millions: multiply-adds and one addition for each output.
    let printedOperations: Double
  }

  static let nn1 = [
    Row(
      name: "conv1.", output: "110x110x64", parameters: 9_472, printedParameters: 9,
      printedOperations: 115),
    Row(
      name: "conv2a.", output: "55x55x64", parameters: 4_160, printedParameters: 4,
      printedOperations: 13),
    Row(
      name: "conv2.", output: "55x55x192", parameters: 110_784, printedParameters: 111,
      printedOperations: 335),
    Row(
      name: "conv3a.", output: "28x28x192", parameters: 37_056, printedParameters: 37,
      printedOperations: 29),
    Row(
      name: "conv3.", output: "28x28x384", parameters: 663_936, printedParameters: 664,
      printedOperations: 521),
    Row(
      name: "conv4a.", output: "14x14x384", parameters: 147_840, printedParameters: 148,
      printedOperations: 29),
    Row(
      name: "conv4.", output: "14x14x256", parameters: 884_992, printedParameters: 885,
      printedOperations: 173),
    Row(
      name: "conv5a.", output: "14x14x256", parameters: 65_792, printedParameters: 66,
      printedOperations: 13),
    Row(
      name: "conv5.", output: "14x14x256", parameters: 590_080, printedParameters: 590,
      printedOperations: 116),
    Row(
      name: "conv6a.", output: "14x14x256", parameters: 65_792, printedParameters: 66,
      printedOperations: 13),
    Row(
      name: "conv6.", output: "14x14x256", parameters: 590_080, printedParameters: 590,
      printedOperations: 116),
    Row(
      name: "fc1.", output: "1x1x8192", parameters: 102_768_640, printedParameters: 103_000,
      printedOperations: 103),
    Row(
      name: "fc2.", output: "1x1x8192", parameters: 33_562_624, printedParameters: 34_000,
      printedOperations: 34),
    Row(
      name: "fc7128.", output: "1x1x128", parameters: 524_416, printedParameters: 524,
      printedOperations: 0.5),
  ]

  /// The last layer of a module's tensors tells its map, not its channels: those are joined.
  static let nn2 = [
    Row(
      name: "conv1.", output: "112x112", parameters: 9_472, printedParameters: 9,
      printedOperations: 119),
    Row(
      name: "inception2.", output: "56x56", parameters: 114_944, printedParameters: 115,
      printedOperations: 360),
    Row(
      name: "inception3a.", output: "28x28", parameters: 163_696, printedParameters: 164,
      printedOperations: 128),
    Row(
      name: "inception3b.", output: "28x28", parameters: 227_776, printedParameters: 228,
      printedOperations: 179),
    Row(
      name: "inception3c.", output: "14x14", parameters: 397_792, printedParameters: 398,
      printedOperations: 108),
    Row(
      name: "inception4a.", output: "14x14", parameters: 545_536, printedParameters: 545,
      printedOperations: 107),
    Row(
      name: "inception4b.", output: "14x14", parameters: 595_216, printedParameters: 595,
      printedOperations: 117),
    Row(
      name: "inception4c.", output: "14x14", parameters: 654_112, printedParameters: 654,
      printedOperations: 128),
    Row(
      name: "inception4d.", output: "14x14", parameters: 722_224, printedParameters: 722,
      printedOperations: 142),
    Row(
      name: "inception4e.", output: "7x7", parameters: 717_408, printedParameters: 717,
      printedOperations: 56),
    Row(
      name: "inception5a.", output: "7x7", parameters: 1_588_464, printedParameters: 1_600,
      printedOperations: 78),
    Row(
      name: "inception5b.", output: "7x7", parameters: 1_588_464, printedParameters: 1_600,
      printedOperations: 78),
    Row(
      name: "fc.", output: "1x1", parameters: 131_200, printedParameters: 131,
      printedOperations: 0.1),
  ]

  private func check(_ network: Network, _ rows: [Row]) {
    var tensors = 0
    for row in rows {
      let own = network.parameters.filter { $0.name.hasPrefix(row.name) }
      tensors += own.count
      let count = own.reduce(0) { $0 + $1.range.count }
      #expect(count == row.parameters, "\(row.name)")
      // The paper rounds to thousands, from a million on to two digits; 4a's 545 K stands for
      // 545,536.
      let unit = row.printedParameters >= 1_000 ? 100_000.0 : 1_000
      let printed = row.printedParameters * 1_000
      #expect(abs(Double(count) - printed) <= unit * (row.printedParameters >= 10_000 ? 5 : 0.54))

      let layers = network.layers.filter { layer in
        !layer.parameters.isEmpty
          && own.contains { $0.range.lowerBound == layer.parameters.lowerBound }
      }
      #expect(layers.last.map { "\($0.output.shape)".hasPrefix(row.output) } == true, "\(row.name)")
      let operations = layers.reduce(0) {
        $0 + ($1.multiplyAdds == 0 ? 0 : $1.multiplyAdds + $1.output.shape.count)
      }
      let tolerance = row.printedOperations < 1 ? 0.05 : 0.5
      #expect(
        abs(Double(operations) / 1e6 - row.printedOperations) <= tolerance,
        "\(row.name) \(operations)")
    }
    #expect(tensors == network.parameters.count)
  }

  @Test func nn1IsTable1() throws {
    let network = try Self.network("nn1")
    check(network, Self.nn1)
    #expect(network.parameterCount == 140_025_664)
    #expect(network.multiplyAdds == 1_605_944_064)
    let pools = network.layers.filter { $0.summary.hasPrefix("max pool") }
    #expect(
      pools.map { "\($0.output.shape)" } == ["55x55x64", "28x28x192", "14x14x384", "7x7x256"])
  }

  @Test func nn2IsTable2() throws {
    let network = try Self.network("nn2")
    check(network, Self.nn2)
    #expect(network.parameterCount == 7_456_304)
    #expect(network.multiplyAdds == 1_596_530_688)
  }

  /// The inputs of the modules' first convolutions are the joined outputs of table 2.
  @Test func nn2JoinsWhatTable2Says() throws {
    let network = try Self.network("nn2")
    let rows = [
      "3b": 256, "3c": 320, "4a": 640, "4b": 640, "4c": 640, "4d": 640, "4e": 640, "5a": 1024,
      "5b": 1024,
    ]
    for (row, inputs) in rows {
      let reduce = try #require(
        network.parameters.first { $0.name == "inception\(row).reduce3x3.weight" })
      #expect(reduce.shape[1] == inputs, "\(row)")
    }
    let last = try #require(network.parameters.first { $0.name == "fc.weight" })
    #expect(last.shape == [128, 1024])
    let pools = network.layers.map(\.summary).filter { $0.contains("pool 3x3") }
    #expect(
      pools.map { $0.hasPrefix("L2") } == [
        false, false, false, true, false, true, true, true, true, false, true, false,
      ])
  }

  @Test func nn3IsNN2At160() throws {
    let network = try Self.network("nn3")
    #expect(network.parameterCount == 7_456_304)
    #expect((network.multiplyAdds + 50_000) / 100_000 == 8_146)
  }

  /// "285 M", and the 6.6 M of the paper's smallest inception network.
  @Test func nn4MeetsBothPrintedFigures() throws {
    let network = try Self.network("nn4")
    #expect(network.parameters.filter(\.isWeight).reduce(0) { $0 + $1.range.count } == 6_600_384)
    #expect(abs(Double(network.multiplyAdds) / 1e6 - 285) < 0.5)
  }

  @Test func nns1AndNNS2MeetTheirTotals() throws {
    for (name, parameters, multiplyAdds) in [("nns1", 26e6, 220e6), ("nns2", 4.3e6, 20e6)] {
      let network = try Self.network(name)
      #expect(abs(Double(network.parameterCount) / parameters - 1) < 0.05, "\(name)")
      #expect(abs(Double(network.multiplyAdds) / multiplyAdds - 1) < 0.05, "\(name)")
      let additions = network.layers.filter { $0.multiplyAdds > 0 }
        .reduce(0) { $0 + $1.output.shape.count }
      let operations = Double(network.multiplyAdds + additions)
      #expect(abs(operations / multiplyAdds - 1) < 0.05, "\(name)")
    }
    #expect(try Self.network("nns1").image.shape.description == "165x165x3")
    #expect(try Self.network("nns2").image.shape.description == "140x116x3")
  }

  /// The tables of docs/facenet-networks.md: parameters and multiply-adds by row.
  @Test(arguments: [
    (
      "nns1",
      [
        ("conv1.", 4_736, 32_405_856), ("inception2.", 19_552, 34_320_384),
        ("inception3a.", 34_992, 15_353_856), ("inception3b.", 56_016, 24_611_328),
        ("inception3c.", 99_568, 16_114_688), ("inception4a.", 163_728, 19_762_688),
        ("inception4b.", 163_728, 19_762_688), ("inception4e.", 174_400, 8_878_080),
        ("inception5a.", 426_624, 15_335_424), ("inception5b.", 414_336, 14_893_056),
        ("fc1.", 24_773_952, 24_772_608), ("fc.", 86_144, 86_016),
      ]
    ),
    (
      "nns2",
      [
        ("conv1.", 1_216, 4_872_000), ("inception2.", 4_912, 4_936_960),
        ("inception3a.", 6_224, 1_658_880), ("inception3c.", 11_976, 1_161_216),
        ("inception4a.", 22_168, 1_585_152), ("inception4e.", 47_760, 1_271_808),
        ("inception5a.", 54_496, 1_085_440), ("fc1.", 4_056_096, 4_055_040),
        ("fc.", 67_712, 67_584),
      ]
    ),
  ])
  func ourTablesAreTheDocumentedOnes(name: String, rows: [(String, Int, Int)]) throws {
    let network = try Self.network(name)
    for (row, parameters, multiplyAdds) in rows {
      let own = network.parameters.filter { $0.name.hasPrefix(row) }
      #expect(own.reduce(0) { $0 + $1.range.count } == parameters, "\(row)")
      let starts = Set(own.map(\.range.lowerBound))
      let layers = network.layers.filter {
        !$0.parameters.isEmpty && starts.contains($0.parameters.lowerBound)
      }
      #expect(layers.reduce(0) { $0 + $1.multiplyAdds } == multiplyAdds, "\(row)")
    }
    #expect(rows.reduce(0) { $0 + $1.1 } == network.parameterCount)
  }

  /// OpenFace's nn2.def.lua counts 7,472,144: it keeps the 7,920 biases that batch norm cancels.
  @Test func batchNormTakesThePlaceOfBiases() throws {
    var options = Self.options
    options.batchNorm = true
    let network = try Self.network("nn2", options)
    #expect(network.parameterCount == 7_472_144 - 7_920)
    #expect(network.statistics.reduce(0) { $0 + $1.channels } == 7_920)
    options.batchNorm = false
    #expect(try Self.network("nn2", options).parameterCount == 7_456_304)
  }

  @Test(arguments: ["nn2", "nn4", "nns1", "nns2"])
  func poolingIsAChoice(name: String) throws {
    var options = Self.options
    func pools(_ pooling: ModelOptions.Pooling?) throws -> (maxima: Int, roots: Int) {
      options.pooling = pooling
      let summaries = try Self.network(name, options).layers.map(\.summary)
      return (
        summaries.count { $0.hasPrefix("max pool") }, summaries.count { $0.hasPrefix("L2 pool") }
      )
    }
    let published = try pools(nil)
    #expect(published.maxima > 2 && published.roots > 0)
    let maxima = try pools(.max)
    #expect(maxima == (published.maxima + published.roots, 0))
    // The stem's two stay what they are.
    let roots = try pools(.l2)
    #expect(roots == (2, published.maxima + published.roots - 2))
  }

  @Test(arguments: ["nn1", "nn2", "nns2"], [64, 512])
  func embeddingsHaveTheLengthAskedFor(name: String, embedding: Int) throws {
    var options = Self.options
    options.embedding = embedding
    #expect(try Self.network(name, options).embeddingCount == embedding)
  }

  /// The constants of the response norm: at x = 100 they halve about what they do not leave alone.
  @Test func responseNormHasGoogLeNetsConstants() {
    var graph = Graph(image: MapShape(height: 1, width: 1, channels: 3))
    let output = graph.responseNorm(graph.image)
    let run = NetworkRun(
      Network(name: "norm", graph: graph, output: output, maximumRows: 1), rows: 1)
    run.images = [100, -200, 300]
    run.run(.inference)
    // Three channels lie in every window of five: s = 1 + 1e-4 / 5 * 140,000 = 3.8.
    let divisor = 3.8.squareRoot() * 3.8.squareRoot().squareRoot()
    #expect(worstError(run.output, [100, -200, 300].map { $0 / divisor }) < 1e-6)
  }
}
