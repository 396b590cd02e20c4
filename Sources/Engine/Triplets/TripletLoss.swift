internal import Kernels
internal import Losses
internal import Preconditions
internal import Threads

/// The triplet loss of a batch: mined by blocks of anchors, its gradient exact at every embedding.
final class TripletLoss: BatchLoss, EvaluatedBatch, @unchecked Sendable {
  private let objective: TripletObjective
  private let width: Int
  private let stride: Int
  /// The rows that are mined: those of the batch, with an older network's behind them.
  private let rowCount: Int
  private let units, inverseNorms: UnsafeMutablePointer<Double>
  private let labels: UnsafeMutablePointer<Int32>
  /// By worker; of the second [stride].
  private let miners: [TripletMiner]
  private let scratch: [UnsafeMutablePointer<Double>]
  /// What the batch of the last evaluation holds.
  private var selection = TripletSelection()

  init(_ objective: TripletObjective, width: Int, workers: Int) {
    self.objective = objective
    self.width = width
    stride = DistanceKernel.stride(width: width)
    rowCount = Self.rowCount(objective)
    units = .allocate(capacity: rowCount * stride)
    units.initialize(repeating: .nan, count: rowCount * stride)
    inverseNorms = .allocate(capacity: rowCount)
    inverseNorms.initialize(repeating: .nan, count: rowCount)
    labels = .allocate(capacity: rowCount)
    labels.initialize(repeating: -1, count: rowCount)
    let (rowCount, stride) = (rowCount, stride)
    miners = (0..<workers).map { _ in TripletMiner(capacity: rowCount) }
    scratch = (0..<workers).map { _ in
      let memory = UnsafeMutablePointer<Double>.allocate(capacity: stride)
      memory.initialize(repeating: 0, count: stride)
      return memory
    }
  }

  deinit {
    units.deallocate()
    inverseNorms.deallocate()
    labels.deallocate()
    for memory in scratch { memory.deallocate() }
  }

  var bytes: Int { Self.bytes(objective, width: width).batch }
  var workerBytes: Int { Self.bytes(objective, width: width).worker }

  private static func rowCount(_ objective: TripletObjective) -> Int {
    objective.old == nil ? objective.batch : 2 * objective.batch
  }

  /// Bytes of the loss for the batch, and for each worker.
  static func bytes(_ objective: TripletObjective, width: Int) -> (batch: Int, worker: Int) {
    let (rows, stride) = (rowCount(objective), DistanceKernel.stride(width: width))
    return (
      4 * rows + 8 * rows * (stride + 1), TripletMiner.bytes(capacity: rows) + 8 * stride
    )
  }

  func evaluate(
    _ batch: StepBatch, embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    by crew: BatchCrew
  ) throws -> BatchOutcome? {
    let mining = batch.request as? MiningRequest
    require(mining != nil, "TripletLoss: step \(batch.step) does not say how to mine")
    let request = mining!
    let start = Clock.seconds
    DistanceKernel.normalize(
      embeddings, rows: objective.batch, width: width, into: units, inverseNorms: inverseNorms)
    guard (0..<objective.batch).allSatisfy({ inverseNorms[$0].isFinite }) else { return nil }
    self.labels.update(from: labels, count: objective.batch)
    if let old = objective.old { normalize(old, of: batch.samples) }
    let embedded = embedded
    let blockAnchors = TripletMiner.blockAnchors
    let words = try crew.gather((rowCount + blockAnchors - 1) / blockAnchors) {
      [self] worker, block, words in
      let first = block * blockAnchors
      miners[worker].mine(
        first..<min(first + blockAnchors, rowCount), of: embedded, as: request,
        appendingTo: &words)
    }
    words.withUnsafeBufferPointer { selection.take($0, count: rowCount) }
    return outcome(of: selection, batch, request, seconds: Clock.seconds - start)
  }

  private func outcome(
    of found: TripletSelection, _ batch: StepBatch, _ request: MiningRequest, seconds: Double
  ) -> BatchOutcome {
    let samples = Double(batch.samples.count)
    let isMean = objective.reduction == .mean
    let active = batch.microbatches.indices.filter { found.touches(batch.microbatches[$0]) }
    return BatchOutcome(
      loss: isMean ? found.meanLoss : found.lossSum,
      gradientScale: isMean ? 1 / samples : Double(found.triplets) / samples, active: active,
      correctCount: samples * Double(found.anchorsNearOwn) / Double(max(1, found.anchors)),
      targetCosine: 1 - found.meanPositiveDistance / 2, spread: spread(),
      figures: TripletFigures(
        mode: request.mode, margin: request.margin, candidates: found.candidates,
        triplets: found.triplets, lossSum: found.lossSum,
        positiveDistance: found.meanPositiveDistance,
        negativeDistance: found.meanNegativeDistance, activeMicrobatches: active.count,
        miningSeconds: seconds), evaluated: self)
  }

  func gradients(
    at slots: Range<Int>, on worker: Int, into gradients: UnsafeMutablePointer<Float>
  ) {
    selection.gradients(
      at: slots, of: embedded,
      scale: Double(objective.batch) / Double(selection.triplets), into: gradients,
      scratch: scratch[worker])
  }

  /// Normalises the older network's embeddings of `samples` [batch] behind those of the batch.
  private func normalize(_ old: OldEmbeddings, of samples: [Int]) {
    for (slot, sample) in samples.enumerated() {
      let row = objective.batch + slot
      DistanceKernel.normalize(
        old.embedding(of: sample), rows: 1, width: width, into: units + row * stride,
        inverseNorms: inverseNorms + row)
      let isThere = inverseNorms[row].isFinite
      labels[row] = isThere ? old.label(of: sample) : -1
      if !isThere { (units + row * stride).update(repeating: 0, count: stride) }
    }
  }

  private var embedded: EmbeddedBatch {
    EmbeddedBatch(
      units: UnsafePointer(units), inverseNorms: UnsafePointer(inverseNorms),
      labels: UnsafePointer(labels), count: rowCount, learnedCount: objective.batch, width: width,
      stride: stride)
  }

  /// The mean squared distance of the unit embeddings to their mean, 1 - |mean|^2.
  private func spread() -> Double {
    let mean = scratch[0]
    mean.update(repeating: 0, count: stride)
    for row in 0..<objective.batch {
      DistanceKernel.add(units + row * stride, times: 1, count: stride, addingTo: mean)
    }
    let count = Double(objective.batch)
    return max(0, 1 - DistanceKernel.dot(mean, mean, count: stride) / (count * count))
  }
}
