package import Collectives
private import Datasets
package import Kernels
package import Losses
package import Networks
package import Optimizers
internal import Synchronization

/// What one global batch is: which samples, and the random coordinates of the step.
package struct StepBatch: Sendable {
  /// Steps before this one.
  package let step: Int
  package let epoch: Int
  /// Indices of the samples, in batch order.
  package let samples: [Int]
  /// The microbatches, as ranges of batch slots.
  package let microbatches: [Range<Int>]
  /// The share of the margin in force, 0...1.
  package let marginFactor: Float
  /// How triplets are found; nil for losses of each sample by itself.
  package var mining: MiningRequest?

  package init(
    step: Int, epoch: Int, samples: [Int], microbatches: [Range<Int>], marginFactor: Float,
    mining: MiningRequest? = nil
  ) {
    self.step = step
    self.epoch = epoch
    self.samples = samples
    self.microbatches = microbatches
    self.marginFactor = marginFactor
    self.mining = mining
  }
}

/// Brings one sample of a batch: fills the image [size, size, 3] and returns its class.
///
/// Runs on a worker; throws what ends the run.
package typealias SampleLoad =
  @Sendable (
    _ worker: Int, _ batch: StepBatch, _ slot: Int, _ image: UnsafeMutablePointer<Float>,
    _ seconds: inout PhaseSeconds
  ) throws -> (label: Int32, isReplaced: Bool)

/// The sums of one step over all microbatches of all ranks.
package struct StepSums: Sendable {
  package var lossSum = 0.0
  /// Samples nearest their own class; for triplets, to another face of their person.
  package var correctCount = 0.0
  package var targetCosineSum = 0.0
  /// The sum over microbatches of samples x mean squared distance of unit embeddings to their mean;
  /// for triplets the batch counts as one microbatch.
  package var spreadSum = 0.0
  package var replacedCount = 0.0
  /// Ranks that saw a gradient that is not finite or leaves the grid.
  package var unsoundRanks = 0.0
  /// Microbatches that each rank computed.
  package var microbatchesOfRanks: [Int] = []
  /// What each rank's step before this one was spent on.
  package var secondsOfRanks: [RankSeconds] = []
  package var triplets: TripletFigures?
}

/// Computes steps: microbatches on this rank's workers, exact sums over all, one update.
package final class StepEngine {
  package let network: Network
  package let objective: Objective
  package let state: ModelState
  package let groups: ParameterGroups
  package let optimizer: any Optimizer
  package let pool: WorkerPool
  package let reducer: GradientReducer
  package let gradientGrid: SummationGrid
  let communicator: any Communicator
  private let progress: RankProgress
  let seed: UInt64
  let workers: [Worker]
  private let update: UpdatePass
  /// Brings other ranks' parts of the weights; nil where every rank updates all of them.
  private let gathering: WeightGathering?
  let headRange: Range<Int>
  let slots: ExtraSlots
  let isLeft = Atomic<Bool>(false)
  /// The memory of triplet training.
  let triplets: TripletWorkspace?
  /// Of all training samples, where the objective is harmonic.
  package var oldEmbeddings: OldEmbeddings?
  /// Seconds by phase of the last step, averaged over the workers.
  package private(set) var seconds = PhaseSeconds()
  /// The receipt of the last update's weights; 0 before the first.
  private var weightsHash: UInt64 = 0
  /// How the sums of the last step were reduced.
  package var reductionTimes: ReductionTimes { reducer.times }
  /// What this rank's last step was spent on.
  private var rankSeconds = RankSeconds()
  private var lastEndSeconds: Double?
  /// Where spans of time go; nil, the default, records nothing.
  package var timeline: Timeline?
  /// Called on the main thread while it waits for workers; throws to leave the step.
  package var onWait: () throws -> Void = {}
  /// Called on the main thread before the second pass of a step, with the slots that this rank's
  /// workers are about to load once more.
  package var willComputeAgain: (([Range<Int>]) -> Void)?
  /// Called with each event of the step, for traces and tests; may come from any worker.
  package var onEvent: (@Sendable (StepEvent) -> Void)?

  package init(
    network: Network, objective: Objective, state: ModelState, groups: ParameterGroups,
    optimizer: any Optimizer, pool: WorkerPool, communicator: any Communicator,
    gradientGrid: SummationGrid, bucketBytes: Int, microbatch: Int, seed: UInt64,
    reduction: Reduction = .exact, isSharded: Bool = false
  ) {
    self.network = network
    self.objective = objective
    self.state = state
    self.groups = groups
    self.optimizer = optimizer
    self.pool = pool
    self.communicator = communicator
    progress = communicator.progress
    self.seed = seed
    self.gradientGrid = gradientGrid
    headRange = network.parameterCount..<network.parameterCount + objective.parameterCount
    let blocks = TensorBlocks(groups)
    let isSharded = isSharded && communicator.size > 1
    let slots = ExtraSlots(
      rankCount: communicator.size, statisticsCount: network.statisticsCount,
      blockValues: isSharded ? UpdatePass.valuesOfBlock * blocks.count : 0)
    self.slots = slots
    reducer = GradientReducer(
      layerRanges: network.layers.map(\.parameters) + [headRange], blocks: blocks.ranges,
      extraCount: slots.count, gradientGrid: gradientGrid,
      extraGrid: SummationGrid(exponent: -30), bucketBytes: bucketBytes, rank: communicator.rank,
      ranks: communicator.size, reduction: reduction, isSharded: isSharded)
    if reduction == .bf16 { reducer.residual = state.residual }
    gathering =
      isSharded
      ? WeightGathering(
        layout: reducer.layout, rank: communicator.rank, ranks: communicator.size) : nil
    let workers = (0..<pool.count).map { _ in
      Worker(network: network, head: objective.head, extraCount: slots.count)
    }
    self.workers = workers
    if case .triplets(let objective) = objective {
      let microbatches = Microbatches.cut(objective.batch, microbatch: microbatch).count
      triplets = TripletWorkspace(
        objective, network: network, workers: workers,
        localMicrobatches: Microbatches.share(
          of: microbatches, rank: 0, size: communicator.size
        ).count)
    } else {
      triplets = nil
    }
    update = UpdatePass(
      groups: groups, blocks: blocks, optimizer: optimizer, pool: pool,
      ownRanges: isSharded ? reducer.layout.ranges(of: communicator.rank) : nil)
  }

  /// Bytes of the doubles that are reduced together by `ranks` ranks: 8 MiB hides well and does not
  /// fill the caches; among very many ranks more, or messages would be all latency.
  package static func bucketBytes(ranks: Int) -> Int { (8 << 20) * max(1, ranks / 256) }

  /// Where each worker works: at least `network.inferenceCount` floats, free between steps.
  package var workerMemories: [UnsafeMutablePointer<Float>] { workers.map { $0.arena.pointer } }

  /// Bytes of one worker's memory.
  package var workerBytes: Int { workers[0].bytes + (triplets?.workerBytes ?? 0) }

  /// Bytes of this rank's memory for the batch as a whole; what does not grow with it is elsewhere.
  package var batchBytes: Int { triplets?.bytes ?? 0 }

  /// The names of the vectors of the optimizer's state, in order.
  package var stateNames: [String] {
    optimizer.stateNames + (reducer.residual == nil ? [] : ["residual"])
  }

  /// Bytes of this rank's memory for messages to other ranks.
  package var messageBytes: Int { reducer.messageBytes }

  /// The ranges of the flat vector whose optimizer state this rank keeps; nil where it keeps all.
  package var ownRanges: [Range<Int>]? {
    gathering == nil ? nil : reducer.layout.ranges(of: communicator.rank)
  }

  /// Sets the first weights, a function of `seed`, and the first state of what this rank keeps of the
  /// optimizer's.
  package func initialize(seed: UInt64) {
    state.initialize(seed: seed, pool: pool)
    guard optimizer.initialState != 0 else { return }
    for vector in 0..<optimizer.stateVectorCount {
      for range in ownRanges ?? [0..<state.parameterCount] {
        (state.optimizer + (vector * state.parameterCount + range.lowerBound))
          .update(repeating: optimizer.initialState, count: range.count)
      }
    }
  }

  /// Computes the gradients of `batch`: afterwards the reducer holds the sums over all ranks.
  ///
  /// Throws what loading or the communicator throws, and `TrainingFailure.replicasDiffer` where the
  /// ranks came out of the last update with different weights.
  package func computeGradients(of batch: StepBatch, load: @escaping SampleLoad) throws -> StepSums
  {
    for worker in workers { worker.seconds = PhaseSeconds() }
    if let triplets {
      guard let mining = batch.mining else { fatalError("computeGradients: nothing to mine by") }
      return try computeGradients(of: batch, mining: mining, in: triplets, load: load)
    }
    let share = Microbatches.share(
      of: batch.microbatches.count, rank: communicator.rank, size: communicator.size)
    let start = Clock.seconds
    reducer.begin(localMicrobatches: share.count, of: batch.microbatches.count)
    nonisolated(unsafe) let engine = self
    let reduced = try reduceGradients(
      of: share.count, scale: 1 / Double(batch.samples.count)
    ) { index, item in
      try engine.run(share.lowerBound + item, of: batch, on: index, load: load)
    }
    var sums = try reduceExtras(
      step: batch.step, computed: reduced.computed, isSound: reduced.isSound, since: start)
    sums.lossSum *= Double(batch.samples.count)
    return sums
  }

  /// Runs `body(worker, item)` for 0..<`count` on the workers, each item a microbatch whose gradients
  /// go to the reducer, and reduces them meanwhile; `scale` turns sums into the gradient of the loss.
  /// Returns how many ended here and whether all addends of this rank were sound.
  func reduceGradients(
    of count: Int, scale: Double, _ body: @escaping (_ worker: Int, _ item: Int) throws -> Void
  ) throws -> (computed: Int, isSound: Bool) {
    let computed = SharedCounter()
    let next = SharedCounter()
    nonisolated(unsafe) let engine = self
    nonisolated(unsafe) let body = body
    pool.start { index in
      while true {
        let item = next.next()
        if item >= count { return }
        do {
          try body(index, item)
          _ = computed.next()
        } catch {
          engine.reducer.fail(error)
          return
        }
      }
    }
    let isSound: Bool
    do {
      isSound = try reducer.reduce(
        over: communicator, scale: scale, onWait: onWait,
        onBucket: { onEvent?(.reduction(parameters: $0)) },
        onReduced: { timeline?.record($0) })
    } catch {
      isLeft.store(true, ordering: .relaxed)
      next.skip(to: count)
      throw error
    }
    pool.wait()
    if gathering != nil {
      update.measure(reducer)
      update.writeOwn(to: reducer.extras + slots.blocks)
    }
    return (computed.next(), isSound)
  }

  /// Sums the extras over all ranks, and with them what this rank has to say.
  func reduceExtras(
    step: Int, computed: Int, isSound: Bool, since start: Double
  ) throws -> StepSums {
    reducer.extras[slots.microbatches(of: communicator.rank)] = Double(computed)
    reducer.extras[slots.unsoundRanks] = isSound ? 0 : 1
    rankSeconds.write(to: reducer.extras + slots.seconds(of: communicator.rank))
    let ownHash = ExtraSlots.parts(of: weightsHash)
    progress.enter(.reduce)
    for (part, value) in ownHash.enumerated() { reducer.extras[slots.weightsHash + part] = value }
    let extrasStart = Clock.seconds
    try reducer.reduceExtras(over: communicator)
    timeline?.record("sum extras", from: extrasStart)
    if gathering != nil { update.readAll(from: UnsafePointer(reducer.extras + slots.blocks)) }
    for (part, value) in ownHash.enumerated()
    where reducer.extras[slots.weightsHash + part] != value * Double(communicator.size) {
      throw TrainingFailure.replicasDiffer(step: step)
    }
    collectSeconds(wait: Clock.seconds - start)
    return slots.sums(reducer.extras)
  }

  /// Waits until the workers are out of a step that was left early: they leave it after the layer
  /// that they are in.
  package func settle() {
    pool.wait()
    reducer.abandon()
  }

  /// Why a worker ends a microbatch of a step that was left.
  private struct Left: Error {}

  func checkIsLeft() throws {
    progress.tick()
    if isLeft.load(ordering: .relaxed) { throw Left() }
  }

  /// Applies the gradient to the parameters, and the moments of `sampleCount` samples to the running
  /// ones.
  ///
  /// `index` counts the updates before this one. Returns the gradient's norm before clipping and
  /// the hashes of the gradient and of the updated weights. Throws what the communicator throws.
  package func applyUpdate(
    sampleCount: Int, index: Int, rates: LearningRates, clipping: GradientClipping?
  ) throws -> (norm: Double, gradientHash: UInt64, weightHash: UInt64) {
    let start = Clock.seconds
    if gathering == nil { update.measure(reducer) }
    let result = try update.apply(
      to: state, reducer, index: index, rates: rates, clipping: clipping
    ) {
      guard let gathering else { return }
      let begin = Clock.seconds
      try gathering.run(on: state.parameters, scratch: reducer.borrow(), over: communicator)
      timeline?.record("gather weights", from: begin)
    }
    RunningMoments.update(
      state.statistics, statistics: network.statistics,
      sums: UnsafePointer(reducer.extras + slots.statistics), sampleCount: sampleCount)
    seconds[.update] = Clock.seconds - start
    timeline?.record("update", from: start)
    weightsHash = result.weightHash
    return result
  }

  private func collectSeconds(wait: Double) {
    seconds = PhaseSeconds()
    for worker in workers { seconds += worker.seconds }
    seconds.values /= Double(workers.count)
    let busy = seconds.values.sum()
    seconds[.wait] = max(0, wait - busy)
    let now = Clock.seconds
    rankSeconds = RankSeconds(
      decode: seconds[.decode], compute: busy - seconds[.decode],
      peers: reducer.times.peerSeconds + reducer.times.extraSeconds,
      other: lastEndSeconds.map { max(0, now - $0 - wait) } ?? 0)
    lastEndSeconds = now
  }
}

/// Something that happened in a step, for traces and tests.
package enum StepEvent: Sendable {
  case microbatchBegins(Int)
  /// All gradients of the microbatch are added to the rank's sums.
  case backwardEnds(Int)
  /// A bucket of final gradients goes to the other ranks.
  case reduction(parameters: Range<Int>)
}
