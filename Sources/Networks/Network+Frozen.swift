private import Preconditions

// A network whose first layers are not trained.
extension Network {
  /// Freezes the first layers, as far as all parameters of each hold `isChosen`: they run forward
  /// with the running moments in training too, and nothing runs backward through them.
  package mutating func freeze(where isChosen: (ParameterDescription) -> Bool) {
    let chosen = parameters.map(isChosen)
    guard chosen.contains(true) else { return }
    var next = 0
    frozenLayers = 0
    for layer in layers {
      let first = next
      while next < parameters.count, parameters[next].range.lowerBound < layer.parameters.upperBound
      {
        next += 1
      }
      guard chosen[first..<next].allSatisfy(\.self) else { break }
      frozenLayers += 1
      frozenParameterCount = max(frozenParameterCount, layer.parameters.upperBound)
    }
    let moments = layers.map(Self.moments)
    frozenStatisticsCount = moments[..<frozenLayers].joined().max() ?? 0
    require(
      moments[frozenLayers...].joined().allSatisfy { $0 > frozenStatisticsCount },
      "\(name): running moments are not in the order of layers")
  }

  /// The ends of the running moments of a layer in the flat vector of all.
  private static func moments(of layer: any Layer) -> [Int] {
    layer.operations.compactMap { operation in
      guard case .batchNorm(_, _, let moments, _) = operation else { return nil }
      return moments.offset + 2 * moments.channels
    }
  }

  /// Whether all parameters are frozen.
  package var isFrozen: Bool { frozenParameterCount == parameterCount }

  /// Whether the moments are those of a frozen layer.
  func isFrozen(_ moments: Statistics) -> Bool { moments.offset < frozenStatisticsCount }

  /// The running moments that training moves, in order.
  package var trainedStatistics: [StatisticsDescription] {
    statistics.filter { $0.offset >= frozenStatisticsCount }
  }
}
