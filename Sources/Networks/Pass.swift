private import Preconditions
private import Determinism

/// Whether batch norm takes the microbatch's moments or the running ones, and dropout drops.
package enum Phase: Sendable {
  case training, inference
}

/// What dropout draws from: the masks are a function of these, not of rank or thread.
package struct PassRandomness: Sendable {
  package let seed: UInt64
  package let step: Int
  /// The batch slot of the microbatch's first image; the others follow.
  package let firstSlot: Int

  package init(seed: UInt64, step: Int, firstSlot: Int) {
    self.seed = seed
    self.step = step
    self.firstSlot = firstSlot
  }
}

/// One run of a network over one microbatch, in one worker's memory.
package struct Pass: ~Copyable {
  /// Images of this microbatch.
  package let rows: Int
  package let phase: Phase
  /// The gradients of the layer that has just run backward [largestLayerCount].
  package let layerGradients: UnsafeMutablePointer<Float>
  let network: Network
  private let memory: UnsafeMutablePointer<Float>
  private let parameterValues: UnsafePointer<Float>
  private let preparedWeights: UnsafePointer<Float>?
  private let runningMoments: UnsafePointer<Float>
  private let batchMoments: UnsafeMutablePointer<Float>
  private let randomness: PassRandomness

  /// A pass over `memory` [network.trainingCount, or inferenceCount for inference] which reads
  /// `parameters` and `runningMoments` and, in training, writes each batch-norm layer's mean and
  /// biased variance to `batchMoments` [statisticsCount]. `prepared` [network.preparedCount] is what
  /// `network.prepare` has made of the parameters, for layers to use in place of their weights.
  package init(
    _ network: Network, rows: Int, phase: Phase, memory: UnsafeMutablePointer<Float>,
    parameters: UnsafePointer<Float>, prepared: UnsafePointer<Float>? = nil,
    runningMoments: UnsafePointer<Float>,
    batchMoments: UnsafeMutablePointer<Float>, layerGradients: UnsafeMutablePointer<Float>,
    randomness: PassRandomness
  ) {
    require(
      rows > 0 && rows <= network.maximumRows,
      "Pass: \(rows) images, planned for 1 to \(network.maximumRows)")
    self.network = network
    self.rows = rows
    self.phase = phase
    self.memory = memory
    parameterValues = parameters
    preparedWeights = prepared
    self.runningMoments = runningMoments
    self.batchMoments = batchMoments
    self.layerGradients = layerGradients
    self.randomness = randomness
  }

  private var placement: Placement {
    _read { yield phase == .training ? network.training : network.inference }
  }

  /// The value [rows, H, W, C] of an activation, its pixels `activation.stride` floats apart.
  package subscript(activation: Activation) -> UnsafeMutablePointer<Float> {
    memory + (placement.values[activation.id] + activation.channelOffset)
  }

  /// The value [rows, H, W, C] of an activation that a layer reads.
  package subscript(input: Input) -> UnsafePointer<Float> {
    UnsafePointer(memory + placement.values[input.id])
  }

  /// The gradient [rows, H, W, C] of the activation that a layer wrote, its pixels
  /// `activation.stride` floats apart.
  package func gradient(of activation: Activation) -> UnsafeMutablePointer<Float> {
    memory + (placement.gradients[activation.id] + activation.channelOffset)
  }

  /// The gradient [rows, H, W, C] that a layer adds its share to; nil for the image.
  package func gradient(of input: Input) -> UnsafeMutablePointer<Float>? {
    input.id == 0 ? nil : memory + placement.gradients[input.id]
  }

  /// Whether another reader has already written the gradient of `input`, so that this one adds.
  package func adds(to input: Input) -> Bool {
    input.ordinal < network.readerCounts[input.id] - 1
  }

  /// A parameter's values [count].
  package subscript(parameter: Parameter) -> UnsafePointer<Float> {
    parameterValues + parameter.offset
  }

  /// A layer's weights transformed in advance; nil where this pass has none.
  package subscript(place: PreparedPlace) -> UnsafePointer<Float>? {
    preparedWeights.map { $0 + place.offset }
  }

  /// Where the gradient [count] of a parameter goes.
  package func gradient(of parameter: Parameter) -> UnsafeMutablePointer<Float> {
    layerGradients + parameter.localOffset
  }

  /// A layer's workspace.
  package subscript(workspace: Workspace) -> UnsafeMutablePointer<Float> {
    memory + placement.workspaces[workspace.id]
  }

  /// Where the writer of `activation` puts its channel sums [2][channels]; nil if nobody asked.
  package func statistics(of activation: Activation) -> UnsafeMutablePointer<Double>? {
    guard phase == .training, let sums = network.activationStatistics[activation.id] else {
      return nil
    }
    return UnsafeMutableRawPointer(self[sums]).assumingMemoryBound(to: Double.self)
  }

  /// Memory that dies with the call.
  package var scratch: UnsafeMutablePointer<Float> { memory + placement.scratch }

  /// The running mean [channels] and variance [channels] of a batch-norm layer.
  package func running(
    _ statistics: Statistics
  ) -> (mean: UnsafePointer<Float>, variance: UnsafePointer<Float>) {
    let mean = runningMoments + statistics.offset
    return (mean, mean + statistics.channels)
  }

  /// Where a batch-norm layer reports its mean [channels] and biased variance [channels].
  package func batch(
    _ statistics: Statistics
  ) -> (mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>) {
    let mean = batchMoments + statistics.offset
    return (mean, mean + statistics.channels)
  }

  /// Writes the random key of each row's dropout mask in layer `layer` to `keys` [rows].
  package func fillDropoutKeys(layer: Int, into keys: UnsafeMutablePointer<UInt64>) {
    for row in 0..<rows {
      keys[row] =
        CounterRandom(
          seed: randomness.seed, purpose: .dropout, randomness.step, randomness.firstSlot + row,
          layer
        ).key
    }
  }
}
