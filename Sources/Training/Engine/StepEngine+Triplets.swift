internal import Collectives
private import Datasets
private import Glibc
internal import Kernels
internal import Losses
internal import Networks
private import Preconditions
private import Synchronization

/// A step over triplets of the whole batch: embed, mine, propagate backward where there are triplets.
extension StepEngine {
  func computeGradients(
    of batch: StepBatch, mining request: MiningRequest, in workspace: TripletWorkspace,
    load: @escaping SampleLoad
  ) throws -> StepSums {
    require(
      batch.samples.count == workspace.objective.batch,
      "computeGradients: \(batch.samples.count) samples, planned for \(workspace.objective.batch)")
    let start = Clock.seconds
    let count = batch.microbatches.count
    let share = Microbatches.share(of: count, rank: communicator.rank, size: communicator.size)
    reducer.begin(localMicrobatches: share.count, of: count)
    nonisolated(unsafe) let engine = self
    try onWorkers(share.count) { index, item in
      try engine.embed(
        share.lowerBound + item, item: item, of: batch, on: index, in: workspace, load: load)
    }
    try gatherEmbeddings(of: batch, in: workspace)
    let miningStart = Clock.seconds
    guard workspace.normalize() else {
      reducer.abandon()
      var sums = try reduceExtras(
        step: batch.step, computed: share.count, isSound: false, since: start)
      sums.lossSum = .nan
      return sums
    }
    if workspace.objective.isHarmonic {
      guard let oldEmbeddings else { fatalError("computeGradients: no old embeddings to mix") }
      workspace.take(oldEmbeddings, of: batch.samples)
    }
    let selection = try mine(as: request, in: workspace)
    let miningSeconds = Clock.seconds - miningStart
    let active = batch.microbatches.indices.filter { selection.touches(batch.microbatches[$0]) }
    let isSound = try backpropagate(
      active, of: batch, share: share, selection: selection, in: workspace, load: load)
    var sums = try reduceExtras(
      step: batch.step, computed: share.count, isSound: isSound, since: start)
    let samples = Double(batch.samples.count)
    sums.lossSum =
      samples
      * (workspace.objective.reduction == .mean ? selection.meanLoss : selection.lossSum)
    sums.correctCount =
      samples * Double(selection.anchorsNearOwn) / Double(max(1, selection.anchors))
    sums.targetCosineSum = samples * (1 - selection.meanPositiveDistance / 2)
    sums.spreadSum = samples * workspace.spread()
    sums.triplets = TripletFigures(
      mode: request.mode, margin: request.margin, candidates: selection.candidates,
      triplets: selection.triplets, lossSum: selection.lossSum,
      positiveDistance: selection.meanPositiveDistance,
      negativeDistance: selection.meanNegativeDistance, activeMicrobatches: active.count,
      miningSeconds: miningSeconds)
    return sums
  }

  /// Runs `body(worker, item)` for 0..<`count` on the workers and waits; throws the first error.
  private func onWorkers(
    _ count: Int, _ body: @escaping (_ worker: Int, _ item: Int) throws -> Void
  ) throws {
    let failure = Mutex<(any Error)?>(nil)
    try pool.forEach(
      count,
      onWait: {
        do {
          try onWait()
        } catch {
          isLeft.store(true, ordering: .relaxed)
          throw error
        }
      },
      { worker, item in
        guard failure.withLock({ $0 == nil }) else { return }
        do {
          try body(worker, item)
        } catch {
          failure.withLock { if $0 == nil { $0 = error } }
        }
      })
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  /// The first pass: the embeddings, labels and moments of one microbatch.
  private func embed(
    _ microbatch: Int, item: Int, of batch: StepBatch, on index: Int,
    in workspace: TripletWorkspace, load: SampleLoad
  ) throws {
    let worker = workers[index]
    let range = batch.microbatches[microbatch]
    onEvent?(.microbatchBegins(microbatch))
    let start = Clock.seconds
    defer { timeline?.record("embed", from: start, lane: index + 1, number: microbatch) }
    let place = workspace.place(of: item, on: index)
    let replaced = try fill(
      place.memory, with: range, of: batch, on: index,
      labels: workspace.labels + range.lowerBound, load: load)
    let pass = makePass(
      range, of: batch, on: worker, memory: place.memory, moments: place.moments)
    let begin = Clock.seconds
    try network.forward(in: pass, beforeLayer: checkIsLeft)
    (workspace.embeddings.pointer + range.lowerBound * workspace.dimension).update(
      from: pass[network.output], count: range.count * workspace.dimension)
    let end = Clock.seconds
    worker.seconds[.forward] += end - begin
    let extras = worker.extras
    extras.update(repeating: 0, count: slots.count)
    extras[slots.replacedCount] = Double(replaced)
    RunningMoments.addends(
      of: place.moments, running: state.statistics, statistics: network.statistics,
      weight: Double(range.count) / Double(batch.samples.count), into: extras + slots.statistics)
    reducer.add(extras: extras)
    worker.seconds[.summation] += Clock.seconds - end
  }

  /// Gives every rank the embeddings and labels of the whole batch.
  private func gatherEmbeddings(of batch: StepBatch, in workspace: TripletWorkspace) throws {
    guard communicator.size > 1 else { return }
    func slots(of rank: Int) -> Range<Int> {
      let share = Microbatches.share(
        of: batch.microbatches.count, rank: rank, size: communicator.size)
      guard let first = share.first, let last = share.last else { return 0..<0 }
      return batch.microbatches[first].lowerBound..<batch.microbatches[last].upperBound
    }
    let own = workspace.bytes(of: slots(of: communicator.rank))
    for (rank, bytes) in try communicator.allGather(own).enumerated()
    where rank != communicator.rank {
      workspace.take(bytes, of: slots(of: rank))
    }
  }

  /// Mines the batch, each rank its share of the anchors.
  private func mine(
    as request: MiningRequest, in workspace: TripletWorkspace
  ) throws -> TripletSelection {
    let embedded = workspace.embedded
    let blockCount =
      (embedded.count + TripletMiner.blockAnchors - 1) / TripletMiner.blockAnchors
    let share = Microbatches.share(
      of: blockCount, rank: communicator.rank, size: communicator.size)
    let found = Mutex([[UInt64]](repeating: [], count: share.count))
    nonisolated(unsafe) let engine = self
    try onWorkers(share.count) { index, item in
      let begin = Clock.seconds
      let first = (share.lowerBound + item) * TripletMiner.blockAnchors
      var words: [UInt64] = []
      workspace.miners[index].mine(
        first..<min(first + TripletMiner.blockAnchors, embedded.count), of: embedded, as: request,
        appendingTo: &words)
      found.withLock { $0[item] = words }
      engine.workers[index].seconds[.head] += Clock.seconds - begin
    }
    let own = found.withLock { Array($0.joined()) }
    guard communicator.size > 1 else {
      return own.withUnsafeBufferPointer { TripletSelection($0, count: embedded.count) }
    }
    let bytes = try communicator.allGather(own.withUnsafeBytes { Array($0) })
    let total = bytes.reduce(0) { $0 + $1.count / 8 }
    let words = [UInt64](unsafeUninitializedCapacity: total) { buffer, count in
      let target = UnsafeMutableRawBufferPointer(buffer)
      var offset = 0
      for part in bytes {
        part.withUnsafeBytes {
          UnsafeMutableRawBufferPointer(rebasing: target[offset...]).copyMemory(from: $0)
        }
        offset += part.count
      }
      count = total
    }
    return words.withUnsafeBufferPointer { TripletSelection($0, count: embedded.count) }
  }

  /// The second pass over the microbatches `active`: shared out anew where they are computed again,
  /// else where they are kept. Returns whether all addends of this rank were sound.
  private func backpropagate(
    _ active: [Int], of batch: StepBatch, share: Range<Int>, selection: TripletSelection,
    in workspace: TripletWorkspace, load: @escaping SampleLoad
  ) throws -> Bool {
    let isKept = workspace.objective.passes == 1
    let own =
      isKept
      ? active.filter(share.contains)
      : Array(
        active[
          Microbatches.share(of: active.count, rank: communicator.rank, size: communicator.size)])
    willComputeAgain?(isKept ? [] : own.map { batch.microbatches[$0] })
    reducer.begin(
      localMicrobatches: own.count, of: batch.microbatches.count, keepingExtras: true)
    nonisolated(unsafe) let engine = self
    let samples = Double(batch.samples.count)
    let scale =
      workspace.objective.reduction == .mean
      ? 1 / samples : Double(selection.triplets) / samples
    return try reduceGradients(of: own.count, scale: scale) { index, item in
      try engine.backpropagate(
        own[item], item: own[item] - share.lowerBound, of: batch, on: index, selection: selection,
        in: workspace, load: load)
    }.isSound
  }

  private func backpropagate(
    _ microbatch: Int, item: Int, of batch: StepBatch, on index: Int, selection: TripletSelection,
    in workspace: TripletWorkspace, load: SampleLoad
  ) throws {
    let worker = workers[index]
    let range = batch.microbatches[microbatch]
    let start = Clock.seconds
    defer { timeline?.record("microbatch", from: start, lane: index + 1, number: microbatch) }
    let isKept = workspace.objective.passes == 1
    let place = workspace.place(of: isKept ? item : 0, on: index)
    if !isKept {
      onEvent?(.microbatchBegins(microbatch))
      _ = try fill(
        place.memory, with: range, of: batch, on: index, labels: worker.labels, load: load)
    }
    let pass = makePass(
      range, of: batch, on: worker, memory: place.memory, moments: place.moments)
    var time = Clock.seconds
    func mark(_ phase: PhaseSeconds.Phase) {
      let now = Clock.seconds
      worker.seconds[phase] += now - time
      time = now
    }
    if !isKept {
      try network.forward(in: pass, beforeLayer: checkIsLeft)
      mark(.forward)
      try checkSame(UnsafePointer(pass[network.output]), in: range, workspace)
    }
    selection.gradients(
      at: range, of: workspace.embedded,
      scale: Double(batch.samples.count) / Double(selection.triplets),
      into: pass.gradient(of: network.output), scratch: workspace.scratch[index])
    mark(.head)
    try backward(in: pass, mark: mark)
    onEvent?(.backwardEnds(microbatch))
    reducer.finishMicrobatch()
  }

  /// The gradient belongs to the embeddings of the first pass: another photo would get a wrong one.
  private func checkSame(
    _ again: UnsafePointer<Float>, in range: Range<Int>, _ workspace: TripletWorkspace
  ) throws {
    let first = workspace.embeddings.pointer + range.lowerBound * workspace.dimension
    if memcmp(first, again, 4 * range.count * workspace.dimension) != 0 {
      throw TrainingFailure.photosChanged(slots: range)
    }
  }
}
