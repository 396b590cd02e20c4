package import Collectives
private import Datasets
package import Kernels
package import Losses
package import Networks
package import Optimizers
private import Synchronization

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

  package init(
    step: Int, epoch: Int, samples: [Int], microbatches: [Range<Int>], marginFactor: Float
  ) {
    self.step = step
    self.epoch = epoch
    self.samples = samples
    self.microbatches = microbatches
    self.marginFactor = marginFactor
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
  package var correctCount = 0.0
  package var targetCosineSum = 0.0
  /// The sum over microbatches of samples x mean squared distance of unit embeddings to their mean.
  package var spreadSum = 0.0
  package var replacedCount = 0.0
  /// Ranks that saw a gradient that is not finite or leaves the grid.
  package var unsoundRanks = 0.0
  /// Microbatches that each rank computed.
  package var microbatchesOfRanks: [Int] = []
}

/// Computes steps: microbatches on this rank's workers, exact sums over all, one update.
package final class StepEngine {
  package let network: Network
  package let head: MarginSoftmaxHead
  package let state: ModelState
  package let groups: ParameterGroups
  package let optimizer: any Optimizer
  package let pool: WorkerPool
  package let reducer: GradientReducer
  package let gradientGrid: SummationGrid
  private let communicator: any Communicator
  private let seed: UInt64
  private let workers: [Worker]
  private let update: UpdatePass
  private let headRange: Range<Int>
  private let slots: ExtraSlots
  private let isLeft = Atomic<Bool>(false)
  /// Seconds by phase of the last step, averaged over the workers.
  package private(set) var seconds = PhaseSeconds()
  /// The receipt of the last update's weights; 0 before the first.
  private var weightsHash: UInt64 = 0
  /// Called on the main thread while it waits for workers; throws to leave the step.
  package var onWait: () throws -> Void = {}
  /// Called with each event of the step, for traces and tests; may come from any worker.
  package var onEvent: (@Sendable (StepEvent) -> Void)?

  package init(
    network: Network, head: MarginSoftmaxHead, state: ModelState, groups: ParameterGroups,
    optimizer: any Optimizer, pool: WorkerPool, communicator: any Communicator,
    gradientGrid: SummationGrid, bucketBytes: Int, seed: UInt64
  ) {
    self.network = network
    self.head = head
    self.state = state
    self.groups = groups
    self.optimizer = optimizer
    self.pool = pool
    self.communicator = communicator
    self.seed = seed
    self.gradientGrid = gradientGrid
    headRange = network.parameterCount..<network.parameterCount + head.parameterCount
    let slots = ExtraSlots(
      rankCount: communicator.size, statisticsCount: network.statisticsCount)
    self.slots = slots
    reducer = GradientReducer(
      layerRanges: network.layers.map(\.parameters) + [headRange], extraCount: slots.count,
      gradientGrid: gradientGrid, extraGrid: SummationGrid(exponent: -30),
      bucketBytes: bucketBytes)
    workers = (0..<pool.count).map { _ in
      Worker(network: network, head: head, extraCount: slots.count)
    }
    update = UpdatePass(groups: groups, optimizer: optimizer, pool: pool)
  }

  /// Where each worker works: at least `network.inferenceCount` floats, free between steps.
  package var workerMemories: [UnsafeMutablePointer<Float>] { workers.map { $0.arena.pointer } }

  /// Bytes of one worker's memory.
  package var workerBytes: Int { workers[0].bytes }

  /// Computes the gradients of `batch`: afterwards the reducer holds the sums over all ranks.
  ///
  /// Throws what loading or the communicator throws, and `TrainingFailure.replicasDiffer` where the
  /// ranks came out of the last update with different weights.
  package func computeGradients(of batch: StepBatch, load: @escaping SampleLoad) throws -> StepSums
  {
    let share = Microbatches.share(
      of: batch.microbatches.count, rank: communicator.rank, size: communicator.size)
    reducer.begin(localMicrobatches: share.count, of: batch.microbatches.count)
    for worker in workers { worker.seconds = PhaseSeconds() }
    let computed = SharedCounter()
    let next = SharedCounter()
    nonisolated(unsafe) let engine = self
    pool.start { index in
      while true {
        let item = next.next()
        if item >= share.count { return }
        do {
          try engine.run(share.lowerBound + item, of: batch, on: index, load: load)
          _ = computed.next()
        } catch {
          engine.reducer.fail(error)
          return
        }
      }
    }
    let start = Clock.seconds
    let isSound: Bool
    do {
      isSound = try reducer.reduce(
        over: communicator, onWait: onWait,
        onBucket: { onEvent?(.reduction(parameters: $0)) })
    } catch {
      isLeft.store(true, ordering: .relaxed)
      next.skip(to: share.count)
      throw error
    }
    pool.wait()
    reducer.extras[slots.microbatches(of: communicator.rank)] = Double(computed.next())
    reducer.extras[slots.unsoundRanks] = isSound ? 0 : 1
    let ownHash = slots.parts(of: weightsHash)
    for (part, value) in ownHash.enumerated() { reducer.extras[slots.weightsHash + part] = value }
    let beforeExtras = Clock.seconds
    try reducer.reduceExtras(over: communicator)
    for (part, value) in ownHash.enumerated()
    where reducer.extras[slots.weightsHash + part] != value * Double(communicator.size) {
      throw TrainingFailure.replicasDiffer(step: batch.step)
    }
    collectSeconds(wait: Clock.seconds - start, tail: Clock.seconds - beforeExtras)
    var sums = slots.sums(reducer.extras)
    sums.lossSum *= Double(batch.samples.count)
    return sums
  }

  /// Waits until the workers are out of a step that was left early: they leave it after the layer
  /// that they are in.
  package func settle() { pool.wait() }

  /// Why a worker ends a microbatch of a step that was left.
  private struct Left: Error {}

  private func checkIsLeft() throws {
    if isLeft.load(ordering: .relaxed) { throw Left() }
  }

  /// Applies the summed gradients to parameters and running moments.
  ///
  /// `index` counts the updates before this one. Returns the gradient's norm before clipping and
  /// the hashes of the summed gradient and of the updated weights.
  package func applyUpdate(
    sampleCount: Int, index: Int, rates: LearningRates, clipping: GradientClipping?
  ) -> (norm: Double, gradientHash: UInt64, weightHash: UInt64) {
    let start = Clock.seconds
    let result = update.run(
      state: state, sums: UnsafePointer(reducer.sums), sampleCount: sampleCount, index: index,
      rates: rates, clipping: clipping)
    RunningMoments.update(
      state.statistics, statistics: network.statistics,
      sums: UnsafePointer(reducer.extras + slots.statistics), sampleCount: sampleCount)
    seconds[.update] = Clock.seconds - start
    weightsHash = result.weightHash
    return result
  }

  private func collectSeconds(wait: Double, tail: Double) {
    seconds = PhaseSeconds()
    for worker in workers { seconds += worker.seconds }
    seconds.values /= Double(workers.count)
    let busy = seconds.values.sum()
    seconds[.wait] = max(0, wait - busy)
  }

  private func run(
    _ microbatch: Int, of batch: StepBatch, on index: Int, load: SampleLoad
  ) throws {
    let worker = workers[index]
    let range = batch.microbatches[microbatch]
    onEvent?(.microbatchBegins(microbatch))
    var replaced = 0
    let image = worker.arena.pointer + network.imageOffset
    for slot in range {
      let sample = try load(
        index, batch, slot, image + (slot - range.lowerBound) * network.image.shape.count,
        &worker.seconds)
      worker.labels[slot - range.lowerBound] = sample.label
      if sample.isReplaced { replaced += 1 }
    }
    let pass = Pass(
      network, rows: range.count, phase: .training, memory: worker.arena.pointer,
      parameters: UnsafePointer(state.parameters),
      runningMoments: UnsafePointer(state.statistics), batchMoments: worker.moments.pointer,
      layerGradients: worker.layerGradients.pointer,
      randomness: PassRandomness(seed: seed, step: batch.step, firstSlot: range.lowerBound))
    var time = Clock.seconds
    func mark(_ phase: PhaseSeconds.Phase) {
      let now = Clock.seconds
      worker.seconds[phase] += now - time
      time = now
    }
    try network.forward(in: pass, beforeLayer: checkIsLeft)
    mark(.forward)
    let embeddings = UnsafePointer(pass[network.output])
    let loss = head.run(
      embeddings, labels: worker.labels, rows: range.count,
      weights: state.parameters + headRange.lowerBound, marginFactor: batch.marginFactor,
      into: pass.gradient(of: network.output), weightGradient: worker.layerGradients.pointer,
      scratch: worker.headScratch.pointer)
    mark(.head)
    reducer.add(worker.layerGradients.pointer, of: headRange)
    mark(.summation)
    try network.backward(in: pass) { parameters, gradient in
      try checkIsLeft()
      mark(.backward)
      reducer.add(gradient, of: parameters)
      mark(.summation)
    }
    mark(.backward)
    onEvent?(.backwardEnds(microbatch))
    let extras = worker.extras
    extras.update(repeating: 0, count: slots.count)
    // A share of the mean: the sum itself could leave the grid of a very large batch.
    extras[slots.lossSum] = loss.lossSum / Double(batch.samples.count)
    extras[slots.correctCount] = Double(loss.correctCount)
    extras[slots.targetCosineSum] = loss.targetCosineSum
    extras[slots.spreadSum] =
      Double(range.count)
      * Collapse.spread(
        embeddings, rows: range.count, dimension: network.embeddingCount,
        scratch: worker.headScratch.pointer)
    extras[slots.replacedCount] = Double(replaced)
    RunningMoments.addends(
      of: worker.moments.pointer, running: state.statistics, statistics: network.statistics,
      weight: Double(range.count) / Double(batch.samples.count), into: extras + slots.statistics)
    reducer.finishMicrobatch(extras: extras)
    mark(.summation)
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
