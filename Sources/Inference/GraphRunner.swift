internal import Determinism
internal import Interchange
package import Kernels
internal import Preconditions

/// A graph made ready for images of one size: its memory, its plans and its prepared weights.
///
/// One image at a time; serves one thread. The results depend on graph and image alone, not on
/// threads or the width of registers.
package final class GraphRunner {
  /// The size of the images in pixels.
  package let height, width: Int
  private let graph: InferenceGraph
  private let calls: [GraphCall]
  private let memory: AlignedMemory
  private let prepared: AlignedMemory
  private let scratch: AlignedMemory
  private let winners: AlignedBytes
  /// Where the values that are not passed by are in `memory`.
  private let places: [Int]
  private let outputs: [String: GraphValue]

  /// Plans images of `height` times `width` pixels; throws `InterchangeError` where the graph
  /// cannot compute that size, or would take more than `mostBytes` of memory for it.
  package init(
    _ graph: InferenceGraph, height: Int, width: Int, mostBytes: Int = 1 << 31,
    registers: RegisterWidth = .chosen
  ) throws {
    require(height > 0 && width > 0, "GraphRunner: an image of [\(height), \(width)]")
    self.graph = graph
    self.height = height
    self.width = width
    var planner = GraphPlanner(
      graph, height: height, width: width, registers: registers, mostBytes: mostBytes)
    for step in graph.steps { try planner.add(step) }
    outputs = try planner.outputs()
    calls = planner.calls
    let placement = try planner.placement()
    places = placement.places
    memory = AlignedMemory(count: placement.count, fill: 0)
    scratch = AlignedMemory(count: planner.scratchCount, fill: 0)
    winners = AlignedBytes(count: planner.winnerCount, fill: 0)
    prepared = AlignedMemory(count: planner.preparedCount, fill: 0)
    for case .convolution(let call) in calls where call.plan.preparedCount > 0 {
      ConvolutionKernel.prepare(
        call.convolution.weights, plan: call.plan, into: prepared.pointer + call.preparedPlace)
    }
  }

  /// Where the image is put, [height, width, C], before each run.
  package var image: UnsafeMutablePointer<Float> { memory.pointer + places[0] }

  /// Computes the outputs of the image.
  package func run() { for call in calls { run(call) } }

  /// The numbers of an output as they lie, which are those of `shape` in C order unless it is a map
  /// [1, C, H, W], which lies as [H, W, C]; valid until the next run.
  package func output(_ name: String) -> UnsafeBufferPointer<Float> {
    let value = value(of: name)
    return UnsafeBufferPointer(start: at(value.buffer), count: value.shape.reduce(1, *))
  }

  /// The dimensions of an output.
  package func shape(of name: String) -> [Int] { value(of: name).shape }

  /// The numbers of an output in C order of its shape.
  package func values(of name: String) -> [Float] {
    let value = value(of: name)
    let numbers = output(name)
    guard case .map(let map, _) = value else { return Array(numbers) }
    return (0..<map.count).map { i in
      numbers[i % map.pixels * map.channels + i / map.pixels]
    }
  }

  private func value(of name: String) -> GraphValue {
    guard let value = outputs[name] else {
      fatalError("GraphRunner: '\(name)' is none of the outputs \(graph.outputNames)")
    }
    return value
  }

  private func at(_ buffer: Int) -> UnsafeMutablePointer<Float> {
    memory.pointer + places[buffer]
  }

  private func run(_ call: GraphCall) {
    switch call {
    case .convolution(let call): run(call)
    case .depthwise(let convolution, let shape, let from, let to):
      GroupedConvolutionKernel.forward(
        at(from), rows: 1, weights: convolution.weights, shape: shape, into: at(to))
      finish(convolution, pixels: shape.outputHeight * shape.outputWidth, at(to))
    case .maxPool(let shape, let from, let to):
      PoolingKernel.max(
        at(from), shape: shape, into: at(to),
        winners: winners.pointer.assumingMemoryBound(to: UInt8.self))
    case .enlarge(let map, let factor, let from, let to):
      UpsamplingKernel.nearest(
        at(from), height: map.height, width: map.width, channels: map.channels, factor: factor,
        into: at(to))
    case .add(let count, let from, let other, let to):
      ElementwiseKernel.forward(
        at(from), residual: at(other), pixels: 1, channels: count,
        coefficients: ElementwiseCoefficients(), into: at(to), outputStride: count)
    case .relu(let count, let from, let to):
      ElementwiseKernel.forward(
        at(from), pixels: 1, channels: count,
        coefficients: ElementwiseCoefficients(activation: .relu), into: at(to),
        outputStride: count)
    case .sigmoid(let count, let from, let to):
      let (from, to) = (at(from), at(to))
      for i in 0..<count { to[i] = Float(1 / (1 + Elementary.exp(-Double(from[i])))) }
    }
  }

  private func run(_ call: GraphCall.Convolution) {
    let (plan, to) = (call.plan, at(call.to))
    ConvolutionKernel.forward(
      at(call.from), rows: 1, weights: call.convolution.weights,
      prepared: plan.preparedCount > 0 ? UnsafePointer(prepared.pointer + call.preparedPlace) : nil,
      plan: plan, into: to, statistics: nil, scratch: scratch.pointer)
    finish(call.convolution, pixels: plan.shape.outputHeight * plan.shape.outputWidth, to)
  }

  /// Adds the bias and applies the ReLU or the PReLU, in place.
  private func finish(
    _ convolution: GraphConvolution, pixels: Int, _ map: UnsafeMutablePointer<Float>
  ) {
    let channels = convolution.outputChannels
    convolution.bias.withUnsafeBufferPointer { bias in
      func finish(_ activation: ActivationFunction, _ slopes: UnsafePointer<Float>? = nil) {
        ElementwiseKernel.forward(
          map, pixels: pixels, channels: channels,
          coefficients: ElementwiseCoefficients(
            bias: bias.baseAddress, activation: activation, slopes: slopes),
          into: map, outputStride: channels)
      }
      if let slopes = convolution.slopes {
        slopes.withUnsafeBufferPointer { finish(.prelu, $0.baseAddress) }
      } else {
        finish(convolution.rectifies ? .relu : .identity)
      }
    }
  }
}
