internal import Collectives
internal import Kernels
internal import Losses
internal import Networks
internal import State
internal import Synchronization
internal import Threads
internal import Timing

/// The loss of a batch by a head that is divided over the ranks, with all gradients: those of this
/// rank's classes are final when it has been evaluated.
final class DividedLoss: BatchLoss, EvaluatedBatch, @unchecked Sendable {
  /// This rank's classes.
  let share: ClassShare
  /// Those that take part in the step of the moment; nil where all do.
  let chosen: ChosenClasses?
  private let objective: DividedHead
  private let replica: Replica
  private let world: World
  private let batch: ScoredBatch
  private let activeRanks: Int
  /// The gradients of the head's parameters, of which this rank writes its own; before that, scores
  /// [head.parameterCount].
  private let gradientMemory: ReservedMemory
  /// Of this rank's classes.
  private let inverseNorms: AlignedMemory
  /// By worker.
  private let scratch: [AlignedMemory.Box]
  private let sums: [UnsafeMutablePointer<Double>]
  private let maxima: [UnsafeMutablePointer<Float>]
  /// Whether all addends of this rank's classes were sound in the last step.
  private(set) var isSound = true

  init(_ objective: DividedHead, of replica: Replica, in world: World) {
    self.objective = objective
    self.replica = replica
    self.world = world
    let head = objective.head
    let share = ClassShare(head, rank: world.rank, ranks: world.size)
    self.share = share
    chosen = objective.sampling.map {
      ChosenClasses($0, of: share, batch: objective.batch, seed: replica.seed)
    }
    activeRanks = HeadBlocks(of: head).activeRanks(of: world.size)
    batch = ScoredBatch(capacity: objective.batch, for: head)
    gradientMemory = ReservedMemory(count: head.parameterCount)
    // Where some classes take part, huge pages would take memory for all.
    if chosen == nil {
      gradientMemory.useHugePages(in: objective.ownRange(of: world.rank, ranks: world.size))
    }
    inverseNorms = AlignedMemory(count: share.classes.count, fill: .nan)
    let workers = world.pool.count
    let microbatch = replica.network.maximumRows
    scratch = (0..<workers).map { _ in
      AlignedMemory.Box(count: share.scratchCount(microbatch: microbatch))
    }
    let rows = min(objective.batch, share.slabRows)
    sums = (0..<workers).map { _ in .allocate(capacity: share.sumCount) }
    maxima = (0..<workers).map { _ in .allocate(capacity: rows) }
    for memory in sums { memory.initialize(repeating: 0, count: share.sumCount) }
    for memory in maxima { memory.initialize(repeating: 0, count: rows) }
  }

  deinit {
    for memory in sums { memory.deallocate() }
    for memory in maxima { memory.deallocate() }
  }

  var bytes: Int { ownBytes.rank }
  var workerBytes: Int { ownBytes.worker }
  private var ownBytes: (rank: Int, worker: Int) {
    objective.bytes(
      rank: world.rank, ranks: world.size, microbatch: replica.network.maximumRows)
  }

  /// The gradients of the head's parameters after a step, from the head's first.
  var gradients: UnsafePointer<Float> { UnsafePointer(gradientMemory.pointer) }

  private var parameters: UnsafePointer<Float> {
    UnsafePointer(replica.state.parameters + replica.headRange.lowerBound)
  }

  func evaluate(
    _ batch: StepBatch, embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    by crew: BatchCrew
  ) throws -> BatchOutcome? {
    let count = batch.samples.count
    self.batch.take(
      embeddings, labels: labels, rows: count, for: objective.head, state: replica.state.loss)
    if let chosen {
      chosen.begin(step: batch.step, labels: labels, count: count)
      try crew.run(share.tiles.count) { chosen.choose($1) }
    }
    var slab = 0..<0
    for first in stride(from: 0, to: count, by: share.slabRows) {
      slab = first..<min(first + share.slabRows, count)
      try score(slab, by: crew)
      if share.hardens { try harden(slab, of: batch, by: crew) }
      try addExponentials(slab, by: crew)
      self.batch.conclude(
        slab, of: objective.head, marginFactor: batch.marginFactor, state: replica.state.loss,
        place: SamplePlace(seed: replica.seed, step: batch.step, slot: 0))
      try embeddingGradients(slab, by: crew)
    }
    try returnEmbeddingGradients(batch)
    try classGradients(batch, slab: slab, by: crew)
    return BatchOutcome(
      loss: .nan, gradientScale: 1 / Double(count), active: Array(batch.microbatches.indices),
      correctCount: .nan, targetCosine: .nan, spread: .nan, evaluated: self)
  }

  func value(of slots: Range<Int>) -> LossValue? { batch.value(of: slots) }

  func writeStateSums(of slots: Range<Int>, to sums: UnsafeMutablePointer<Double>) {
    batch.writeStateSums(of: slots, for: objective.head, state: replica.state.loss, to: sums)
  }

  func gradients(
    at slots: Range<Int>, on worker: Int, into gradients: UnsafeMutablePointer<Float>
  ) {
    batch.embeddingGradients(of: slots, into: gradients)
  }

  // MARK: The parts of a step

  /// The scores of this rank's classes, and what all ranks have to know of them.
  private func score(_ slab: Range<Int>, by crew: BatchCrew) throws {
    for memory in maxima { memory.update(repeating: -.infinity, count: slab.count) }
    try crew.run(share.tiles.count) { [self] worker, tile in
      share.score(
        share.tileClasses(tile, of: chosen), rows: slab, of: batch, parameters: parameters,
        inverseNorms: inverseNorms.pointer, into: gradientMemory.pointer, maxima: maxima[worker],
        scratch: scratch[worker].pointer)
    }
    try reduceGreatest(slab)
    guard world.size > 1 else { return }
    // Each row's target is on one rank, and 0 on the others.
    try world.communicator.allReduceSum(
      UnsafeMutableBufferPointer(
        start: batch.targets + 2 * slab.lowerBound, count: 2 * slab.count))
  }

  /// Finds the greatest scores of `slab` once more, as CurricularFace hardens them: what is hard is
  /// known by the target, which another rank may have.
  private func harden(_ slab: Range<Int>, of step: StepBatch, by crew: BatchCrew) throws {
    batch.beginHardening(
      slab, of: objective.head, marginFactor: step.marginFactor, state: replica.state.loss)
    for memory in maxima { memory.update(repeating: -.infinity, count: slab.count) }
    try crew.run(share.tiles.count) { [self] worker, tile in
      share.widenHardened(
        share.tileClasses(tile, of: chosen), rows: slab, of: batch, in: gradientMemory.pointer,
        maxima: maxima[worker], scratch: scratch[worker].pointer)
    }
    try reduceGreatest(slab)
  }

  /// Makes the workers' maxima the greatest scores of `slab` over all ranks.
  private func reduceGreatest(_ slab: Range<Int>) throws {
    let greatest = batch.greatest + slab.lowerBound
    for memory in maxima {
      for row in 0..<slab.count where memory[row] > greatest[row] { greatest[row] = memory[row] }
    }
    if world.size > 1 {
      try world.communicator.allReduceMaximum(
        UnsafeMutableBufferPointer(start: greatest, count: slab.count))
    }
    guard chosen != nil else { return }
    // Faces whose class alone takes part have no other score.
    for row in 0..<slab.count where greatest[row] <= SubCentreKernel.none { greatest[row] = 0 }
  }

  private func addExponentials(_ slab: Range<Int>, by crew: BatchCrew) throws {
    try wave(slab).run(
      over: world.communicator, memory: batch.chains, width: batch.lanes
    ) { piece in
      try forEachPart(of: piece, by: crew) { [self] worker, rows in
        share.addExponentials(
          rows, slab: slab, of: batch, chosen: chosen, in: gradientMemory.pointer,
          scratch: scratch[worker].pointer)
      }
    }
    guard world.size > 1 else { return }
    try world.communicator.broadcast(
      UnsafeMutableBufferPointer(
        start: batch.others + slab.lowerBound * batch.sumCount,
        count: slab.count * batch.sumCount),
      from: activeRanks - 1)
  }

  private func embeddingGradients(_ slab: Range<Int>, by crew: BatchCrew) throws {
    if chosen != nil {
      // The first class of all, which begins the sums, need not take part.
      (batch.gradients + slab.lowerBound * batch.dimension).update(
        repeating: 0, count: slab.count * batch.dimension)
    }
    try wave(slab).run(
      over: world.communicator, memory: batch.gradients, width: batch.dimension
    ) { piece in
      try forEachPart(of: piece, by: crew) { [self] worker, rows in
        share.embeddingGradients(
          rows, slab: slab, of: batch, chosen: chosen, parameters: parameters,
          inverseNorms: UnsafePointer(inverseNorms.pointer), in: gradientMemory.pointer,
          scratch: scratch[worker].pointer)
      }
    }
  }

  /// Sends the gradients at the embeddings from the last rank with classes to the ranks that
  /// propagate them.
  private func returnEmbeddingGradients(_ batch: StepBatch) throws {
    guard world.size > 1 else { return }
    let (last, rank, width) = (activeRanks - 1, world.rank, 4 * self.batch.dimension)
    let shares = batch.slots(ofRanks: world.size).map {
      $0.lowerBound * width..<$0.upperBound * width
    }
    let nothing = [Range<Int>](repeating: 0..<0, count: world.size)
    var (outgoing, incoming) = (nothing, nothing)
    if rank == last {
      outgoing = shares
      outgoing[last] = 0..<0
    } else {
      incoming[last] = shares[rank]
    }
    try world.communicator.exchange(
      count: batch.samples.count, word: 0, rounds: { _ in 1 },
      allToAll: { [self] _ in
        AllToAllMessages(
          outgoing: self.batch.gradients, outgoingParts: outgoing,
          incoming: self.batch.gradients, incomingParts: incoming,
          longestPart: shares.map(\.count).max() ?? 0)
      }, allGather: { _ in nil })
  }

  private func classGradients(
    _ step: StepBatch, slab: Range<Int>, by crew: BatchCrew
  ) throws {
    let (grid, scale) = (replica.gradientGrid, 1 / Double(step.samples.count))
    let largest = Mutex<UInt32>(0)
    try crew.run(share.tiles.count) { [self] worker, tile in
      let found = share.classGradients(
        of: share.tileClasses(tile, of: chosen), microbatches: step.microbatches, slab: slab,
        of: batch,
        parameters: parameters, inverseNorms: UnsafePointer(inverseNorms.pointer), grid: grid,
        scale: scale, in: gradientMemory.pointer, scratch: scratch[worker].pointer,
        sums: sums[worker])
      largest.withLock { $0 = max($0, found) }
    }
    isSound = grid.holds(largest.withLock(\.self), count: step.microbatches.count)
    try gatherBias()
  }

  /// Gives every rank the gradient of the bias, one number a class.
  private func gatherBias() throws {
    let range = objective.biasRange
    guard world.size > 1, !range.isEmpty else { return }
    try world.communicator.allGather(
      UnsafeMutableBufferPointer(
        start: gradientMemory.pointer + range.lowerBound, count: range.count),
      parts: (0..<world.size).map { objective.classes(of: $0, ranks: world.size) })
  }

  private func wave(_ slab: Range<Int>) -> RowWave {
    RowWave(slab, activeRanks: activeRanks, threads: world.pool.count)
  }

  /// Runs `body(worker, rows)` for the rows of `piece`, a part for each worker.
  private func forEachPart(
    of piece: Range<Int>, by crew: BatchCrew,
    _ body: @escaping (_ worker: Int, _ rows: Range<Int>) -> Void
  ) throws {
    let parts = min(world.pool.count, piece.count)
    try crew.run(parts) { worker, part in
      body(
        worker,
        piece.lowerBound + piece.count * part / parts..<piece.lowerBound + piece.count
          * (part + 1) / parts)
    }
  }
}
