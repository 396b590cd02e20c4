internal import Kernels
internal import Losses
internal import Networks

/// A rank's memory for the embeddings of a whole batch and for mining them; with one pass, also an
/// arena for each of its microbatches.
final class TripletWorkspace: @unchecked Sendable {
  /// Where a microbatch is computed: a worker's memory, or its own.
  struct Place {
    let memory: UnsafeMutableRawPointer
    let moments: UnsafeMutablePointer<Float>
  }

  private final class Kept {
    let arena: Arena
    let moments: AlignedMemory

    init(_ network: Network) {
      arena = Arena(for: network, phase: .training)
      moments = AlignedMemory(count: network.statisticsCount, fill: 0)
    }
  }

  let objective: TripletObjective
  let dimension: Int
  let stride: Int
  /// [batch, dimension] in batch order.
  let embeddings: AlignedMemory
  let labels: UnsafeMutablePointer<Int32>
  let miners: [TripletMiner]
  /// By worker [stride].
  let scratch: [UnsafeMutablePointer<Double>]
  let bytes: Int
  let workerBytes: Int
  /// The rows that are mined: those of the batch, with an older network's behind them.
  private let rowCount: Int
  private let units, inverseNorms: UnsafeMutablePointer<Double>
  private let kept: [Kept]
  private let workers: [Worker]

  init(
    _ objective: TripletObjective, network: Network, workers: [Worker], localMicrobatches: Int
  ) {
    self.objective = objective
    self.workers = workers
    let batch = objective.batch
    dimension = network.embeddingCount
    stride = DistanceKernel.stride(width: network.embeddingCount)
    let rowCount = objective.isHarmonic ? 2 * batch : batch
    self.rowCount = rowCount
    embeddings = AlignedMemory(count: batch * dimension, fill: .nan)
    labels = .allocate(capacity: rowCount)
    labels.initialize(repeating: -1, count: rowCount)
    units = .allocate(capacity: rowCount * stride)
    units.initialize(repeating: .nan, count: rowCount * stride)
    inverseNorms = .allocate(capacity: rowCount)
    inverseNorms.initialize(repeating: .nan, count: rowCount)
    let stride = stride
    scratch = workers.map { _ in
      let memory = UnsafeMutablePointer<Double>.allocate(capacity: stride)
      memory.initialize(repeating: 0, count: stride)
      return memory
    }
    miners = workers.map { _ in TripletMiner(capacity: rowCount) }
    // The first microbatches are computed in the workers' own arenas.
    let count = objective.passes == 1 ? max(0, localMicrobatches - workers.count) : 0
    kept = (0..<count).map { _ in Kept(network) }
    let keptBytes = Arena.bytes(for: network, phase: .training)
    bytes = embeddings.bytes + 4 * rowCount + 8 * rowCount * (stride + 1) + count * keptBytes
    workerBytes = miners[0].bytes + 8 * stride
  }

  deinit {
    labels.deallocate()
    units.deallocate()
    inverseNorms.deallocate()
    for memory in scratch { memory.deallocate() }
  }

  /// Where worker `worker` computes the rank's microbatch number `item`.
  func place(of item: Int, on worker: Int) -> Place {
    let isOwn = objective.passes == 1
    guard isOwn, item >= workers.count else {
      let worker = workers[isOwn ? item : worker]
      return Place(memory: worker.arena.pointer, moments: worker.moments.pointer)
    }
    let own = kept[item - workers.count]
    return Place(memory: own.arena.pointer, moments: own.moments.pointer)
  }

  /// Normalises the embeddings; false where one is not finite.
  func normalize() -> Bool {
    DistanceKernel.normalize(
      embeddings.pointer, rows: objective.batch, width: dimension, into: units,
      inverseNorms: inverseNorms)
    return (0..<objective.batch).allSatisfy { inverseNorms[$0].isFinite }
  }

  /// Normalises the older network's embeddings of `samples` [batch] behind those of the batch.
  func take(_ old: OldEmbeddings, of samples: [Int]) {
    for (slot, sample) in samples.enumerated() {
      let row = objective.batch + slot
      old.values.withUnsafeBufferPointer {
        DistanceKernel.normalize(
          $0.baseAddress! + sample * dimension, rows: 1, width: dimension,
          into: units + row * stride, inverseNorms: inverseNorms + row)
      }
      let isThere = inverseNorms[row].isFinite
      labels[row] = isThere ? old.labels[sample] : -1
      if !isThere { (units + row * stride).update(repeating: 0, count: stride) }
    }
  }

  /// The normalised embeddings of the batch.
  var embedded: EmbeddedBatch {
    EmbeddedBatch(
      units: UnsafePointer(units), inverseNorms: UnsafePointer(inverseNorms),
      labels: UnsafePointer(labels), count: rowCount, learnedCount: objective.batch,
      width: dimension, stride: stride)
  }

  /// The mean squared distance of the unit embeddings to their mean, 1 - |mean|^2.
  func spread() -> Double {
    let mean = scratch[0]
    mean.update(repeating: 0, count: stride)
    for row in 0..<objective.batch {
      DistanceKernel.add(units + row * stride, times: 1, count: stride, addingTo: mean)
    }
    let count = Double(objective.batch)
    return max(0, 1 - DistanceKernel.dot(mean, mean, count: stride) / (count * count))
  }

  /// What this rank has computed of the batch, for the others: rows, then labels of `slots`.
  func bytes(of slots: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 * slots.count * (dimension + 1))
    bytes.append(
      contentsOf: UnsafeRawBufferPointer(
        start: embeddings.pointer + slots.lowerBound * dimension,
        count: 4 * slots.count * dimension))
    bytes.append(
      contentsOf: UnsafeRawBufferPointer(start: labels + slots.lowerBound, count: 4 * slots.count))
    return bytes
  }

  /// Puts another rank's `bytes(of:)` in their place.
  func take(_ bytes: [UInt8], of slots: Range<Int>) {
    guard !slots.isEmpty else { return }
    bytes.withUnsafeBytes { bytes in
      UnsafeMutableRawPointer(embeddings.pointer + slots.lowerBound * dimension).copyMemory(
        from: bytes.baseAddress!, byteCount: 4 * slots.count * dimension)
      UnsafeMutableRawPointer(labels + slots.lowerBound).copyMemory(
        from: bytes.baseAddress! + 4 * slots.count * dimension, byteCount: 4 * slots.count)
    }
  }
}
