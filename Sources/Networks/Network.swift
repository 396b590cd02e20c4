private import Preconditions

/// A finished network: layers in forward order, its parameters, and the memory that a pass needs.
package struct Network: Sendable {
  package let name: String
  package let layers: [any Layer]
  package let parameters: [ParameterDescription]
  package let statistics: [StatisticsDescription]
  package let image: Activation
  package let output: Activation
  package let maximumRows: Int
  package let parameterCount: Int
  /// Floats of running means and variances.
  package let statisticsCount: Int
  /// Floats of all weights transformed in advance.
  package let preparedCount: Int
  /// Parameters of the largest layer: the floats that a worker needs for gradients.
  package let largestLayerCount: Int
  let readerCounts: [Int]
  /// By activation: the workspace where its writer puts channel sums, if anyone asked for them.
  let activationStatistics: [Workspace?]
  /// The memory of a training pass.
  package var training: Placement
  /// The memory of an inference pass.
  package var inference: Placement

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
    parameterCount = plan.parameterCount
    statisticsCount = plan.statisticsCount
    preparedCount = plan.preparedCount
    largestLayerCount = plan.layers.map(\.parameters.count).max() ?? 0
    readerCounts = plan.activations.map(\.readers.count)
    training = plan.trainingPlacement(output: output)
    inference = plan.inferencePlacement(output: output)
    activationStatistics = plan.activations.map(\.statistics)
  }

  /// Floats of activations, gradients and workspace that one worker needs to train.
  package var trainingCount: Int { training.count }

  /// Floats that one worker needs for inference alone.
  package var inferenceCount: Int { inference.count }

  /// Multiply-adds of one image's forward pass.
  package var multiplyAdds: Int { layers.reduce(0) { $0 + $1.multiplyAdds } }

  /// Features of the embedding.
  package var embeddingCount: Int { output.shape.count }

  /// Where the images [rows, H, W, 3] begin in a worker's training memory.
  package var imageOffset: Int { training.values[image.id] }

  /// Where the images begin in a worker's inference memory.
  package var inferenceImageOffset: Int { inference.values[image.id] }

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

  /// Runs all layers backward from the gradient of the output. After each layer that has
  /// parameters, `gradientIsReady` is lent its range and the gradient [range.count]; what it throws
  /// ends the pass.
  package func backward(
    in pass: borrowing Pass,
    gradientIsReady: (Range<Int>, UnsafeMutablePointer<Float>) throws -> Void
  ) rethrows {
    for layer in layers.reversed() {
      layer.backward(in: pass)
      if !layer.parameters.isEmpty { try gradientIsReady(layer.parameters, pass.layerGradients) }
    }
  }

  /// Transforms weights for inference passes that share them, from `parameters` [parameterCount] to
  /// `prepared` [preparedCount].
  package func prepare(
    _ parameters: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>
  ) {
    for layer in layers { layer.prepare(parameters, into: prepared) }
  }

  /// Fills `parameters` [parameterCount] and `statistics` [statisticsCount] with first values.
  package func initialize(
    parameters values: UnsafeMutablePointer<Float>,
    statistics moments: UnsafeMutablePointer<Float>, seed: UInt64
  ) {
    for parameter in parameters {
      parameter.initialize(values + parameter.range.lowerBound, seed: seed)
    }
    for entry in statistics {
      for i in entry.means { moments[i] = 0 }
      for i in entry.variances { moments[i] = 1 }
    }
  }
}
