import Networks
import Testing
import TestSupport

/// Networks whose first layers are not trained.
@Suite struct FrozenNetworkTests {
  private static func network(_ model: String, dropout: Double = 0) throws -> Network {
    try #require(
      Models.network(
        named: model, imageSize: model == "inception-resnet-v1" ? 80 : 32, maximumRows: 3,
        options: ModelOptions(
          embedding: 16, dropout: dropout, width: 0.125, batchNorm: model.hasPrefix("nn"))))
  }

  /// Wherever the cut is: parameters up to a layer's end, and the moments of just those layers.
  @Test(arguments: Models.names)
  func aNetworkIsFrozenUpToAnyLayer(model: String) throws {
    let whole = try Self.network(model)
    var reached: Set<Int> = []
    for count in 0...whole.parameters.count {
      let chosen = Set(whole.parameters.prefix(count).map(\.name))
      var network = whole
      network.freeze { chosen.contains($0.name) }
      let ends = network.layers.map(\.parameters.upperBound)
      let limit = whole.parameters.prefix(count).last?.range.upperBound ?? 0
      let expected = ends.filter { $0 <= limit }.max() ?? 0
      #expect(network.frozenParameterCount == expected, "\(model), \(count) parameters")
      reached.insert(network.frozenParameterCount)
      // A batch norm trains with its offset.
      let trained = network.trainedStatistics.map(\.name)
      let offsets = network.parameters.filter {
        $0.range.lowerBound >= network.frozenParameterCount && $0.name.hasSuffix(".bias")
      }.map { String($0.name.dropLast(5)) }
      let names = Set(network.statistics.map(\.name))
      #expect(trained == offsets.filter(names.contains), "\(model), \(count) parameters")
    }
    #expect(reached.count == Set(whole.layers.map(\.parameters.upperBound)).union([0]).count)
    var network = whole
    network.freeze { _ in true }
    #expect(network.isFrozen && network.trainedStatistics.isEmpty && !whole.isFrozen)
  }

  @Test(arguments: Models.names)
  func aFrozenNetworkEmbedsInTrainingAsInInference(model: String) throws {
    var network = try Self.network(model)
    network.freeze { _ in true }
    let run = NetworkRun(network, rows: 3)
    run.fillWithNumbers()
    run.run(.training)
    let output = run.output
    #expect(run.batchMoments.allSatisfy { $0.isNaN }, "it reports no moments")
    run.run(.inference)
    #expect(worstError(output, doubles(run.output)) < 1e-4)
  }

  private static func isStem(_ name: String) -> Bool { name.hasPrefix("stem") }
  private static func isBody(_ name: String) -> Bool { !name.hasPrefix("head") }

  /// As `GradientTests`, of what trains above the cut: below the layer in the middle, or above it.
  @Test(arguments: SmallNetwork.all, [true, false])
  func theGradientAboveTheCutEqualsDifferences(small: SmallNetwork, freezesBody: Bool) {
    var network = small.network(maximumRows: SmallNetwork.rows + 1)
    network.freeze { freezesBody ? Self.isBody($0.name) : Self.isStem($0.name) }
    let run = NetworkRun(network, rows: SmallNetwork.rows)
    run.fillWithNumbers()
    let trained = network.parameters.filter {
      $0.range.lowerBound >= network.frozenParameterCount
    }
    #expect(trained.last?.name == "head.bias" && trained.count < network.parameters.count)
    let gradient = run.expectGradient(of: trained)
    #expect(
      gradient[..<network.frozenParameterCount].allSatisfy { $0.isNaN }, "nothing is computed")
  }
}
