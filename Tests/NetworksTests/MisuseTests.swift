import Networks
import Testing

/// Networks that cannot be meant.
@Suite struct MisuseTests {
  private static func graph() -> Graph {
    Graph(image: MapShape(height: 4, width: 4, channels: 3))
  }

  /// What the process said before it died: also in release, where `precondition` is silent.
  private static func words(of result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }

  @Test func anUnreadActivationTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var graph = MisuseTests.graph()
      let x = graph.linear(graph.image, name: "a", outputs: 2)
      _ = graph.linear(x, name: "b", outputs: 2)
      let result = graph.linear(x, name: "c", outputs: 2)
      _ = Network(name: "loose end", graph: graph, output: result, maximumRows: 2)
    }
    #expect(Self.words(of: result).contains("no layer reads activation"))
  }

  @Test func aResultThatIsReadTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var graph = MisuseTests.graph()
      let x = graph.linear(graph.image, name: "a", outputs: 2)
      _ = graph.linear(x, name: "b", outputs: 2)
      _ = Network(name: "result inside", graph: graph, output: x, maximumRows: 2)
    }
    #expect(Self.words(of: result).contains("is read by a layer of the network"))
  }

  @Test func twoParametersOfOneNameTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var graph = MisuseTests.graph()
      let x = graph.linear(graph.image, name: "a", outputs: 2)
      _ = graph.linear(x, name: "a", outputs: 2)
    }
    #expect(Self.words(of: result).contains("two parameters are named a.weight"))
  }

  @Test func aConcatenationWithAGapTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var graph = MisuseTests.graph()
      let x = graph.linear(graph.image, name: "a", outputs: 2)
      var joined = graph.concatenation(MapShape(features: 5))
      _ = graph.batchNorm(x, name: "b", into: joined.next(2))
      _ = joined.value
    }
    #expect(Self.words(of: result).contains("2 channels written of 1x1x5"))
  }

  @Test func aReaderOfAPartOfAConcatenationTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var graph = MisuseTests.graph()
      let x = graph.linear(graph.image, name: "a", outputs: 2)
      var joined = graph.concatenation(MapShape(features: 5))
      let part = graph.batchNorm(x, name: "b", into: joined.next(2))
      _ = graph.linear(part, name: "c", outputs: 2)
    }
    #expect(Self.words(of: result).contains("a layer reads 1x1x2 out of a concatenation of 5"))
  }

  @Test func anOutputThatDoesNotFitItsPlaceTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var graph = MisuseTests.graph()
      let x = graph.linear(graph.image, name: "a", outputs: 2)
      var joined = graph.concatenation(MapShape(features: 5))
      _ = graph.batchNorm(x, name: "b", into: joined.next(3))
    }
    #expect(Self.words(of: result).contains("a layer writes 1x1x2 into a place of 1x1x3"))
  }

  @Test func aBatchNormOnTheImageTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var graph = MisuseTests.graph()
      let x = graph.batchNorm(graph.image, name: "a")
      let result = graph.linear(x, name: "b", outputs: 2)
      _ = Network(name: "no gradient", graph: graph, output: result, maximumRows: 2)
    }
    #expect(Self.words(of: result).contains("BatchNorm: it reads the image 4x4x3"))
  }

  @Test func tooManyRowsTrap() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var graph = MisuseTests.graph()
      let x = graph.linear(graph.image, name: "a", outputs: 2)
      NetworkRun(Network(name: "small", graph: graph, output: x, maximumRows: 2), rows: 3).run(
        .inference)
    }
    #expect(Self.words(of: result).contains("Pass: 3 images, planned for 1 to 2"))
  }
}
