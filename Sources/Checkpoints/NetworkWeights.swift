package import Configuration
internal import Interchange
package import Networks
package import State

/// A network with its weights and running moments, without loss head and optimizer.
package final class NetworkWeights {
  /// The network, which owns no memory.
  package let network: Network
  /// The configuration that the network was made from.
  package let configuration: RunConfiguration
  /// Its parameters and running moments, without vectors beside them.
  package let state: ModelState

  /// Memory for the network that `configuration` means, not filled.
  package init(_ configuration: RunConfiguration) {
    self.configuration = configuration
    network = configuration.makeNetwork()
    state = ModelState(
      descriptions: network.parameters, statistics: network.statistics)
  }

  /// The network of a checkpoint, with products in `precision` in place of its own where that is
  /// given, and with the weights of `kind`; throws what is wrong with it.
  package convenience init(
    _ checkpoint: Checkpoint, precision: Precision? = nil, of kind: WeightsKind = .raw
  ) throws {
    var configuration = try checkpoint.configuration
    if let precision { configuration.precision = precision }
    self.init(configuration)
    try checkpoint.load(network.parameters, statistics: network.statistics, of: kind, into: state)
  }

  /// The values of a tensor in logical order.
  package func values(of description: ParameterDescription) -> [Float] {
    [Float](unsafeUninitializedCapacity: description.range.count) { buffer, count in
      description.copyLogical(
        from: state.parameters + description.range.lowerBound, into: buffer.baseAddress!)
      count = description.range.count
    }
  }

  /// Sets a tensor from values in logical order.
  package func set(_ description: ParameterDescription, to values: [Float]) {
    values.withUnsafeBufferPointer {
      description.copyMemory(
        from: $0.baseAddress!, into: state.parameters + description.range.lowerBound)
    }
  }

  /// The running means [channels] of a batch norm.
  package func means(of entry: StatisticsDescription) -> [Float] {
    entry.means.map { state.statistics[$0] }
  }

  /// The running variances [channels] of a batch norm.
  package func variances(of entry: StatisticsDescription) -> [Float] {
    entry.variances.map { state.statistics[$0] }
  }

  /// Exchanges red and blue: the first convolution reads its images' channels in reverse.
  package func reverseChannels() {
    for layer in network.layers {
      guard layer.inputs.first?.id == network.image.id,
        case .convolution(let weights, _, _)? = layer.operations.first
      else { continue }
      let description = network.description(of: weights)
      let values = values(of: description)
      let (channels, taps) = (
        description.shape[1], description.shape[2] * description.shape[3]
      )
      var reversed = values
      for i in values.indices {
        let (filter, channel, tap) = (
          i / (channels * taps), i / taps % channels, i % taps
        )
        reversed[(filter * channels + channels - 1 - channel) * taps + tap] = values[i]
      }
      set(description, to: reversed)
    }
  }

  /// The batch norms whose scale is fixed at 1 and no parameter, by name.
  package var fixedScales: [StatisticsDescription] {
    network.layers.flatMap(\.operations).compactMap { operation in
      guard case .batchNorm(nil, _, let moments, _) = operation else { return nil }
      return network.description(of: moments)
    }
  }
}
