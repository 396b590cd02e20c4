package import Kernels
private import Preconditions

/// A finished network: layers in forward order, its parameters, and the memory that a pass needs.
package struct Network: Sendable {
  /// The name of its model.
  package let name: String
  /// In the order in which they run forward.
  package let layers: [any Layer]
  /// Every tensor of the flat vector, in order.
  package let parameters: [ParameterDescription]
  /// The running moments of every batch norm, in order.
  package let statistics: [StatisticsDescription]
  /// What the first layer reads: images of one size.
  package let image: Activation
  /// What the last layer writes: the embeddings.
  package let output: Activation
  /// The most images of a microbatch.
  package let maximumRows: Int
  /// In what numbers products are computed.
  package let precision: Precision
  /// Floats of the flat vector.
  package let parameterCount: Int
  /// Floats of running means and variances.
  package let statisticsCount: Int
  /// Bytes of all weights transformed in advance.
  package let preparedBytes: Int
  /// Parameters of the largest layer: the floats that a worker needs for gradients.
  package let largestLayerCount: Int
  let readerCounts: [Int]
  /// By activation: the workspace where its writer puts channel sums, if anyone asked for them.
  let activationStatistics: [Workspace?]
  /// By parameter: where its gradient lies among those of its layer.
  let gradientOffsets: [Int]
  /// The memory of a training pass.
  package var training: Placement
  /// The memory of an inference pass.
  package var inference: Placement
  /// How many layers, from the first on, are not trained.
  package internal(set) var frozenLayers = 0
  /// Floats of the flat vector that are not trained, from the first on.
  package internal(set) var frozenParameterCount = 0
  /// Floats of the running moments that are not moved, from the first on.
  var frozenStatisticsCount = 0

  /// Finishes `plan`; the network's result is `output`, and everything else that a layer writes is
  /// read by another.
  package init(name: String, plan: consuming Plan, output: Activation) {
    for (id, record) in plan.activations.enumerated() {
      require(
        record.readers.isEmpty == (id == output.id),
        id == output.id
          ? "\(name): the result \(record.shape) is read by a layer of the network"
          : "\(name): no layer reads activation \(id), \(record.shape); it is not the result")
    }
    self.name = name
    layers = plan.layers
    parameters = plan.parameters
    statistics = plan.statistics
    image = plan.image
    self.output = output
    maximumRows = plan.maximumRows
    precision = plan.precision
    parameterCount = plan.parameters.last?.range.upperBound ?? 0
    statisticsCount = plan.statistics.last?.variances.upperBound ?? 0
    preparedBytes = plan.preparedBytes
    largestLayerCount = plan.layers.map(\.parameters.count).max() ?? 0
    readerCounts = plan.activations.map(\.readers.count)
    let ranges = plan.layers.map(\.parameters)
    gradientOffsets = plan.parameters.map { parameter in
      let own = ranges.first { $0.contains(parameter.range.lowerBound) }
      require(own != nil, "\(name): no layer has the parameter \(parameter.name)")
      return parameter.range.lowerBound - own!.lowerBound
    }
    training = plan.trainingPlacement(output: output)
    inference = plan.inferencePlacement(output: output)
    activationStatistics = plan.activations.map(\.statistics)
  }

  /// Bytes of activations, gradients and workspace that one worker needs to train.
  package var trainingBytes: Int { training.bytes }

  /// Bytes that one worker needs for inference alone.
  package var inferenceBytes: Int { inference.bytes }

  /// Multiply-adds of one image's forward pass.
  package var multiplyAdds: Int { layers.reduce(0) { $0 + $1.multiplyAdds } }

  /// Features of the embedding.
  package var embeddingCount: Int { output.shape.count }

  /// Where the images [rows, H, W, 3] of a pass lie in a worker's memory.
  package func images(
    in memory: UnsafeMutableRawPointer, phase: Phase
  ) -> UnsafeMutablePointer<Float> {
    let placement = phase == .training ? training : inference
    return (memory + placement.values[image.id]).assumingMemoryBound(to: Float.self)
  }

  /// The description of a layer's parameter.
  package func description(of parameter: Parameter) -> ParameterDescription {
    parameters[parameter.index]
  }

  /// The description of a layer's running moments.
  package func description(of moments: Statistics) -> StatisticsDescription {
    statistics.first { $0.offset == moments.offset }!
  }

  /// Runs all layers forward: pass[image] to pass[output].
  package func forward(in pass: borrowing Pass) {
    for layer in layers { layer.forward(in: pass) }
  }

  /// Runs all layers forward: pass[image] to pass[output]; what `beforeLayer` throws ends it.
  package func forward(
    in pass: borrowing Pass, beforeLayer: () throws -> Void
  ) rethrows {
    for layer in layers {
      try beforeLayer()
      layer.forward(in: pass)
    }
  }

  /// Runs all layers but frozen ones backward from the gradient of the output. After each layer
  /// that has parameters, `gradientIsReady` is lent its range and the gradient [range.count]; what
  /// it throws ends the pass.
  package func backward(
    in pass: borrowing Pass,
    gradientIsReady: (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows {
    for layer in layers[frozenLayers...].reversed() {
      layer.backward(in: pass)
      if !layer.parameters.isEmpty { try gradientIsReady(layer.parameters, pass.layerGradients) }
    }
  }

  /// Transforms weights for inference passes that share them, from `parameters` [parameterCount] to
  /// `prepared` (`preparedBytes`, at a multiple of 64).
  package func prepare(
    _ parameters: UnsafePointer<Float>, into prepared: UnsafeMutableRawPointer
  ) {
    for layer in layers { layer.prepare(parameters, into: prepared) }
  }
}
