import Assembly
import Collectives
import Configuration
import Datasets
import Determinism
import Engine
import Kernels
import Losses
import Networks
import Optimizers
import State
import TestSupport
import Threads

/// A few steps of an engine by itself, on images and labels that are functions of their place.
struct EngineRun {
  var objective: @Sendable (ModelFactory) -> Objective
  var samples = 18
  var steps = 3
  var optimizer: any Optimizer = SGD(momentum: 0.9, weightDecay: 1e-3)
  var vectors = [StateVector(name: "momentum")]
  var reduction = Reduction.exact
  var isSharded = false
  /// Labels are slots modulo this.
  var classCount = 6
  /// What the image of a slot is drawn with.
  var seed: @Sendable (_ slot: Int) -> UInt64 = { _ in 3 }
  var configuration = Self.configuration
  var clipping: GradientClipping?
  var average: WeightAverage?
  /// The class of a slot; nil is the slot modulo `classCount`.
  var label: (@Sendable (_ step: Int, _ slot: Int) -> Int)?
  /// Says where the embeddings of classes are to be; nil for nobody.
  var teacher: (any Teacher)?
  /// How triplets are mined.
  var request: MiningRequest?

  /// What a run leaves.
  struct Outcome: Equatable, Sendable {
    var receipts: [UpdateReceipt] = []
    var losses: [Double] = []
    /// Correct samples, sum of target cosines, sum of spreads, ranks with unsound gradients,
    /// cosines to a teacher and their number.
    var figures: [[Double]] = []
    var loss = LossState()
    /// The vectors of the state, but for what is divided, on rank 0.
    var vectors: [[Float]] = []
    /// Whether the parameters came with them, but for what is divided, on rank 0.
    var hasCopiedParameters = false
    /// The average as every rank is lent it; empty without one.
    var average: [Float] = []
    /// Whether the rank holds no more of the average afterwards than before.
    var keepsItsParts = true
    /// Those of the class weights that this rank keeps.
    var headVectors: [[Float]] = []
    /// Elements of the vectors that are the network's, the first ones.
    var networkCount = 0
    /// The class weights, on rank 0.
    var classWeights: [Float] = []
  }

  static let configuration = {
    var configuration = RunConfiguration.demo
    configuration.model = Models.model(named: "iresnet10")!
    configuration.imageSize = 32
    configuration.width = 0.125
    configuration.embedding = 16
    configuration.microbatch = 4
    return configuration
  }()

  /// The class head of `factory`, which the demo's loss has.
  static func head(of factory: ModelFactory) -> any LossHead { factory.objective.head! }

  /// Runs in a world of `ranks` threads with `threads` workers each; the outcome by rank.
  ///
  /// `wrap` may stand between a rank and its communicator.
  func outcomes(
    ranks: Int, threads: Int = 1,
    wrap: @escaping @Sendable (any Communicator) -> any Communicator = { $0 }
  ) throws -> [Outcome] {
    let run = self
    return try ThreadCommunicator.run(size: ranks) { communicator in
      let communicator = wrap(communicator)
      let pool = WorkerPool(count: threads)
      defer { pool.end() }
      return try run.outcome(
        in: World(
          pool: pool, communicator: communicator, reduction: run.reduction,
          shardsOptimizer: run.isSharded))
    }
  }

  private func outcome(in world: World) throws -> Outcome {
    let factory = ModelFactory(
      configuration, classCount: classCount, teacherWidth: teacher?.width)
    let objective = objective(factory)
    // The tensors of a head are there with the losses that have one.
    let hasHead = objective.head != nil || factory.objective.head == nil
    let descriptions = hasHead ? factory.descriptions : factory.network.parameters
    let groups =
      hasHead
      ? factory.groups(decaysNormAndBias: false)
      : ParameterGroups(
        descriptions.map {
          ParameterGroups.Tensor(range: $0.range, part: .backbone, decays: $0.isWeight)
        }, count: factory.network.parameterCount)
    let replica = Replica(
      network: factory.network, objective: objective, groups: groups, optimizer: optimizer,
      state: ModelState(
        descriptions: descriptions, statistics: factory.network.statistics, vectors: vectors,
        keepsParts: world.isSharded || objective.divided != nil,
        dividedFrom: objective.divided == nil ? nil : factory.headStart,
        loss: objective.head?.initialState ?? LossState()),
      gradientGrid: SummationGrid(exponent: -36), seed: 7, average: average,
      term: factory.term)
    let imageCount = factory.network.image.shape.count
    let (seed, classCount, label) = (seed, classCount, label)
    let engine = StepEngine(
      replica, in: world,
      samples: ComputedSamples(taughtBy: teacher) { slot, batch, image in
        let random = CounterRandom(seed: seed(slot), purpose: .testing, batch.step, slot)
        for i in 0..<imageCount { image[i] = Float(2 * random.uniform(i) - 1) }
        return Int32(label?(batch.step, slot) ?? slot % classCount)
      })
    engine.initialize()
    var outcome = Outcome()
    for step in 0..<steps {
      let sums = try engine.computeGradients(
        of: StepBatch(
          step: step, epoch: 0, samples: Array(0..<samples),
          microbatches: Microbatches.cut(samples, microbatch: configuration.microbatch),
          marginFactor: 1, request: request))
      outcome.losses.append(sums.lossSum)
      outcome.figures.append([
        sums.correctCount, sums.targetCosineSum, sums.spreadSum, sums.unsoundRanks,
        sums.teacherCosineSum, sums.taughtCount,
      ])
      outcome.receipts.append(
        try engine.applyUpdate(
          sampleCount: samples, index: step, rates: LearningRates(backbone: 0.05, head: 0.05),
          clipping: clipping))
    }
    outcome.loss = replica.state.loss
    let count = replica.state.parameterCount
    func held() -> [Float] {
      replica.state.average.map { Array(UnsafeBufferPointer(start: $0, count: count)) } ?? []
    }
    let own = held()
    outcome.average =
      try engine.withAverages { average, _ in
        Array(UnsafeBufferPointer(start: average, count: count))
      } ?? []
    outcome.keepsItsParts = held() == own
    outcome.classWeights = try engine.classWeights() ?? []
    outcome.networkCount = factory.network.parameterCount
    if let head = objective.head as? MarginSoftmaxHead {
      let own =
        objective.divided?.ownRange(of: world.communicator.rank, ranks: world.communicator.size)
        ?? 0..<head.classes * head.dimension
      outcome.headVectors = replica.state.vectors.indices.map {
        let first = replica.state.vector($0) + factory.headStart
        return Array(UnsafeBufferPointer(start: first + own.lowerBound, count: own.count))
      }
    }
    let copy = world.communicator.rank == 0 ? StateCopy(of: replica.state) : nil
    try engine.gatherState(into: copy)
    if let copy {
      outcome.hasCopiedParameters = replica.state.wholeRanges.joined().allSatisfy {
        copy.parameters[$0] == replica.state.parameters[$0]
      }
      outcome.vectors = replica.state.vectors.indices.map {
        Array(UnsafeBufferPointer(start: copy.vector($0), count: replica.state.parameterCount))
      }
    }
    return outcome
  }
}
