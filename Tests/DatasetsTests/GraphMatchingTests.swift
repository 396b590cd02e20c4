import GraphMatching
import Interchange
import Testing

/// Recognition networks of ONNX files, found by their structure.
@Suite struct GraphMatchingTests {
  private let folder = TemporaryFolder()

  private func weights(
    of graph: inout RecognitionGraph, byte: (scale: Double, offset: Double)? = nil
  ) throws -> ONNXWeights {
    let path = folder.path + "/net.onnx"
    try graph.write(to: path)
    return try ONNXWeights(
      ONNXFile(path: path), of: RecognitionGraph.network,
      normalization: byte.map {
        (Array(repeating: $0.scale, count: 3), Array(repeating: $0.offset, count: 3))
      })
  }

  private func complaint(_ change: (inout RecognitionGraph) -> Void) throws -> String {
    var graph = RecognitionGraph()
    change(&graph)
    do {
      _ = try weights(of: &graph)
      return ""
    } catch let error as InterchangeError {
      return error.description
    }
  }

  /// Every tensor is found, those of folded batch norms made up.
  @Test func aFoldedGraphHasAllOfItsNetwork() throws {
    var graph = RecognitionGraph()
    let weights = try weights(of: &graph)
    #expect(weights.foldedCount == 13)
    let network = RecognitionGraph.network
    for description in network.parameters {
      #expect(weights.shape(of: description.name) == description.shape, "\(description.name)")
      #expect(try weights.elements(of: description.name) == graph.expected[description.name])
    }
    for entry in network.statistics {
      for part in [".running_mean", ".running_var"] {
        let found = try weights.elements(of: entry.name + part)
        #expect(found == graph.expected[entry.name + part], "\(entry.name)\(part)")
      }
    }
    #expect(weights.names.count == network.parameters.count + 2 * network.statistics.count + 1)
    #expect(try weights.elements(of: "features.weight").allSatisfy { $0 == 1 })
    #expect(throws: InterchangeError.self) { try weights.elements(of: "other") }
    let file = try ONNXFile(path: folder.path + "/net.onnx")
    let size = try #require(ONNXWeights.imageSize(of: file))
    #expect(size.height == 32 && size.width == 32)
    #expect(ONNXWeights.embeddingCount(of: file) == RecognitionGraph.embedding)
  }

  @Test func mapsBecomeFeaturesInAnyWayThatKeepsTheBatch() throws {
    for way in [
      RecognitionGraph.Flattening.computedShape, .fixedShape([1, -1]), .fixedShape([-1, 256]),
      .fixedShape([0, -1]),
    ] {
      var graph = RecognitionGraph()
      graph.flattens = way
      _ = try weights(of: &graph)
    }
    for sides in [[-1, -1], [2, -1], [-1, 128], [256]] as [[Int64]] {
      let text = try complaint { $0.flattens = .fixedShape(sides) }
      #expect(text.contains("has the map as features"), "\(sides): \(text)")
    }
  }

  @Test func theLengthOfAnEmbeddingIsLeftAway() throws {
    for end in [RecognitionGraph.End.lpNormalization, .division, .tiledDivision] {
      var graph = RecognitionGraph()
      graph.end = end
      let weights = try weights(of: &graph)
      #expect(weights.endsInLength, "\(end)")
    }
    var graph = RecognitionGraph()
    let plain = try weights(of: &graph)
    #expect(!plain.endsInLength)
  }

  @Test func aGraphThatNormalisesItsImagesMustDoWhatIsSaid() throws {
    var graph = RecognitionGraph()
    graph.normalization = [("Sub", 127.5), ("Mul", 1 / 127.5)]
    _ = try weights(of: &graph, byte: (2 / 255, -1))
    graph = RecognitionGraph()
    graph.normalization = [("Sub", 127.5), ("Mul", 0.0078125)]
    #expect {
      _ = try weights(of: &graph, byte: (2 / 255, -1))
    } throws: {
      "\($0)".contains("a byte x becomes 0.0078125 x + -0.99609375, which is not what --normalize")
    }
    graph = RecognitionGraph()
    graph.normalization = [("Div", 255)]
    _ = try weights(of: &graph, byte: (1 / 255, 0))
  }

  @Test func eachImagesOwnMeanAndDeviationAreOneNormalisation() throws {
    var graph = RecognitionGraph()
    let least = Float(1 / Double(3 * 32 * 32).squareRoot())
    graph.leastDeviation = least
    _ = try weights(of: &graph)
    graph = RecognitionGraph()
    graph.leastDeviation = least
    #expect {
      _ = try weights(of: &graph, byte: (2 / 255, -1))
    } throws: {
      "\($0)".contains("which is not what --normalize makes of it; that would be standardize")
    }
    // Divided by something else it is no normalisation of ours.
    let other = try complaint { $0.leastDeviation = 1 }
    #expect(other.contains("behind the image comes node 'ReduceMean"), "\(other)")
  }

  /// The node at which it is another network, and what this one has there.
  @Test func anotherNetworkIsNamedByItsFirstOtherNode() throws {
    let deeper = try complaint { $0.blocks = [2, 1, 1, 1] }
    #expect(
      deeper.contains(
        "no iresnet10: behind node 'BatchNormalization_1' (BatchNormalization) comes"),
      "\(deeper)")
    #expect(deeper.contains("'layer2.0.conv1.weight' of [16, 8, 3, 3]"), "\(deeper)")
    let other = try complaint { $0.strides = [1, 2, 2, 2] }
    #expect(other.contains("strides [1, 1]") && other.contains("strides [2, 2]"), "\(other)")
    let shorter = try complaint { $0.blocks = [1, 1, 1] }
    #expect(shorter.contains("comes node 'Flatten_0' (Flatten)"), "\(shorter)")
    let longer = try complaint { $0.end = .sigmoid }
    #expect(
      longer.contains("comes node 'Sigmoid_0' (Sigmoid), where iresnet10 has the end"), "\(longer)")
    for text in [deeper, other, shorter, longer] {
      #expect(text.contains("check --model") && text.count < 500 && !text.contains("\n"))
    }
    // Without the bias of a batch norm there is nothing to add.
    var bare = RecognitionGraph()
    bare.hasBias = false
    let weights = try weights(of: &bare)
    #expect(try weights.elements(of: "bn1.bias").allSatisfy { $0 == 0 })
  }
}
