import Networks
import Testing

/// Activations of two bytes beside those of four: places, values and gradients.
@Suite struct ElementTests {
  private static let shape = MapShape(height: 3, width: 5, channels: 3)
  private static let rows = 2

  /// The nearest bfloat16, ties to even.
  private static func narrowed(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
  }

  private static func widened(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

  /// factor x, in two bytes.
  private struct Narrowing: Layer {
    let input: Input
    let output: Activation
    let factor: Parameter
    let summary = "narrowing"
    let operations: [Operation] = []

    init(_ source: Activation, factor: Parameter, in plan: inout Plan) {
      self.factor = factor
      input = plan.read(source, inBackward: true)
      output = plan.write(source.shape, element: .bfloat16)
    }

    var inputs: [Input] { [input] }
    var parameters: Range<Int> { factor.offset..<factor.offset + factor.count }

    func forward(in pass: borrowing Pass) {
      let (x, y) = (pass[input], pass[output, as: UInt16.self])
      for i in 0..<pass.rows * output.shape.count {
        y[i] = narrowed(pass[factor][i % factor.count] * x[i])
      }
    }

    func backward(in pass: borrowing Pass) {
      let (x, dy) = (pass[input], pass.gradient(of: output, as: UInt16.self))
      let gradient = pass.gradient(of: factor)
      gradient.update(repeating: 0, count: factor.count)
      for i in 0..<pass.rows * output.shape.count {
        gradient[i % factor.count] += widened(dy[i]) * x[i]
      }
    }
  }

  /// x, in four bytes and in some of the channels of a wider map.
  private struct Widening: Layer {
    let input: Input
    let output: Activation
    let parameters: Range<Int>
    let summary = "widening"
    let operations: [Operation] = []

    init(_ source: Activation, into range: Activation, after parameters: Int, in plan: inout Plan) {
      input = plan.read(source, inBackward: false)
      output = plan.write(source.shape, into: range)
      self.parameters = parameters..<parameters
    }

    var inputs: [Input] { [input] }

    private func places(_ pass: borrowing Pass) -> [(narrow: Int, wide: Int)] {
      let channels = output.shape.channels
      return (0..<pass.rows * output.shape.count).map {
        ($0, $0 / channels * output.stride + $0 % channels)
      }
    }

    func forward(in pass: borrowing Pass) {
      for (narrow, wide) in places(pass) {
        pass[output][wide] = widened(pass[input, as: UInt16.self][narrow])
      }
    }

    func backward(in pass: borrowing Pass) {
      let dx = pass.gradient(of: input, as: UInt16.self)!
      for (narrow, wide) in places(pass) {
        let gradient = pass.gradient(of: output)[wide]
        dx[narrow] = narrowed(pass.adds(to: input) ? widened(dx[narrow]) + gradient : gradient)
      }
    }
  }

  /// The images times a factor for each channel in two bytes, twice side by side in four.
  private static func network() -> Network {
    var graph = Graph(image: shape)
    let factor = graph.parameter(
      "factor", shape: [3], initializer: .uniform(bound: 1), isWeight: true)
    var plan = Plan(graph, maximumRows: rows)
    let narrow = plan.append(Narrowing(plan.image, factor: factor, in: &plan))
    let joined = plan.concatenation(MapShape(height: 3, width: 5, channels: 6))
    for first in [0, 3] {
      plan.append(
        Widening(narrow, into: joined.channels(3, from: first), after: factor.count, in: &plan))
    }
    return Network(name: "two bytes", plan: plan, output: joined)
  }

  @Test(arguments: [Float.nan, 7.5e6])
  func twoBytesHoldValuesAndGradients(garbage: Float) {
    let run = NetworkRun(Self.network(), rows: Self.rows)
    run.fillWithNumbers()
    run.garbage = garbage
    run.poisons = true
    let coefficients = Formula.numbers("loss", Self.rows * run.network.embeddingCount)
      .map { Float($0) }
    run.run(.training, outputGradient: coefficients)

    var gradient: [Float] = [0, 0, 0]
    var isRounded = false
    for (i, x) in run.images.enumerated() {
      let (pixel, channel) = (i / 3, i % 3)
      let value = Self.widened(Self.narrowed(run.parameters[channel] * x))
      let places = (6 * pixel + channel, 6 * pixel + 3 + channel)
      #expect(run.output[places.0] == value && run.output[places.1] == value)
      isRounded = isRounded || value != run.parameters[channel] * x
      // The last reader overwrites, the first one adds.
      let last = Self.narrowed(coefficients[places.1])
      let sum = Self.narrowed(Self.widened(last) + coefficients[places.0])
      gradient[channel] += Self.widened(sum) * x
    }
    #expect(run.gradient == gradient)
    #expect(isRounded)
  }

  @Test func theyTakeHalfTheMemory() throws {
    func bytes(_ element: Element) throws -> Int {
      let graph = Graph(image: MapShape(height: 64, width: 64, channels: 4))
      var plan = Plan(graph, maximumRows: 3)
      _ = plan.read(plan.image, inBackward: false)
      let output = plan.write(plan.image.shape, element: element)
      let network = Network(name: "memory", plan: plan, output: output)
      let piece = try #require(network.training.pieces.first { $0.owners == [.value(1)] })
      #expect(piece.bytes.lowerBound % 64 == 0)
      return piece.bytes.count
    }
    // 640 bytes lie between neighbours.
    #expect(try bytes(.float32) == 4 * 3 * 16384 + 640)
    #expect(try bytes(.bfloat16) == 2 * 3 * 16384 + 640)
    #expect(try bytes(.uint8) == 3 * 16384 + 640)
    #expect(try bytes(.float64) == 8 * 3 * 16384 + 640)
  }

  @Test func anotherTypeThanPlannedTraps() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let network = ElementTests.network()
      let memory = Arena(for: network, phase: .training)
      let zeros = [Float](repeating: 0, count: 3)
      let pass = Pass(
        inferenceOf: network, rows: 1, memory: memory.pointer, parameters: zeros,
        runningMoments: zeros)
      _ = pass[network.layers[0].output]
    }
    let words = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(words.contains("activation 1 3x5x3 is of bfloat16, asked for as float32"))
  }

  /// Reading before writing shows, whatever is read.
  @Test func arenasAreBornBroken() {
    let network = Self.network()
    let arena = Arena(for: network, phase: .training)
    let count = Arena.bytes(for: network, phase: .training)
    #expect(count >= network.trainingBytes && count >= network.inferenceBytes)
    #expect(arena.pointer.load(fromByteOffset: count - 4, as: Float.self).isNaN)
    #expect(arena.pointer.load(fromByteOffset: count - 8, as: Double.self).isNaN)
    #expect(Self.widened(arena.pointer.load(fromByteOffset: count - 2, as: UInt16.self)).isNaN)
  }
}
