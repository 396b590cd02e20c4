internal import Collectives
private import Glibc
internal import Kernels
internal import Losses
internal import Networks
internal import Preconditions
internal import Threads
internal import Timing

/// A step over a loss of the whole batch: embed, find the loss, propagate backward where it
/// matters.
extension StepEngine {
  func gradients(
    of batch: StepBatch, followedBy next: StepBatch?, in memory: WholeBatchMemory,
    checking check: StopCheck
  ) throws -> StepSums {
    require(
      batch.samples.count == memory.batch
        || divided != nil && batch.samples.count < memory.batch,
      "StepEngine: \(batch.samples.count) samples, planned for \(memory.batch)")
    let start = Clock.seconds
    let share = ownShare(of: batch.microbatches.count)
    reducer.begin(localMicrobatches: share.count, of: batch.microbatches.count)
    nonisolated(unsafe) let engine = self
    try world.pool.run(share.count, checking: check) { index, item in
      try engine.embed(share.lowerBound + item, item: item, of: batch, on: index, in: memory)
    }
    try gatherEmbeddings(of: batch, in: memory)
    let outcome = try withoutActuallyEscaping(check) { check in
      try memory.loss.evaluate(
        batch, embeddings: memory.embeddings.pointer, labels: memory.labels,
        by: BatchCrew(
          world: world, workers: workers, found: memory.found, check: check))
    }
    guard let outcome else {
      reducer.abandon()
      var sums = try reduceLedger(of: batch, computed: share.count, isSound: false, since: start)
      sums.lossSum = .nan
      return sums
    }
    let isSound = try backpropagate(
      outcome, of: batch, followedBy: next, share: share, in: memory, checking: check)
    var sums = try reduceLedger(
      of: batch, computed: share.count, isSound: isSound && divided?.isSound != false,
      since: start)
    // The ledger has all that is a sum over samples.
    guard divided == nil else { return sums }
    let samples = Double(batch.samples.count)
    sums.lossSum = samples * outcome.loss
    sums.correctCount = outcome.correctCount
    sums.targetCosineSum = samples * outcome.targetCosine
    sums.spreadSum = samples * outcome.spread
    sums.figures = outcome.figures
    return sums
  }

  /// The first pass: the embeddings, labels and moments of one microbatch.
  private func embed(
    _ microbatch: Int, item: Int, of batch: StepBatch, on index: Int, in memory: WholeBatchMemory
  ) throws {
    let worker = workers[index]
    let range = batch.microbatches[microbatch]
    world.onEvent?(.microbatchBegins(microbatch))
    var lap = Lap(of: worker, number: index, on: world.timeline)
    defer { lap.end("embed", number: microbatch) }
    let place = memory.place(of: item, on: index)
    let replaced = try lap.measure(.decode) {
      try fill(
        place.memory, with: range, of: batch, on: index, labels: memory.labels + range.lowerBound)
    }
    if let targets = memory.targets(of: range) {
      teach(range.count, place.memory, on: index, into: targets, lap: &lap)
    }
    let pass = replica.makePass(
      range, of: batch, memory: place.memory, moments: place.moments,
      layerGradients: worker.layerGradients.pointer)
    try lap.measure(.forward) {
      try network.forward(in: pass, beforeLayer: checkIsAborted)
      memory.embeddings(of: range).update(
        from: pass[network.output], count: range.count * memory.width)
    }
    lap.measure(.summation) {
      let page = worker.clearedPage
      page[slots.replacedCount] = Double(replaced)
      if divided != nil { writeSpread(memory.embeddings(of: range), range, worker, to: page) }
      writeMoments(place.moments, of: range, in: batch, to: page)
      reducer.add(extras: page.values)
    }
  }

  /// Gives every rank the embeddings and labels of the whole batch, in place.
  private func gatherEmbeddings(of batch: StepBatch, in memory: WholeBatchMemory) throws {
    guard world.size > 1 else { return }
    let slots = batch.slots(ofRanks: world.size)
    try world.communicator.allGather(
      UnsafeMutableBufferPointer(
        start: memory.embeddings.pointer, count: memory.batch * memory.width),
      parts: slots.map { $0.lowerBound * memory.width..<$0.upperBound * memory.width })
    try world.communicator.allGather(
      UnsafeMutableBufferPointer(start: memory.labels, count: memory.batch), parts: slots)
  }

  /// The second pass over the active microbatches: shared out anew where they are computed again,
  /// else where they are kept. Returns whether all addends of this rank were sound.
  private func backpropagate(
    _ outcome: BatchOutcome, of batch: StepBatch, followedBy next: StepBatch?,
    share: Range<Int>, in memory: WholeBatchMemory, checking check: StopCheck
  ) throws -> Bool {
    // A term beside the loss has a gradient everywhere.
    let active = replica.term == nil ? outcome.active : Array(batch.microbatches.indices)
    let own =
      memory.keepsPasses
      ? active.filter(share.contains) : Array(active[ownShare(of: active.count)])
    if !memory.keepsPasses {
      for microbatch in own { samples.schedule(batch.microbatches[microbatch], of: batch) }
    }
    if let next { readAhead(next) }
    reducer.begin(
      localMicrobatches: own.count, of: batch.microbatches.count, keepingExtras: true)
    nonisolated(unsafe) let engine = self
    return try reduceGradients(of: own.count, scale: outcome.gradientScale, checking: check) {
      index, item in
      try engine.backpropagate(
        own[item], item: own[item] - share.lowerBound, of: batch, outcome, on: index, in: memory)
    }.isSound
  }

  private func backpropagate(
    _ microbatch: Int, item: Int, of batch: StepBatch, _ outcome: BatchOutcome, on index: Int,
    in memory: WholeBatchMemory
  ) throws {
    let worker = workers[index]
    let range = batch.microbatches[microbatch]
    var lap = Lap(of: worker, number: index, on: world.timeline)
    defer { lap.end("microbatch", number: microbatch) }
    let place = memory.place(of: memory.keepsPasses ? item : 0, on: index)
    if !memory.keepsPasses {
      world.onEvent?(.microbatchBegins(microbatch))
      _ = try lap.measure(.decode) {
        try fill(place.memory, with: range, of: batch, on: index, labels: worker.labels)
      }
      teach(range.count, place.memory, on: index, into: worker.targets.pointer, lap: &lap)
    }
    let pass = replica.makePass(
      range, of: batch, memory: place.memory, moments: place.moments,
      layerGradients: worker.layerGradients.pointer)
    if !memory.keepsPasses {
      try lap.measure(.forward) { try network.forward(in: pass, beforeLayer: checkIsAborted) }
      try checkSame(UnsafePointer(pass[network.output]), in: range, memory)
    }
    let (evaluated, gradient) = (outcome.evaluated, pass.gradient(of: network.output))
    lap.measure(.head) {
      if replica.term == nil || outcome.active.contains(microbatch) {
        evaluated.gradients(at: range, on: index, into: gradient)
      } else {
        gradient.update(repeating: 0, count: range.count * memory.width)
      }
    }
    let page = worker.clearedPage
    addTerm(
      range.count, targets: memory.targets(of: range) ?? worker.targets.pointer, in: pass,
      on: worker, to: page, lap: &lap)
    try backward(in: pass, lap: &lap)
    world.onEvent?(.backwardEnds(microbatch))
    let value = evaluated.value(of: range)
    if let value {
      write(value, of: batch, to: page)
      let sums = page.pointer(to: slots.lossState)
      evaluated.writeStateSums(of: range, to: sums)
      writeMeans(of: batch, stateSums: sums)
    }
    if value != nil || replica.term != nil { reducer.add(extras: page.values) }
    reducer.finishMicrobatch()
  }

  /// The gradient belongs to the embeddings of the first pass: another photo would get a wrong one.
  private func checkSame(
    _ again: UnsafePointer<Float>, in range: Range<Int>, _ memory: WholeBatchMemory
  ) throws {
    if memcmp(memory.embeddings(of: range), again, 4 * range.count * memory.width) != 0 {
      throw EngineFailure.photosChanged(slots: range)
    }
  }
}
