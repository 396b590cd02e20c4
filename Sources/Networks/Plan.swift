private import Preconditions

/// Where a network is made: layers book parameters, activations and workspace here, in forward
/// order, and `finish` places them in memory by their lifetimes.
package struct Plan {
  /// Images of the largest microbatch.
  package let maximumRows: Int
  /// The images: [rows, height, width, 3].
  package let image: Activation

  private(set) var parameters: [ParameterDescription] = []
  private(set) var statistics: [StatisticsDescription] = []
  private(set) var layers: [any Layer] = []
  private(set) var activations: [ActivationRecord] = []
  private(set) var workspaces: [WorkspaceRecord] = []
  private(set) var parameterCount = 0
  private(set) var statisticsCount = 0
  private(set) var scratchCount = 0
  private(set) var preparedCount = 0
  private var layerStart = 0

  /// What is known of an activation while planning; times are layer indices, -1 before the first.
  struct ActivationRecord {
    let shape: MapShape
    /// The first layer that writes it.
    var producer: Int
    var readers: [Int] = []
    var lastForwardUse: Int
    /// The earliest layer whose backward pass reads the value; backward passes run in reverse.
    var firstBackwardUse: Int?
    var offersStatistics = false
    var statistics: Workspace?
    /// The activation whose gradient may lie in the same memory, and the reader that allows it.
    var gradientPartner: (activation: Int, ordinal: Int)?
  }

  struct WorkspaceRecord {
    let layer: Int
    let floats: Int
    let inInference: Bool
  }

  package init(maximumRows: Int, image shape: MapShape) {
    require(maximumRows > 0, "Plan: a microbatch of \(maximumRows) images")
    self.maximumRows = maximumRows
    image = Activation(id: 0, shape: shape)
    activations = [ActivationRecord(shape: shape, producer: -1, lastForwardUse: -1)]
  }

  // MARK: What a layer calls, in this order

  /// Books a parameter of the coming layer.
  package mutating func parameter(
    _ name: String, shape: [Int], layout: ParameterLayout = .plain, initializer: Initializer,
    isWeight: Bool
  ) -> Parameter {
    require(
      !parameters.contains { $0.name == name },
      "Plan: two parameters are named \(name), \(shape) is the second's shape")
    let count = shape.reduce(1, *)
    let offset = parameterCount
    parameters.append(
      ParameterDescription(
        name: name, shape: shape, range: offset..<offset + count, layout: layout,
        initializer: initializer, isWeight: isWeight))
    parameterCount += count
    return Parameter(offset: offset, localOffset: offset - layerStart, count: count)
  }

  /// Books the running moments of the coming batch-norm layer.
  package mutating func runningMoments(_ name: String, channels: Int, pixels: Int) -> Statistics {
    let offset = statisticsCount
    statistics.append(
      StatisticsDescription(name: name, channels: channels, offset: offset, pixels: pixels))
    statisticsCount += 2 * channels
    return Statistics(offset: offset, channels: channels)
  }

  /// The coming layer reads `activation`, in its backward pass too if `inBackward`.
  package mutating func read(_ activation: Activation, inBackward: Bool) -> Input {
    require(
      activation.isWhole,
      "Plan: a layer reads \(activation.shape) out of a concatenation of \(activation.stride) channels"
    )
    let layer = layers.count
    let ordinal = activations[activation.id].readers.count
    activations[activation.id].readers.append(layer)
    activations[activation.id].lastForwardUse = layer
    if inBackward { keepForBackward(activation) }
    return Input(id: activation.id, ordinal: ordinal, shape: activation.shape)
  }

  /// The coming layer's backward pass reads the value of `activation`.
  package mutating func keepForBackward(_ activation: Activation) {
    if activations[activation.id].firstBackwardUse == nil {
      activations[activation.id].firstBackwardUse = layers.count
    }
  }

  /// The coming layer writes an activation of this shape; it may offer the sums over each channel
  /// of its output ([2][channels] doubles, values and squares) to whoever asks.
  package mutating func write(_ shape: MapShape, offersStatistics: Bool = false) -> Activation {
    var record = ActivationRecord(
      shape: shape, producer: layers.count, lastForwardUse: layers.count)
    record.offersStatistics = offersStatistics
    activations.append(record)
    return Activation(id: activations.count - 1, shape: shape)
  }

  /// The coming layer writes `range` of a concatenation, or where there is none an activation of
  /// its own.
  package mutating func write(_ shape: MapShape, into range: ChannelRange?) -> Activation {
    guard let range else { return write(shape) }
    require(
      range.shape == shape, "Plan: a layer writes \(shape) into a place of \(range.shape)")
    let record = activations[range.id]
    activations[range.id].producer = min(record.producer, layers.count)
    activations[range.id].lastForwardUse = layers.count
    return Activation(
      id: range.id, shape: shape, channelOffset: range.first, stride: range.stride)
  }

  /// Books a value of this shape that the coming layers write together, by ranges of channels.
  package mutating func concatenation(_ shape: MapShape) -> Concatenation {
    activations.append(
      ActivationRecord(shape: shape, producer: Int.max, lastForwardUse: layers.count))
    return Concatenation(Activation(id: activations.count - 1, shape: shape))
  }

  /// Asks the layer that writes `activation` for its channel sums; nil if it does not offer them.
  package mutating func requestStatistics(of activation: Activation) -> Workspace? {
    guard activations[activation.id].offersStatistics else { return nil }
    if let booked = activations[activation.id].statistics { return booked }
    let booked = workspace(
      floats: 4 * activation.shape.channels, layer: activations[activation.id].producer,
      inInference: false)
    activations[activation.id].statistics = booked
    return booked
  }

  /// Books memory that lives from the coming layer's forward pass to its backward pass.
  package mutating func workspace(floats: Int, inInference: Bool = false) -> Workspace {
    workspace(floats: floats, layer: layers.count, inInference: inInference)
  }

  private mutating func workspace(floats: Int, layer: Int, inInference: Bool) -> Workspace {
    workspaces.append(WorkspaceRecord(layer: layer, floats: floats, inInference: inInference))
    return Workspace(id: workspaces.count - 1)
  }

  /// Books memory that dies in each call; all layers share it.
  package mutating func scratch(floats: Int) { scratchCount = max(scratchCount, floats) }

  /// Books memory for the coming layer's weights transformed in advance.
  package mutating func preparedPlace(floats: Int) -> PreparedPlace {
    defer { preparedCount += floats.roundedUpToLine }
    return PreparedPlace(offset: preparedCount)
  }

  /// The gradient of `input` may lie in the memory of the gradient of `output`.
  package mutating func shareGradient(of input: Input, with output: Activation) {
    guard input.shape == output.shape, output.isWhole else { return }
    activations[input.id].gradientPartner = (output.id, input.ordinal)
  }

  /// The parameters booked since the layer before.
  package var layerParameters: Range<Int> { layerStart..<parameterCount }

  /// Adds the layer and returns the activation that it writes.
  @discardableResult
  package mutating func append(_ layer: some Layer) -> Activation {
    layers.append(layer)
    layerStart = parameterCount
    return layer.output
  }
}

extension Int {
  /// The next multiple of the floats of a cache line.
  fileprivate var roundedUpToLine: Int { (self + 15) / 16 * 16 }
}
