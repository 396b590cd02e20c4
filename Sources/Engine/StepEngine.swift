package import Collectives
internal import Determinism
internal import Kernels
internal import Losses
package import Networks
package import Optimizers
internal import Preconditions
package import State
internal import Synchronization
internal import Threads
package import Timing

/// Computes steps: microbatches on this rank's workers, exact sums over all, one update.
package final class StepEngine {
  /// What is trained.
  package let replica: Replica
  /// The ranks and workers that it is trained in.
  package let world: World
  /// The exact sums of gradients, over microbatches and then over ranks.
  package let reducer: GradientReducer
  let samples: any SampleSource
  let workers: [Worker]
  let slots: StepSlots
  /// The running moments that a step moves.
  let trainedStatistics: [StatisticsDescription]
  private let update: UpdatePass
  /// Brings other ranks' parts of the weights; nil where every rank updates all of them.
  let gathering: WeightGathering?
  private let work: Work
  /// The loss of a head that is divided over the ranks; nil with others.
  let divided: DividedLoss?
  /// Whether a step was left in its middle; an engine whose step was left computes no more.
  private let isAborted = Atomic<Bool>(false)
  /// Seconds by phase of the last step, averaged over the workers.
  package private(set) var seconds = PhaseSeconds()
  /// The receipt of the last update's weights; 0 before the first.
  private var weightsHash: UInt64 = 0
  /// What this rank's last step was spent on.
  private var rankSeconds = RankSeconds()
  private var lastEndSeconds: Double?
  /// The last step whose samples were scheduled; -1 before the first.
  private var scheduledStep = -1

  /// An engine that trains `replica` in `world` on what `samples` brings.
  package init(_ replica: Replica, in world: World, samples: any SampleSource) {
    self.replica = replica
    self.world = world
    self.samples = samples
    let network = replica.network
    trainedStatistics = network.trainedStatistics
    let head = replica.objective.headOfWorkers
    let blocks = TensorBlocks(replica.groups)
    var ledger = Ledger()
    slots = StepSlots(
      in: &ledger, rankCount: world.size, statisticsCount: network.statisticsCount,
      lossSums: replica.objective.head?.stateSumCount ?? 0, hasTerm: replica.term != nil,
      blockValues: UpdatePass.values(of: blocks, replica.objective, isSharded: world.isSharded))
    reducer = GradientReducer(
      layerRanges: network.layers.map(\.parameters) + [replica.termRange]
        + (head == nil ? [] : [replica.headRange]),
      blocks: replica.reducedBlocks(blocks), frozenCount: network.frozenParameterCount,
      extraCount: ledger.count, gradientGrid: replica.gradientGrid,
      extraGrid: SummationGrid(exponent: Self.ledgerExponent),
      bucketBytes: BucketLayout.bucketBytes(ranks: world.size), rank: world.rank, ranks: world.size,
      reduction: world.reduction, isSharded: world.isSharded, residual: replica.state.addend)
    gathering =
      world.isSharded
      ? WeightGathering(layout: reducer.layout, rank: world.rank, ranks: world.size) : nil
    let (finalLedger, workerCount) = (ledger, world.pool.count)
    let workers = (0..<workerCount).map { _ in
      Worker(network: network, head: head, term: replica.term, ledger: finalLedger)
    }
    self.workers = workers
    func wholeBatch(_ objective: any BatchPasses, _ loss: any BatchLoss) -> Work {
      .wholeBatch(
        WholeBatchMemory(
          objective, loss: loss, network: network, workers: workers,
          localMicrobatches: WholeBatchMemory.localMicrobatches(
            objective, network, ranks: world.size), term: replica.term))
    }
    switch replica.objective {
    case .samples(let head): (work, divided) = (.samples(head), nil)
    case .divided(let objective):
      let loss = DividedLoss(objective, of: replica, in: world)
      (work, divided) = (wholeBatch(objective, loss), loss)
    case .wholeBatch(let objective):
      let loss = objective.makeLoss(width: network.embeddingCount, workers: workerCount)
      (work, divided) = (wholeBatch(objective, loss), nil)
    }
    if divided != nil {
      replica.state.useHugePages(in: DividedHead.ranges(of: replica, in: world))
    }
    update = UpdatePass(
      groups: replica.groups, blocks: blocks, optimizer: replica.optimizer, pool: world.pool,
      ownRanges: world.isSharded ? reducer.layout.ranges(of: world.rank) : nil,
      classes: divided.map {
        DividedClasses(
          replica.objective.divided!, from: replica.headRange.lowerBound, in: world, $0)
      }, average: replica.average)
  }

  /// The grid of the ledger's sums: addends of up to 2^22 in steps of 2^-30, for as many
  /// microbatches and ranks as 52 bits leave room for.
  private static let ledgerExponent = -30

  /// The network that is trained.
  package var network: Network { replica.network }
  /// Parameters, moments and vectors of this rank.
  package var state: ModelState { replica.state }

  /// What a step computes, with the memory that it takes beside the workers'.
  private enum Work {
    case samples((any LossHead)?)
    case wholeBatch(WholeBatchMemory)
  }

  private var wholeBatch: WholeBatchMemory? {
    if case .wholeBatch(let memory) = work { return memory }
    return nil
  }

  /// Where each worker works: at least `network.inferenceBytes`, free between steps.
  package var workerMemories: [UnsafeMutableRawPointer] { workers.map { $0.arena.pointer } }

  /// Bytes of one worker's memory.
  package var workerBytes: Int { workers[0].bytes + (wholeBatch?.loss.workerBytes ?? 0) }

  /// Bytes of this rank's memory for the batch as a whole; what does not grow with it is elsewhere.
  package var batchBytes: Int { wholeBatch?.bytes ?? 0 }

  /// Bytes of this rank's memory for messages to other ranks.
  package var messageBytes: Int { reducer.messageBytes }

  /// How the sums of the last step were reduced.
  package var reductionTimes: ReductionTimes { reducer.times }

  /// The ranges of the flat vector whose optimizer state this rank keeps; nil where it keeps all.
  package var ownRanges: [Range<Int>]? {
    guard world.isSharded || divided != nil else { return nil }
    return networkRanges + headRanges
  }

  /// What this rank keeps of the network's part of the optimizer's state.
  var networkRanges: [Range<Int>] {
    world.isSharded ? reducer.layout.ranges(of: world.rank) : [0..<reducer.count]
  }

  /// Sets the first weights, a function of the replica's seed, and the first state of what this
  /// rank keeps of the vectors.
  package func initialize() {
    state.initialize(
      seed: replica.seed, pool: world.pool, vectorsIn: ownRanges, dividedIn: headRanges)
  }

  /// Computes the gradients of `batch`: afterwards the reducer holds the sums over all ranks.
  ///
  /// While it computes, the photos of `next`, where that is known, are brought. `check` is called
  /// on this thread while it waits; when it throws, the step is left, and with it the engine.
  /// Throws what that, loading or the communicator throws, and `EngineFailure.replicasDiffer` where
  /// the ranks came out of the last update with different weights.
  package func computeGradients(
    of batch: StepBatch, followedBy next: StepBatch? = nil, checking check: StopCheck = {}
  ) throws -> StepSums {
    require(
      !isAborted.load(ordering: .relaxed),
      "StepEngine: step \(batch.step) after one that was left in its middle")
    func checked() throws {
      do {
        try check()
      } catch {
        isAborted.store(true, ordering: .relaxed)
        throw error
      }
    }
    for worker in workers { worker.seconds = PhaseSeconds() }
    readAhead(batch)
    var sums: StepSums
    switch work {
    case .samples(let head):
      if let next { readAhead(next) }
      sums = try gradients(of: batch, by: head, checking: checked)
    case .wholeBatch(let memory):
      sums = try gradients(of: batch, followedBy: next, in: memory, checking: checked)
    }
    if let term = replica.term {
      sums.lossSum += term.weight * (sums.taughtCount - sums.teacherCosineSum)
    }
    return sums
  }

  private func gradients(
    of batch: StepBatch, by head: (any LossHead)?, checking check: StopCheck
  ) throws -> StepSums {
    let start = Clock.seconds
    let share = ownShare(of: batch.microbatches.count)
    reducer.begin(localMicrobatches: share.count, of: batch.microbatches.count)
    nonisolated(unsafe) let engine = self
    let reduced = try reduceGradients(
      of: share.count, scale: 1 / Double(batch.samples.count), checking: check
    ) { index, item in
      try engine.run(share.lowerBound + item, of: batch, by: head, on: index)
    }
    var sums = try reduceLedger(
      of: batch, computed: reduced.computed, isSound: reduced.isSound, since: start)
    if head == nil { (sums.correctCount, sums.targetCosineSum) = (.nan, .nan) }
    return sums
  }

  /// This rank's contiguous share of `count` units.
  func ownShare(of count: Int) -> Range<Int> {
    Microbatches.share(of: count, rank: world.rank, size: world.size)
  }

  /// Schedules this rank's share of `batch`, once.
  func readAhead(_ batch: StepBatch) {
    guard batch.step > scheduledStep else { return }
    scheduledStep = batch.step
    for microbatch in batch.microbatches[ownShare(of: batch.microbatches.count)] {
      samples.schedule(microbatch, of: batch)
    }
  }

  /// Runs `body(worker, item)` for 0..<`count` on the workers, each item a microbatch whose
  /// gradients go to the reducer, and reduces them meanwhile; `scale` turns sums into the gradient
  /// of the loss. Returns how many ended here and whether all addends of this rank were sound.
  func reduceGradients(
    of count: Int, scale: Double, checking check: StopCheck,
    _ body: @escaping (_ worker: Int, _ item: Int) throws -> Void
  ) throws -> (computed: Int, isSound: Bool) {
    let next = SharedCounter()
    nonisolated(unsafe) let engine = self
    nonisolated(unsafe) let body = body
    let computed = SharedCounter()
    world.pool.start { index in
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
        over: world.communicator, scale: scale, onWait: check,
        onBucket: { world.onEvent?(.reduction(parameters: $0)) },
        onReduced: { world.timeline?.record($0) })
    } catch {
      isAborted.store(true, ordering: .relaxed)
      next.skip(to: count)
      throw error
    }
    world.pool.wait()
    if update.isDivided {
      update.measure(reducer, state)
      update.writeOwn(to: LedgerPage(reducer.extras).pointer(to: slots.blocks))
    }
    return (computed.value, isSound)
  }

  /// Sums the ledger over all ranks, and with it what this rank has to say.
  func reduceLedger(
    of batch: StepBatch, computed: Int, isSound: Bool, since start: Double
  ) throws -> StepSums {
    let page = LedgerPage(reducer.extras)
    slots.write(computed, rankSeconds, of: world.rank, to: page)
    page[slots.unsoundRanks] = isSound ? 0 : 1
    HashSum.write(weightsHash, to: page.pointer(to: slots.weightsHash))
    world.communicator.progress.enter(.reduce)
    let begin = Clock.seconds
    try reducer.reduceExtras(over: world.communicator)
    world.timeline?.record("sum extras", from: begin)
    if update.isDivided { update.readAll(from: page.pointer(to: slots.blocks)) }
    guard
      HashSum.areAll(
        weightsHash, sums: page.pointer(to: slots.weightsHash), ranks: world.size)
    else { throw EngineFailure.replicasDiffer(step: batch.step) }
    collectSeconds(wait: Clock.seconds - start)
    return slots.sums(page, samples: batch.samples.count)
  }

  /// Waits until the workers are out of a step that was left early: they leave it after the layer
  /// that they are in.
  package func drain() {
    world.pool.wait()
    reducer.abandon()
  }

  /// Why a worker ends a microbatch of a step that was left.
  private struct Aborted: Error {}

  func checkIsAborted() throws {
    world.communicator.progress.tick()
    if isAborted.load(ordering: .relaxed) { throw Aborted() }
  }

  /// Applies the gradient to the parameters, and the moments of `sampleCount` samples to the
  /// running ones; moves the state of the loss.
  ///
  /// `index` counts the updates before this one. Throws what the communicator throws.
  package func applyUpdate(
    sampleCount: Int, index: Int, rates: LearningRates, clipping: GradientClipping?
  ) throws -> UpdateReceipt {
    let start = Clock.seconds
    if !update.isDivided { update.measure(reducer, state) }
    let receipt = try update.apply(
      to: state, reducer, index: index, rates: rates, clipping: clipping,
      over: world.communicator
    ) {
      guard let gathering else { return }
      let begin = Clock.seconds
      try gathering.run(
        on: state.parameters, scratch: reducer.borrow(), over: world.communicator)
      world.timeline?.record("gather weights", from: begin)
    }
    let page = LedgerPage(reducer.extras)
    RunningMoments.update(
      state.statistics, statistics: trainedStatistics,
      sums: UnsafePointer(page.pointer(to: slots.moments)), sampleCount: sampleCount)
    if let average = replica.average, let moments = state.averageMoments {
      average.update(
        moments, towards: state.statistics, in: 0..<state.statisticsCount, index: index)
    }
    replica.objective.head?.move(
      &state.loss, by: page.pointer(to: slots.lossState), samples: sampleCount)
    seconds[.update] = Clock.seconds - start
    world.timeline?.record("update", from: start)
    weightsHash = receipt.weightsHash
    return receipt
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
