internal import Threads
internal import Timing
internal import Collectives
internal import Kernels
internal import Losses
internal import Networks

/// One microbatch on one worker: load, forward, head, backward.
extension StepEngine {
  /// Fills the images of a worker's or a microbatch's `memory` with the samples of `range`, and
  /// `labels` [range.count] with their classes; returns how many were replaced.
  func fill(
    _ memory: UnsafeMutableRawPointer, with range: Range<Int>, of batch: StepBatch,
    on index: Int, labels: UnsafeMutablePointer<Int32>, load: SampleLoad
  ) throws -> Int {
    var replaced = 0
    let image = network.images(in: memory, phase: .training)
    for slot in range {
      let sample = try load(
        index, batch, slot, image + (slot - range.lowerBound) * network.image.shape.count,
        &workers[index].seconds)
      labels[slot - range.lowerBound] = sample.label
      if sample.isReplaced { replaced += 1 }
    }
    return replaced
  }

  /// A training pass over the slots of `range`, in `memory`, with its batch-norm moments in
  /// `moments`.
  func makePass(
    _ range: Range<Int>, of batch: StepBatch, on worker: Worker,
    memory: UnsafeMutableRawPointer, moments: UnsafeMutablePointer<Float>
  ) -> Pass {
    Pass(
      network, rows: range.count, phase: .training, memory: memory,
      parameters: UnsafePointer(state.parameters),
      runningMoments: UnsafePointer(state.statistics), batchMoments: moments,
      layerGradients: worker.layerGradients.pointer,
      randomness: PassRandomness(seed: seed, step: batch.step, firstSlot: range.lowerBound))
  }

  /// Runs backward and adds the gradient of each layer to the rank's sums as it becomes complete;
  /// `mark` is told the phase that ends.
  func backward(in pass: borrowing Pass, mark: (PhaseSeconds.Phase) -> Void) throws {
    try network.backward(in: pass) { parameters, gradient in
      try checkIsLeft()
      mark(.backward)
      reducer.add(gradient, of: parameters)
      mark(.summation)
    }
    mark(.backward)
  }

  /// Computes microbatch number `microbatch` of a loss of each sample by itself on worker `index`, and
  /// gives its gradients and extras to the reducer.
  func run(
    _ microbatch: Int, of batch: StepBatch, on index: Int, load: SampleLoad
  ) throws {
    let worker = workers[index]
    let range = batch.microbatches[microbatch]
    onEvent?(.microbatchBegins(microbatch))
    let begin = Clock.seconds
    defer { timeline?.record("microbatch", from: begin, lane: index + 1, number: microbatch) }
    let replaced = try fill(
      worker.arena.pointer, with: range, of: batch, on: index, labels: worker.labels, load: load)
    let pass = makePass(
      range, of: batch, on: worker, memory: worker.arena.pointer, moments: worker.moments.pointer)
    var time = Clock.seconds
    func mark(_ phase: PhaseSeconds.Phase) {
      let now = Clock.seconds
      worker.seconds[phase] += now - time
      time = now
    }
    let loaded = time
    timeline?.record("load", from: begin, to: loaded, lane: index + 1)
    try network.forward(in: pass, beforeLayer: checkIsLeft)
    mark(.forward)
    let embedded = time
    timeline?.record("forward", from: loaded, to: embedded, lane: index + 1)
    let embeddings = UnsafePointer(pass[network.output])
    guard let head = objective.head else { fatalError("run: the objective has no head") }
    let loss = head.run(
      embeddings, labels: worker.labels, rows: range.count,
      weights: state.parameters + headRange.lowerBound, marginFactor: batch.marginFactor,
      into: pass.gradient(of: network.output), weightGradient: worker.layerGradients.pointer,
      scratch: worker.headScratch.pointer)
    // Before backward, which may overwrite the embeddings.
    let spread = Collapse.spread(
      embeddings, rows: range.count, dimension: network.embeddingCount,
      scratch: worker.headScratch.pointer)
    mark(.head)
    reducer.add(worker.layerGradients.pointer, of: headRange)
    mark(.summation)
    let scored = time
    timeline?.record("head", from: embedded, to: scored, lane: index + 1)
    try backward(in: pass, mark: mark)
    timeline?.record("backward", from: scored, to: time, lane: index + 1)
    onEvent?(.backwardEnds(microbatch))
    let extras = worker.extras
    extras.update(repeating: 0, count: slots.count)
    // A share of the mean: the sum itself could leave the grid of a very large batch.
    extras[slots.lossSum] = loss.lossSum / Double(batch.samples.count)
    extras[slots.correctCount] = Double(loss.correctCount)
    extras[slots.targetCosineSum] = loss.targetCosineSum
    extras[slots.spreadSum] = Double(range.count) * spread
    extras[slots.replacedCount] = Double(replaced)
    RunningMoments.addends(
      of: worker.moments.pointer, running: state.statistics, statistics: network.statistics,
      weight: Double(range.count) / Double(batch.samples.count), into: extras + slots.statistics)
    reducer.finishMicrobatch(extras: extras)
    mark(.summation)
  }
}
