import Collectives
import Determinism
import Engine
import Kernels
import Losses
import Networks
import Optimizers
import State
import Synchronization
import TestSupport
import Testing
import Threads

/// Whether each microbatch was let through the gate.
private final class Passages: Sendable {
  private let values = Mutex<[Bool]>([])
  func add(_ value: Bool) { values.withLock { $0.append(value) } }
  var all: [Bool] { values.withLock { $0 } }
}

/// A layer that holds its worker in backward until a bucket is on its way.
private struct Gate: Layer {
  let input: Input
  let output: Activation
  let mayPass: TestEvent
  let passages: Passages
  let parameters = 0..<0
  let summary = "gate"
  let operations: [Operation] = []

  init(
    _ source: Activation, width: Int, in plan: inout Plan, until mayPass: TestEvent,
    _ passages: Passages
  ) {
    input = plan.read(source, inBackward: false)
    output = plan.write(MapShape(height: 1, width: 1, channels: width), element: .float32)
    self.mayPass = mayPass
    self.passages = passages
  }

  var inputs: [Input] { [input] }

  func forward(in pass: borrowing Pass) {
    let (from, to) = (input.shape.count, output.shape.count)
    for i in 0..<pass.rows * to { pass[output][i] = pass[input][i / to * from + i % to % from] }
  }

  func backward(in pass: borrowing Pass) { passages.add(mayPass.wait(atMost: 20)) }
}

@Suite struct OverlapTests {
  private static let width = 64
  /// With 64 features more than the 2^20 values of a bucket.
  private static let classes = 20_000

  /// The gradient of the head is complete when a microbatch goes backward into the network, which
  /// the gate holds there until the engine has begun to reduce it: one that first waited for the
  /// end of backward would never begin.
  @Test(arguments: [1, 2], [1, 2])
  func bucketsAreReducedWhileBackwardRuns(ranks: Int, threads: Int) throws {
    let passages = try ThreadCommunicator.run(size: ranks) { communicator -> [Bool] in
      let pool = WorkerPool(count: threads)
      defer { pool.end() }
      let (reduces, passages) = (TestEvent(), Passages())
      var plan = Plan(
        Graph(image: MapShape(height: 4, width: 4, channels: 3)), maximumRows: 2)
      let output = plan.append(
        Gate(plan.image, width: Self.width, in: &plan, until: reduces, passages))
      let engine = StepEngine(
        Self.replica(of: Network(name: "gate", plan: plan, output: output)),
        in: World(
          pool: pool, communicator: communicator,
          onEvent: { if case .reduction = $0 { reduces.set() } }),
        samples: ComputedSamples { slot, _, image in
          for i in 0..<48 { image[i] = Float((i * 7 + slot) % 11) - 5 }
          return Int32(slot)
        })
      engine.initialize()
      // A microbatch for each worker: the head's gradient is final when all are in the gate.
      let count = 2 * ranks * threads
      _ = try engine.computeGradients(
        of: StepBatch(
          step: 0, epoch: 0, samples: Array(0..<count),
          microbatches: Microbatches.cut(count, microbatch: 2), marginFactor: 1))
      return passages.all
    }
    #expect(
      passages == Array(repeating: Array(repeating: true, count: threads), count: ranks),
      "nothing was reduced before backward ended")
  }

  private static func replica(of network: Network) -> Replica {
    let head = MarginSoftmaxHead(
      configuration: .arcFace(scale: 16, margin: 0.3), classes: classes, dimension: width)
    let descriptions = head.parameters.map {
      ParameterDescription(
        name: "head." + $0.name, shape: $0.shape, range: $0.range,
        initializer: .normal(deviation: 0.01), isWeight: true)
    }
    return Replica(
      network: network, objective: .samples(head),
      groups: ParameterGroups(
        descriptions.map { .init(range: $0.range, part: .head, decays: true) },
        count: head.parameterCount),
      optimizer: SGD(momentum: 0.9),
      state: ModelState(
        descriptions: descriptions, statistics: [], vectors: [StateVector(name: "momentum")]),
      gradientGrid: SummationGrid(exponent: -36), seed: 1)
  }
}
