import Networks
import Testing
import TestSupport

/// Backward against the differences of forward, layer by layer and wiring by wiring.
@Suite struct GradientTests {
  @Test(arguments: SmallNetwork.all, [true, false])
  func gradientEqualsDifferences(small: SmallNetwork, fuses: Bool) {
    let network = small.network(maximumRows: SmallNetwork.rows + 1, fuses: fuses)
    let run = NetworkRun(network, rows: SmallNetwork.rows)
    run.fillWithNumbers()
    run.expectGradient(of: network.parameters)
  }

  /// The masks belong to batch slots: the same images cut into other microbatches drop the same.
  @Test func dropoutMasksBelongToSlots() {
    var graph = Graph(image: MapShape(height: 5, width: 5, channels: 3))
    let output = graph.dropout(graph.image, probability: 0.5)
    let network = Network(name: "dropout", graph: graph, output: output, maximumRows: 4)
    func masked(rows: Int, firstSlot: Int, step: Int = 2, seed: UInt64 = 9) -> [Float] {
      let run = NetworkRun(network, rows: rows)
      run.images = run.images.map { _ in 1 }
      run.randomness = PassRandomness(seed: seed, step: step, firstSlot: firstSlot)
      run.run(.training)
      return run.output
    }
    let whole = masked(rows: 4, firstSlot: 8)
    #expect(whole == masked(rows: 1, firstSlot: 8) + masked(rows: 3, firstSlot: 9))
    #expect(whole != masked(rows: 4, firstSlot: 8, step: 3))
    #expect(whole != masked(rows: 4, firstSlot: 8, seed: 10))
    #expect(Set(whole) == [0, 2])
    let kept = whole.count { $0 == 2 }
    #expect(abs(kept - 150) < 40)
  }

  @Test func dropoutIsTheIdentityInInference() {
    var graph = Graph(image: MapShape(height: 5, width: 5, channels: 3))
    let output = graph.dropout(graph.image, probability: 0.5)
    let run = NetworkRun(
      Network(name: "dropout", graph: graph, output: output, maximumRows: 2), rows: 2)
    run.fillWithNumbers()
    run.run(.inference)
    #expect(run.output == run.images)
  }

  /// Two dropouts of one network draw different masks.
  @Test func dropoutLayersDrawApart() {
    var graph = Graph(image: MapShape(height: 8, width: 8, channels: 3))
    let first = graph.dropout(graph.image, probability: 0.5)
    let output = graph.dropout(first, probability: 0.5)
    let run = NetworkRun(
      Network(name: "dropout", graph: graph, output: output, maximumRows: 2), rows: 2)
    run.images = run.images.map { _ in 1 }
    run.run(.training)
    // Equal masks would keep a half, not a quarter.
    let kept = run.output.count { $0 == 4 }
    #expect(abs(kept - run.output.count / 4) < run.output.count / 10)
  }
}
