internal import Interchange
internal import Kernels

/// Height, width and channels of a map that lies as [height, width, channels].
struct GraphMap: Equatable {
  let height, width, channels: Int
  var pixels: Int { height * width }
  var count: Int { pixels * channels }
}

/// What a step computes once the size of the image is known.
enum GraphValue {
  /// [1, C, H, W], which lies as [H, W, C] in a buffer.
  case map(GraphMap, buffer: Int)
  /// Numbers of a shape that lie in its order.
  case array([Int], buffer: Int)
  case integers([Int], isScalar: Bool)

  /// The buffer that its numbers are in; none of whole numbers, which are known.
  var buffer: Int {
    switch self {
    case .map(_, let buffer), .array(_, let buffer): buffer
    case .integers: 0
    }
  }

  /// As ONNX has it.
  var shape: [Int] {
    switch self {
    case .map(let map, _): [1, map.channels, map.height, map.width]
    case .array(let shape, _): shape
    case .integers(let values, let isScalar): isScalar ? [] : [values.count]
    }
  }
}

/// A kernel at work, on buffers by number.
enum GraphCall {
  struct Convolution {
    let convolution: GraphConvolution
    let plan: ConvolutionPlan
    let preparedPlace: Int
    let from, to: Int
  }

  case convolution(Convolution)
  case depthwise(GraphConvolution, GroupedConvolutionShape, from: Int, to: Int)
  case maxPool(PoolingShape, from: Int, to: Int)
  case enlarge(GraphMap, factor: Int, from: Int, to: Int)
  case add(count: Int, from: Int, other: Int, to: Int)
  case relu(count: Int, from: Int, to: Int)
  case sigmoid(count: Int, from: Int, to: Int)
}

/// Follows the steps of a graph for an image of one size: shapes, calls, and the memory of both.
struct GraphPlanner {
  private let graph: InferenceGraph
  private let registers: RegisterWidth
  private var values: [String: GraphValue] = [:]
  private(set) var calls: [GraphCall] = []
  private(set) var scratchCount = 0
  private(set) var winnerCount = 0
  private(set) var preparedCount = 0
  /// Floats of each buffer, and the calls that write it first and read it last; the image is
  /// buffer 0.
  private var buffers: [(count: Int, first: Int, last: Int)] = []

  /// Floats of a buffer, and of all memory together, at most.
  private let mostFloats: Int
  /// Buffers at most; networks have some hundreds.
  private static let mostBuffers = 4096

  init(
    _ graph: InferenceGraph, height: Int, width: Int, registers: RegisterWidth, mostBytes: Int
  ) {
    self.graph = graph
    self.registers = registers
    mostFloats = mostBytes / MemoryLayout<Float>.stride
    let map = GraphMap(height: height, width: width, channels: graph.inputChannels)
    buffers = [(map.count, -1, 0)]
    values[graph.inputName] = .map(map, buffer: 0)
  }

  private func refusal(_ step: InferenceGraph.Step, _ reason: String) -> InterchangeError {
    .unsupported(path: graph.path, reason: "\(step.title): \(reason)")
  }

  /// The outputs by name; throws `InterchangeError` for one that is not computed.
  mutating func outputs() throws -> [String: GraphValue] {
    var outputs: [String: GraphValue] = [:]
    for name in graph.outputNames {
      switch values[name] {
      case .map?, .array?:
        outputs[name] = values[name]
        buffers[values[name]!.buffer].last = calls.count
      default:
        throw InterchangeError.unsupported(
          path: graph.path, reason: "an output '\(name)' that its nodes do not compute")
      }
    }
    return outputs
  }

  /// Where each buffer lies, and the floats of all: those that live at the same time lie apart.
  func placement() throws -> (places: [Int], count: Int) {
    var places = [Int](repeating: 0, count: buffers.count)
    var placed: [Int] = []
    var end = 0
    for (index, buffer) in buffers.enumerated() {
      let others = placed.filter {
        buffers[$0].first <= buffer.last && buffer.first <= buffers[$0].last
      }.sorted { places[$0] < places[$1] }
      var place = 0
      for other in others where places[other] < place + buffer.count {
        place = max(place, places[other] + Self.rounded(buffers[other].count))
      }
      places[index] = place
      placed.append(index)
      end = max(end, place + Self.rounded(buffer.count))
    }
    let all = end + scratchCount + preparedCount + (winnerCount + 3) / 4
    guard all <= mostFloats else {
      throw InterchangeError.unsupported(
        path: graph.path,
        reason: "a graph that would take \(all >> 18) MiB for this image; "
          + "\(mostFloats >> 18) MiB are given")
    }
    return (places, end)
  }

  /// Whole cache lines.
  private static func rounded(_ count: Int) -> Int { (count + 15) / 16 * 16 }

  // MARK: Steps

  /// Plans the next step; throws `InterchangeError`.
  mutating func add(_ step: InferenceGraph.Step) throws {
    let inputs = try step.inputs.map { name in
      guard let value = values[name] else {
        throw refusal(step, "it reads '\(name)', which is not computed")
      }
      return value
    }
    values[step.output] = try value(of: step, inputs)
  }

  private mutating func value(
    of step: InferenceGraph.Step, _ inputs: [GraphValue]
  ) throws -> GraphValue {
    switch (step.operation, inputs.first) {
    case (.constant(let numbers, let isScalar), _): return .integers(numbers, isScalar: isScalar)
    case (.convolution(let convolution), .map(let map, let from)?):
      return try self.convolution(convolution, step, map, from)
    case (.maxPool(let window, let stride, let padding, let roundsUp), .map(let map, let from)?):
      guard map.height + 2 * padding >= window, map.width + 2 * padding >= window else {
        throw refusal(step, "a window of \(window) does not fit \(inputs[0].shape)")
      }
      let shape = PoolingShape(
        batch: 1, height: map.height, width: map.width, channels: map.channels, window: window,
        stride: stride, padding: padding, roundsUp: roundsUp)
      winnerCount = max(winnerCount, shape.outputCount)
      let size = GraphMap(
        height: shape.outputHeight, width: shape.outputWidth, channels: map.channels)
      return try self.map(step, size, reading: from) { .maxPool(shape, from: from, to: $0) }
    case (.enlarge(let factor), .map(let map, let from)?):
      return try enlarged(step, map, from, by: factor, inputs)
    case (.add, let first?):
      guard inputs[1].shape == first.shape, first.isLike(inputs[1]) else {
        throw refusal(step, "\(first.shape) and \(inputs[1].shape) are not added; equal shapes are")
      }
      let (count, other) = (first.shape.reduce(1, *), inputs[1].buffer)
      return first.moved(
        to: try write(step, count, reading: [first.buffer, other]) {
          .add(count: count, from: first.buffer, other: other, to: $0)
        })
    case (.relu, let value?) where value.hasFloats, (.sigmoid, let value?) where value.hasFloats:
      let (count, from) = (value.shape.reduce(1, *), value.buffer)
      let isSigmoid = if case .sigmoid = step.operation { true } else { false }
      return value.moved(
        to: try write(step, count, reading: [from]) {
          isSigmoid
            ? .sigmoid(count: count, from: from, to: $0) : .relu(count: count, from: from, to: $0)
        })
    case (.channelsLast, .map(let map, let buffer)?):
      return .array([1, map.height, map.width, map.channels], buffer: buffer)
    case (.reshape, .array(let shape, let buffer)?):
      guard case .integers(let target, _) = inputs[1],
        let sides = Self.sides(target, of: shape)
      else {
        throw refusal(step, "\(shape.brief) cannot take the shape \(inputs[1].numbers.brief)")
      }
      return .array(sides, buffer: buffer)
    case (.alias, let value?): return value
    default: return try integers(step, inputs)
    }
  }

  /// What is computed of whole numbers, which are known by now.
  private func integers(
    _ step: InferenceGraph.Step, _ inputs: [GraphValue]
  ) throws -> GraphValue {
    switch (step.operation, inputs.first) {
    case (.shape, let value?): return .integers(value.shape, isScalar: false)
    case (.gather, .integers(let numbers, false)?):
      guard inputs.count == 2, case .integers(let indices, let isScalar) = inputs[1],
        indices.count <= GraphOperation.mostIntegers,
        indices.allSatisfy({ $0 >= -numbers.count && $0 < numbers.count })
      else { break }
      return .integers(
        indices.map { numbers[$0 < 0 ? $0 + numbers.count : $0] }, isScalar: isScalar)
    case (.unsqueeze, .integers(let numbers, true)?): return .integers(numbers, isScalar: false)
    case (.join, _?):
      var all: [Int] = []
      for case .integers(let numbers, false) in inputs
      where all.count + numbers.count <= GraphOperation.mostIntegers { all += numbers }
      guard all.count == inputs.reduce(0, { $0 + $1.numbers.count }) else { break }
      return .integers(all, isScalar: false)
    default: break
    }
    let shapes = inputs.prefix(4).map(\.shape.brief).joined(separator: ", ")
    throw refusal(
      step, "it is not computed of \(shapes)\(inputs.count > 4 ? " and others" : "")")
  }

  private mutating func convolution(
    _ convolution: GraphConvolution, _ step: InferenceGraph.Step, _ map: GraphMap, _ from: Int
  ) throws -> GraphValue {
    guard map.channels == convolution.inputChannels,
      let shape = convolution.shape(height: map.height, width: map.width)
    else {
      throw refusal(
        step,
        "its weights of \(convolution.inputChannels) channels and "
          + "\(convolution.kernelHeight)x\(convolution.kernelWidth) do not fit "
          + "[1, \(map.channels), \(map.height), \(map.width)]")
    }
    let size = GraphMap(
      height: shape.outputHeight, width: shape.outputWidth, channels: convolution.outputChannels)
    if convolution.isDepthwise {
      let grouped = GroupedConvolutionShape(
        height: map.height, width: map.width, channels: map.channels,
        kernel: convolution.kernelHeight, stride: convolution.stride,
        padding: convolution.paddingHeight)
      return try self.map(step, size, reading: from) {
        .depthwise(convolution, grouped, from: from, to: $0)
      }
    }
    let plan = ConvolutionPlan(shape, maximumRows: 1, registers: registers)
    scratchCount = max(scratchCount, plan.scratchCount)
    let place = preparedCount
    preparedCount += Self.rounded(plan.preparedCount)
    return try self.map(step, size, reading: from) {
      .convolution(
        GraphCall.Convolution(
          convolution: convolution, plan: plan, preparedPlace: place, from: from, to: $0))
    }
  }

  private mutating func enlarged(
    _ step: InferenceGraph.Step, _ map: GraphMap, _ from: Int, by factor: Int?,
    _ inputs: [GraphValue]
  ) throws -> GraphValue {
    var factor = factor
    if factor == nil, case .integers(let sizes, _) = inputs[1], sizes.count == 4,
      sizes[0] == 1, sizes[1] == map.channels, sizes[2] % map.height == 0,
      (1...16).contains(sizes[2] / map.height),
      sizes[2] / map.height * map.width == sizes[3]
    {
      factor = sizes[2] / map.height
    }
    guard let factor else {
      throw refusal(
        step, "\(inputs[0].shape) to \((inputs.last?.numbers ?? []).brief) is no whole factor")
    }
    let size = GraphMap(
      height: map.height * factor, width: map.width * factor, channels: map.channels)
    return try self.map(step, size, reading: from) {
      .enlarge(map, factor: factor, from: from, to: $0)
    }
  }

  /// A map of `size` that the next call writes, from the one that it reads.
  private mutating func map(
    _ step: InferenceGraph.Step, _ size: GraphMap, reading from: Int, _ call: (Int) -> GraphCall
  ) throws -> GraphValue {
    // Sides and channels of 16 bits keep every product of them within an Int.
    guard max(size.height, size.width) <= GraphOperation.largestSide else {
      throw refusal(
        step, "a map of \(size.height)x\(size.width); sides end at \(GraphOperation.largestSide)")
    }
    return .map(size, buffer: try write(step, size.count, reading: [from], call))
  }

  /// A buffer of `count` floats that the next call writes, from those that it reads.
  private mutating func write(
    _ step: InferenceGraph.Step, _ count: Int, reading: [Int], _ call: (Int) -> GraphCall
  ) throws -> Int {
    guard count <= mostFloats else {
      throw refusal(
        step, "it gives \(count >> 18) MiB for this image; \(mostFloats >> 18) MiB are given")
    }
    guard buffers.count < Self.mostBuffers else {
      throw refusal(step, "more than \(Self.mostBuffers) operations are not computed")
    }
    for buffer in reading { buffers[buffer].last = calls.count }
    buffers.append((count, calls.count, calls.count))
    calls.append(call(buffers.count - 1))
    return buffers.count - 1
  }

  /// The shape `target`, in which -1 is what is left and 0 the side that was there, of numbers of
  /// `shape`; nil where they do not fit.
  private static func sides(_ target: [Int], of shape: [Int]) -> [Int]? {
    var sides = target
    for (axis, side) in target.enumerated() where side == 0 {
      guard axis < shape.count else { return nil }
      sides[axis] = shape[axis]
    }
    let count = shape.reduce(1, *)
    var known = 1
    for side in sides where side != -1 {
      let (next, overflows) = known.multipliedReportingOverflow(by: side)
      guard side > 0, !overflows else { return nil }
      known = next
    }
    let open = sides.indices.filter { sides[$0] == -1 }
    if let axis = open.first { sides[axis] = count / known }
    return open.count <= 1 && sides.reduce(1, *) == count ? sides : nil
  }
}

extension GraphValue {
  var hasFloats: Bool { if case .integers = self { false } else { true } }

  /// Whole numbers; none of others.
  var numbers: [Int] { if case .integers(let numbers, _) = self { numbers } else { [] } }

  /// Whether the numbers of both lie in the same order.
  func isLike(_ other: GraphValue) -> Bool {
    switch (self, other) {
    case (.map, .map), (.array, .array): true
    default: false
    }
  }

  /// The same in another buffer.
  func moved(to buffer: Int) -> GraphValue {
    switch self {
    case .map(let map, _): .map(map, buffer: buffer)
    case .array(let shape, _): .array(shape, buffer: buffer)
    case .integers: self
    }
  }
}
