internal import Collectives
internal import Kernels
internal import Losses
internal import Networks
internal import State
internal import Timing

/// One microbatch on one worker: fill, forward, head, add, backward, finish.
extension StepEngine {
  /// Computes microbatch number `microbatch` of a loss of each sample by itself on worker `index`,
  /// and gives its gradients and sums to the reducer.
  func run(
    _ microbatch: Int, of batch: StepBatch, by head: (any LossHead)?, on index: Int
  ) throws {
    let worker = workers[index]
    let range = batch.microbatches[microbatch]
    world.onEvent?(.microbatchBegins(microbatch))
    var lap = Lap(of: worker, number: index, on: world.timeline)
    defer { lap.end("microbatch", number: microbatch) }
    let memory = worker.arena.pointer
    let replaced = try lap.measure(.decode, as: "load") {
      try fill(memory, with: range, of: batch, on: index, labels: worker.labels)
    }
    teach(range.count, memory, on: index, into: worker.targets.pointer, lap: &lap)
    let pass = replica.makePass(
      range, of: batch, memory: memory, moments: worker.moments.pointer,
      layerGradients: worker.layerGradients.pointer)
    try lap.measure(.forward, as: "forward") {
      try network.forward(in: pass, beforeLayer: checkIsAborted)
    }
    let page = worker.clearedPage
    lap.measure(.head, as: "head") {
      score(range, of: batch, by: head, in: pass, on: worker, to: page)
    }
    if head != nil {
      lap.measure(.summation) { reducer.add(worker.layerGradients.pointer, of: replica.headRange) }
    }
    addTerm(
      range.count, targets: worker.targets.pointer, in: pass, on: worker, to: page, lap: &lap)
    try lap.span("backward") { try backward(in: pass, lap: &$0) }
    world.onEvent?(.backwardEnds(microbatch))
    lap.measure(.summation) {
      page[slots.replacedCount] = Double(replaced)
      writeMoments(worker.moments.pointer, of: range, in: batch, to: page)
      reducer.finishMicrobatch(extras: page.values)
    }
  }

  /// Fills the images of a worker's or a microbatch's `memory` with the samples of `range`, and
  /// `labels` [range.count] with their classes; returns how many were replaced.
  func fill(
    _ memory: UnsafeMutableRawPointer, with range: Range<Int>, of batch: StepBatch,
    on index: Int, labels: UnsafeMutablePointer<Int32>
  ) throws -> Int {
    var replaced = 0
    let images = network.images(in: memory, phase: .training)
    for slot in range {
      let image = images + (slot - range.lowerBound) * network.image.shape.count
      let sample = try samples.load(slot, of: batch, on: index, into: image)
      labels[slot - range.lowerBound] = sample.label
      workers[index].teacherRows[slot - range.lowerBound] = sample.teacherRow
      if sample.isReplaced { replaced += 1 }
    }
    return replaced
  }

  /// Writes what the teacher makes of the `rows` samples that were just filled into `memory` to
  /// `targets`, where a term compares with it.
  func teach(
    _ rows: Int, _ memory: UnsafeMutableRawPointer, on index: Int,
    into targets: UnsafeMutablePointer<Float>, lap: inout Lap
  ) {
    guard replica.term != nil else { return }
    lap.measure(.head, as: "teacher") {
      samples.teach(
        UnsafeBufferPointer(start: workers[index].teacherRows, count: rows),
        images: UnsafePointer(network.images(in: memory, phase: .training)), on: index,
        into: targets)
    }
  }

  /// Adds what the term beside the loss moves of a microbatch, whose gradient at the embeddings is
  /// that of the loss; what it found goes to `page`.
  func addTerm(
    _ rows: Int, targets: UnsafePointer<Float>, in pass: borrowing Pass, on worker: Worker,
    to page: LedgerPage, lap: inout Lap
  ) {
    guard let term = replica.term else { return }
    let gradients = worker.layerGradients.pointer
    let embeddings = UnsafePointer(pass[network.output])
    let embeddingGradient = pass.gradient(of: network.output)
    lap.measure(.head) {
      let value = term.run(
        embeddings, targets: targets, rows: rows,
        map: UnsafePointer(state.parameters + replica.termRange.lowerBound),
        addingTo: embeddingGradient, mapGradient: gradients, scratch: worker.headScratch.pointer)
      page.pointer(to: slots.distillation)[0] = value.cosineSum
      page.pointer(to: slots.distillation)[1] = Double(value.count)
    }
    guard term.hasMap else { return }
    lap.measure(.summation) { reducer.add(gradients, of: replica.termRange) }
  }

  /// The loss of the microbatch's embeddings and its gradients at them and at the class weights;
  /// what it found goes to `page`.
  private func score(
    _ range: Range<Int>, of batch: StepBatch, by head: (any LossHead)?, in pass: borrowing Pass,
    on worker: Worker, to page: LedgerPage
  ) {
    let embeddings = UnsafePointer(pass[network.output])
    defer {
      // Before backward, which may overwrite the embeddings.
      writeSpread(embeddings, range, worker, to: page)
    }
    guard let head else {
      return pass.gradient(of: network.output).update(
        repeating: 0, count: range.count * network.embeddingCount)
    }
    let scratch = worker.headScratch.pointer
    let sums = page.pointer(to: slots.lossState)
    let loss = head.run(
      embeddings, labels: worker.labels, rows: range.count,
      weights: UnsafePointer(state.parameters + replica.headRange.lowerBound),
      marginFactor: batch.marginFactor, state: state.loss,
      place: SamplePlace(seed: replica.seed, step: batch.step, slot: range.lowerBound),
      into: pass.gradient(of: network.output), weightGradient: worker.layerGradients.pointer,
      stateSums: sums, scratch: scratch)
    writeMeans(of: batch, stateSums: sums)
    write(loss, of: batch, to: page)
  }

  /// Makes the sums that move the state of the loss, of a microbatch, its shares of the means over
  /// `batch`.
  func writeMeans(of batch: StepBatch, stateSums sums: UnsafeMutablePointer<Double>) {
    let samples = Double(batch.samples.count)
    for i in 0..<slots.lossState.count { sums[i] /= samples }
  }

  /// Writes what a microbatch of `batch` came to to `page`.
  func write(_ loss: LossValue, of batch: StepBatch, to page: LedgerPage) {
    page[slots.meanLoss] = loss.lossSum / Double(batch.samples.count)
    page[slots.correctCount] = Double(loss.correctCount)
    page[slots.targetCosine] = loss.targetCosineSum
  }

  /// Writes how far the embeddings of the microbatch `range` lie apart to `page`.
  func writeSpread(
    _ embeddings: UnsafePointer<Float>, _ range: Range<Int>, _ worker: Worker, to page: LedgerPage
  ) {
    page[slots.spread] =
      Double(range.count)
      * Collapse.spread(
        embeddings, rows: range.count, dimension: network.embeddingCount,
        scratch: worker.headScratch.pointer)
  }

  /// Writes a microbatch's share of the batch-norm moments to `page`.
  func writeMoments(
    _ moments: UnsafePointer<Float>, of range: Range<Int>, in batch: StepBatch,
    to page: LedgerPage
  ) {
    RunningMoments.addends(
      of: moments, running: state.statistics, statistics: trainedStatistics,
      weight: Double(range.count) / Double(batch.samples.count),
      into: page.pointer(to: slots.moments))
  }

  /// Runs backward and adds the gradient of each layer to the rank's sums as it becomes complete.
  func backward(in pass: borrowing Pass, lap: inout Lap) throws {
    try network.backward(in: pass) { parameters, gradient in
      try checkIsAborted()
      lap.mark(.backward)
      reducer.add(gradient, of: parameters)
      lap.mark(.summation)
    }
    lap.mark(.backward)
  }
}
