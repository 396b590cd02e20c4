private import Determinism
private import Preconditions

/// Whether batch norm takes the microbatch's moments or the running ones, and dropout drops.
package enum Phase: Sendable {
  case training, inference
}

/// What dropout draws from: the masks are a function of these, not of rank or thread.
package struct PassRandomness: Sendable {
  /// The seed of the run.
  package let seed: UInt64
  /// Steps before the one that the pass is of.
  package let step: Int
  /// The batch slot of the microbatch's first image; the others follow.
  package let firstSlot: Int

  /// The randomness of the microbatch that begins at slot `firstSlot` of the batch of `step`.
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
  /// Training or inference: what dropout and batch norm go by.
  package let phase: Phase
  /// The gradients of the layer that has just run backward [largestLayerCount].
  package let layerGradients: UnsafeMutablePointer<Float>
  let network: Network
  private let memory: UnsafeMutableRawPointer
  private let parameterValues: UnsafePointer<Float>
  private let preparedWeights: UnsafeRawPointer?
  private let runningMoments: UnsafePointer<Float>
  private let batchMoments: UnsafeMutablePointer<Float>
  private let randomness: PassRandomness

  /// A pass over `memory` (network.trainingBytes, or inferenceBytes for inference; at a multiple of
  /// 64) which reads `parameters` and `runningMoments` and, in training, writes each batch norm's
  /// mean and biased variance to `batchMoments` [statisticsCount]. `prepared`
  /// (network.preparedBytes) is what `network.prepare` has made of the parameters, for layers to
  /// use in place of their weights.
  package init(
    _ network: Network, rows: Int, phase: Phase, memory: UnsafeMutableRawPointer,
    parameters: UnsafePointer<Float>, prepared: UnsafeRawPointer? = nil,
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

  /// A pass of inference; see the other initialiser.
  package init(
    inferenceOf network: Network, rows: Int, memory: UnsafeMutableRawPointer,
    parameters: UnsafePointer<Float>, prepared: UnsafeRawPointer? = nil,
    runningMoments: UnsafePointer<Float>
  ) {
    // Inference reports no moments, makes no gradients and draws nothing.
    let unused = network.images(in: memory, phase: .inference)
    self.init(
      network, rows: rows, phase: .inference, memory: memory, parameters: parameters,
      prepared: prepared, runningMoments: runningMoments, batchMoments: unused,
      layerGradients: unused, randomness: PassRandomness(seed: 0, step: 0, firstSlot: 0))
  }

  private var placement: Placement {
    _read { yield phase == .training ? network.training : network.inference }
  }

  // MARK: Activations

  /// The value [rows, H, W, C] of an activation of float32, its pixels `activation.stride` elements
  /// apart.
  package subscript(activation: Activation) -> UnsafeMutablePointer<Float> {
    self[activation, as: Float.self]
  }

  /// The value [rows, H, W, C] of an activation, its pixels `activation.stride` elements apart;
  /// traps where its elements are others.
  package subscript<Number: ElementType>(
    activation: Activation, as type: Number.Type
  ) -> UnsafeMutablePointer<Number> {
    check(activation.element, type, "activation \(activation.id) \(activation.shape)")
    return at(placement.values[activation.id], type) + activation.channelOffset
  }

  /// The value [rows, H, W, C] of an activation of float32 that a layer reads.
  package subscript(input: Input) -> UnsafePointer<Float> { self[input, as: Float.self] }

  /// The value [rows, H, W, C] of an activation that a layer reads; traps where its elements are
  /// others.
  package subscript<Number: ElementType>(
    input: Input, as type: Number.Type
  ) -> UnsafePointer<Number> {
    check(input.element, type, "input \(input.id) \(input.shape)")
    return UnsafePointer(at(placement.values[input.id], type))
  }

  /// The gradient [rows, H, W, C] of the activation of float32 that a layer wrote, its pixels
  /// `activation.stride` elements apart.
  package func gradient(of activation: Activation) -> UnsafeMutablePointer<Float> {
    gradient(of: activation, as: Float.self)
  }

  /// The gradient [rows, H, W, C] of the activation that a layer wrote, its pixels
  /// `activation.stride` elements apart; its elements are the activation's, and it traps where they
  /// are others.
  package func gradient<Number: ElementType>(
    of activation: Activation, as type: Number.Type
  ) -> UnsafeMutablePointer<Number> {
    check(activation.element, type, "gradient \(activation.id) \(activation.shape)")
    return at(placement.gradients[activation.id], type) + activation.channelOffset
  }

  /// The gradient [rows, H, W, C] that a layer adds its share to, of an activation of float32; nil
  /// for the image.
  package func gradient(of input: Input) -> UnsafeMutablePointer<Float>? {
    gradient(of: input, as: Float.self)
  }

  /// The gradient [rows, H, W, C] that a layer adds its share to; nil for the image. Traps where
  /// the activation's elements are others.
  package func gradient<Number: ElementType>(
    of input: Input, as type: Number.Type
  ) -> UnsafeMutablePointer<Number>? {
    check(input.element, type, "gradient \(input.id) \(input.shape)")
    return input.id == 0 ? nil : at(placement.gradients[input.id], type)
  }

  /// Whether another reader has already written the gradient of `input`, so that this one adds.
  package func adds(to input: Input) -> Bool {
    input.ordinal < network.readerCounts[input.id] - 1
  }

  // MARK: Parameters

  /// A parameter's values [count].
  package subscript(parameter: Parameter) -> UnsafePointer<Float> {
    parameterValues + parameter.offset
  }

  /// Where the gradient [count] of a parameter goes.
  package func gradient(of parameter: Parameter) -> UnsafeMutablePointer<Float> {
    layerGradients + network.gradientOffsets[parameter.index]
  }

  /// A layer's weights transformed in advance, of float32; nil where this pass has none.
  package subscript(place: PreparedPlace) -> UnsafePointer<Float>? {
    check(place.element, Float.self, "prepared weights")
    return preparedWeights.map {
      ($0 + place.offset).assumingMemoryBound(to: Float.self)
    }
  }

  // MARK: Memory of layers

  /// A layer's workspace; traps where its elements are others.
  package subscript<Number: ElementType>(
    workspace: Workspace, as type: Number.Type
  ) -> UnsafeMutablePointer<Number> {
    check(workspace.element, type, "workspace \(workspace.id)")
    return at(placement.workspaces[workspace.id], type)
  }

  /// Where the writer of `activation` puts its channel sums [2][channels]; nil if nobody asked.
  package func statistics(of activation: Activation) -> UnsafeMutablePointer<Double>? {
    guard phase == .training, let sums = network.activationStatistics[activation.id] else {
      return nil
    }
    return self[sums, as: Double.self]
  }

  /// Memory that dies with the call.
  package func scratch<Number: ElementType>(
    as type: Number.Type
  ) -> UnsafeMutablePointer<Number> { at(placement.scratch, type) }

  private func at<Number: ElementType>(
    _ offset: Int, _ type: Number.Type
  ) -> UnsafeMutablePointer<Number> { (memory + offset).assumingMemoryBound(to: type) }

  private func check<Number: ElementType>(
    _ element: Element, _ type: Number.Type, _ what: @autoclosure () -> String
  ) {
    require(
      element == Number.element, "Pass: \(what()) is of \(element), asked for as \(Number.element)")
  }

  // MARK: Moments and randomness

  /// The running mean [channels] and variance [channels] of a batch-norm layer.
  package func running(
    _ statistics: Statistics
  ) -> (mean: UnsafePointer<Float>, variance: UnsafePointer<Float>) {
    let mean = runningMoments + statistics.offset
    return (mean, mean + statistics.channels)
  }

  /// Whether a batch norm normalises by its running moments, and reports none: in inference, and
  /// where it is frozen.
  package func usesRunningMoments(_ statistics: Statistics) -> Bool {
    phase == .inference || network.isFrozen(statistics)
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
