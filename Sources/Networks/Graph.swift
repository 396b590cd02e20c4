private import Preconditions

/// What an operation of a graph writes and others read, or the range of channels of such a value
/// that one of several operations writes.
package struct Value: Sendable {
  /// The number in the graph; 0 is the image.
  package let id: Int
  /// What it is of one image.
  package let shape: MapShape
  /// The first channel of the range; 0 for a whole value.
  let channelOffset: Int
  /// Channels of the whole value.
  let stride: Int

  var isWhole: Bool { stride == shape.channels }
}

/// The place of an operation's output among the channels of a `Concatenation`.
package struct ChannelRange: Sendable {
  let value: Value
}

/// A value whose ranges of channels are written by several operations, the ends of branches:
/// nothing is copied to join them.
package struct Concatenation {
  private let whole: Value
  private var taken = 0

  init(_ whole: Value) { self.whole = whole }

  /// The next `channels` channels, for an operation to write.
  package mutating func next(_ channels: Int) -> ChannelRange {
    require(
      channels > 0 && taken + channels <= whole.shape.channels,
      "Concatenation: \(channels) channels more, after \(taken) of \(whole.shape)")
    defer { taken += channels }
    let shape = MapShape(
      height: whole.shape.height, width: whole.shape.width, channels: channels)
    return ChannelRange(
      value: Value(
        id: whole.id, shape: shape, channelOffset: taken, stride: whole.shape.channels))
  }

  /// The whole value, once every channel has its writer.
  package var value: Value {
    require(
      taken == whole.shape.channels, "Concatenation: \(taken) channels written of \(whole.shape)")
    return whole
  }
}

/// A network as its paper has it: operations on values, in forward order, with their parameters.
///
/// It knows nothing of memory, nor which operations are computed at once: `Network` finds both.
package struct Graph: Sendable {
  /// An operation, what it reads and what it writes.
  struct Node {
    let operation: Operation
    let inputs: [Value]
    let output: Value
    /// The range of the flat parameter vector that belongs to it; empty, at its place, if none.
    let parameters: Range<Int>
  }

  /// The images: [rows, height, width, 3].
  package let image: Value
  private(set) var nodes: [Node] = []
  /// The concatenations, each with the number of nodes before it.
  private(set) var concatenations: [(value: Value, position: Int)] = []
  private(set) var parameters: [ParameterDescription] = []
  private(set) var statistics: [StatisticsDescription] = []
  private(set) var valueCount = 1
  private(set) var parameterCount = 0
  private(set) var statisticsCount = 0
  private var nodeStart = 0

  /// A graph of nothing but images of this shape.
  package init(image shape: MapShape) {
    image = Value(id: 0, shape: shape, channelOffset: 0, stride: shape.channels)
  }

  /// Books a parameter of the coming operation.
  package mutating func parameter(
    _ name: String, shape: [Int], layout: ParameterLayout = .plain, initializer: Initializer,
    isWeight: Bool
  ) -> Parameter {
    require(
      !parameters.contains { $0.name == name },
      "Graph: two parameters are named \(name), \(shape) is the second's shape")
    let count = shape.reduce(1, *)
    let offset = parameterCount
    parameters.append(
      ParameterDescription(
        name: name, shape: shape, range: offset..<offset + count, layout: layout,
        initializer: initializer, isWeight: isWeight))
    parameterCount += count
    return Parameter(index: parameters.count - 1, offset: offset, count: count)
  }

  /// Books the running moments of the coming batch norm, over maps of `pixels`.
  package mutating func runningMoments(_ name: String, channels: Int, pixels: Int) -> Statistics {
    let offset = statisticsCount
    statistics.append(
      StatisticsDescription(name: name, channels: channels, offset: offset, pixels: pixels))
    statisticsCount += 2 * channels
    return Statistics(offset: offset, channels: channels)
  }

  /// A value of this shape that the coming operations write together, by ranges of channels.
  package mutating func concatenation(_ shape: MapShape) -> Concatenation {
    let value = newValue(shape)
    concatenations.append((value, nodes.count))
    return Concatenation(value)
  }

  /// Adds an operation on `inputs` and returns the value of this shape that it writes: `range` of a
  /// concatenation, or where there is none a value of its own.
  package mutating func append(
    _ operation: Operation, _ inputs: Value..., shape: MapShape, into range: ChannelRange? = nil
  ) -> Value {
    require(
      inputs.count == operation.inputCount,
      "Graph: \(operation) reads \(operation.inputCount) values, not \(inputs.count)")
    for input in inputs {
      require(
        input.isWhole,
        "Graph: a layer reads \(input.shape) out of a concatenation of \(input.stride) channels")
    }
    let output = range?.value ?? newValue(shape)
    require(
      output.shape == shape, "Graph: a layer writes \(shape) into a place of \(output.shape)")
    nodes.append(
      Node(
        operation: operation, inputs: inputs, output: output,
        parameters: nodeStart..<parameterCount))
    nodeStart = parameterCount
    return output
  }

  private mutating func newValue(_ shape: MapShape) -> Value {
    defer { valueCount += 1 }
    return Value(id: valueCount, shape: shape, channelOffset: 0, stride: shape.channels)
  }
}
