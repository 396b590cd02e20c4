package import Kernels
private import Preconditions

/// The memory of a network in the making: layers book activations and workspace here, in forward
/// order, and the placements follow from their lifetimes.
package struct Plan {
  /// Images of the largest microbatch.
  package let maximumRows: Int
  /// In what numbers layers compute their products.
  package let precision: Precision
  /// The images: [rows, height, width, 3].
  package let image: Activation
  let parameters: [ParameterDescription]
  let statistics: [StatisticsDescription]

  private(set) var layers: [any Layer] = []
  private(set) var activations: [ActivationRecord] = []
  private(set) var workspaces: [WorkspaceRecord] = []
  private(set) var scratchBytes = 0
  private(set) var preparedBytes = 0

  /// What is known of an activation while planning; times are layer indices, -1 before the first.
  struct ActivationRecord {
    let shape: MapShape
    let element: Element
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

    /// Bytes of one image's value, or of its gradient.
    var bytes: Int { shape.count * element.bytes }
  }

  struct WorkspaceRecord {
    let layer: Int
    let bytes: Int
    let inInference: Bool
  }

  /// A plan for microbatches of at most `maximumRows` images of `graph`, whose parameters and
  /// statistics the layers have, with products in `precision`.
  package init(_ graph: Graph, maximumRows: Int, precision: Precision = .float32) {
    require(maximumRows > 0, "Plan: a microbatch of \(maximumRows) images")
    self.maximumRows = maximumRows
    self.precision = precision
    parameters = graph.parameters
    statistics = graph.statistics
    image = Activation(id: 0, shape: graph.image.shape, element: .float32)
    activations = [
      ActivationRecord(
        shape: image.shape, element: image.element, producer: -1, lastForwardUse: -1)
    ]
  }

  // MARK: What a layer calls

  /// The coming layer reads `activation`, in its backward pass too if `inBackward`.
  package mutating func read(_ activation: Activation, inBackward: Bool) -> Input {
    require(
      activation.isWhole,
      "Plan: a layer reads \(activation.shape) out of \(activation.stride) channels"
    )
    let layer = layers.count
    let ordinal = activations[activation.id].readers.count
    activations[activation.id].readers.append(layer)
    activations[activation.id].lastForwardUse = layer
    if inBackward { keepForBackward(activation) }
    return Input(
      id: activation.id, ordinal: ordinal, shape: activation.shape, element: activation.element)
  }

  /// The coming layer's backward pass reads the value of `activation`.
  package mutating func keepForBackward(_ activation: Activation) {
    if activations[activation.id].firstBackwardUse == nil {
      activations[activation.id].firstBackwardUse = layers.count
    }
  }

  /// The coming layer writes an activation of this shape: `range`, or where there is none one of
  /// its own. It may offer the sums over each channel of its own activation ([2][channels] doubles,
  /// values and squares) to whoever asks.
  package mutating func write(
    _ shape: MapShape, element: Element = .float32, into range: Activation? = nil,
    offersStatistics: Bool = false
  ) -> Activation {
    if let range {
      require(
        range.shape == shape && range.element == element,
        "Plan: \(shape) of \(element) into a place of \(range.shape) of \(range.element)"
      )
      let first = activations[range.id].producer
      activations[range.id].producer = min(first, layers.count)
      activations[range.id].lastForwardUse = layers.count
      return range
    }
    var record = ActivationRecord(
      shape: shape, element: element, producer: layers.count, lastForwardUse: layers.count)
    record.offersStatistics = offersStatistics
    activations.append(record)
    return Activation(id: activations.count - 1, shape: shape, element: element)
  }

  /// An activation of this shape that the coming layers write together, by ranges of channels.
  package mutating func concatenation(
    _ shape: MapShape, element: Element = .float32
  ) -> Activation {
    activations.append(
      ActivationRecord(
        shape: shape, element: element, producer: Int.max, lastForwardUse: layers.count))
    return Activation(id: activations.count - 1, shape: shape, element: element)
  }

  /// Asks the layer that writes `activation` for its channel sums; nil if it does not offer them.
  package mutating func requestStatistics(of activation: Activation) -> Workspace? {
    guard activations[activation.id].offersStatistics else { return nil }
    if let booked = activations[activation.id].statistics { return booked }
    let booked = workspace(
      2 * activation.shape.channels, of: .float64, layer: activations[activation.id].producer,
      inInference: false)
    activations[activation.id].statistics = booked
    return booked
  }

  /// Books memory that lives from the coming layer's forward pass to its backward pass.
  package mutating func workspace(
    _ count: Int, of element: Element, inInference: Bool = false
  ) -> Workspace {
    workspace(count, of: element, layer: layers.count, inInference: inInference)
  }

  private mutating func workspace(
    _ count: Int, of element: Element, layer: Int, inInference: Bool
  ) -> Workspace {
    workspaces.append(
      WorkspaceRecord(layer: layer, bytes: count * element.bytes, inInference: inInference))
    return Workspace(id: workspaces.count - 1, element: element)
  }

  /// Books memory that dies in each call; all layers share it.
  package mutating func scratch(_ count: Int, of element: Element) {
    scratchBytes = max(scratchBytes, count * element.bytes)
  }

  /// Books memory for the coming layer's weights transformed in advance.
  package mutating func preparedPlace(_ count: Int, of element: Element) -> PreparedPlace {
    defer { preparedBytes += (count * element.bytes).roundedUp(to: 64) }
    return PreparedPlace(offset: preparedBytes, element: element)
  }

  /// The gradient of `input` may lie in the memory of the gradient of `output`.
  package mutating func shareGradient(of input: Input, with output: Activation) {
    guard input.shape == output.shape, input.element == output.element, output.isWhole else {
      return
    }
    activations[input.id].gradientPartner = (output.id, input.ordinal)
  }

  /// Adds the layer and returns the activation that it writes.
  @discardableResult
  package mutating func append(_ layer: some Layer) -> Activation {
    layers.append(layer)
    return layer.output
  }
}

extension Int {
  /// The next multiple of `unit`, a positive number.
  func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
