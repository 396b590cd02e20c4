private import Preconditions
private import Determinism

/// One global batch.
package struct GlobalBatch: Sendable {
  package let step: Int
  package let epoch: Int
  /// The samples, in order, as positions in the list of training photos.
  package let samples: ArraySlice<Int>

  package init(step: Int, epoch: Int, samples: ArraySlice<Int>) {
    self.step = step
    self.epoch = epoch
    self.samples = samples
  }
}

/// The order in which a training set is gone through: a new permutation every epoch, cut into
/// global batches; the last batch of an epoch takes what is left.
package struct EpochSampler: Sendable {
  /// The number of samples of an epoch.
  package let count: Int
  package let batch: Int
  package let seed: UInt64
  private var recent: [(epoch: Int, order: [Int])] = []

  package init(count: Int, batch: Int, seed: UInt64) {
    require(count > 0 && batch > 0, "EpochSampler: \(count) samples in batches of \(batch)")
    self.count = count
    self.batch = batch
    self.seed = seed
  }

  package var stepsPerEpoch: Int { (count + batch - 1) / batch }

  /// The number of samples in the last batch of an epoch.
  package var tailCount: Int { count - (stepsPerEpoch - 1) * batch }

  /// The order of `epoch`: a function of it, of the seed and of the count.
  package func order(ofEpoch epoch: Int) -> [Int] {
    CounterRandom(seed: seed, purpose: .shuffle, epoch).permutation(of: count)
  }

  /// The global batch of `step`, counted from 0 over all epochs; keeps the orders of two epochs.
  package mutating func batch(step: Int) -> GlobalBatch {
    require(step >= 0, "EpochSampler: step \(step) is negative")
    let epoch = step / stepsPerEpoch
    let start = (step % stepsPerEpoch) * batch
    let range = start..<min(start + batch, count)
    if let known = recent.first(where: { $0.epoch == epoch }) {
      return GlobalBatch(step: step, epoch: epoch, samples: known.order[range])
    }
    if recent.count == 2 { recent.removeFirst() }
    let order = order(ofEpoch: epoch)
    recent.append((epoch, order))
    return GlobalBatch(step: step, epoch: epoch, samples: order[range])
  }
}

/// How a global batch is cut into microbatches, and these are shared out to ranks.
package enum Microbatches {
  /// Cuts `sampleCount` samples, by order alone, into ceil(sampleCount / `microbatch`) ranges whose
  /// sizes differ by at most one, larger ones first.
  package static func cut(_ sampleCount: Int, microbatch: Int) -> [Range<Int>] {
    require(
      sampleCount >= 0 && microbatch > 0,
      "Microbatches.cut: \(sampleCount) samples, microbatches of \(microbatch)")
    let parts = (sampleCount + microbatch - 1) / microbatch
    return (0..<parts).map { share(of: sampleCount, rank: $0, size: parts) }
  }

  /// The contiguous part of 0..<`count` that falls to `rank` of `size`; parts differ by at most one
  /// in length, longer ones first.
  package static func share(of count: Int, rank: Int, size: Int) -> Range<Int> {
    require(
      count >= 0 && size > 0 && rank >= 0 && rank < size,
      "Microbatches.share: \(count) to rank \(rank) of \(size)")
    let (base, longer) = count.quotientAndRemainder(dividingBy: size)
    let start = rank * base + min(rank, longer)
    return start..<(start + base + (rank < longer ? 1 : 0))
  }

  /// The size of the smallest microbatch of a batch of `sampleCount`.
  package static func smallest(_ sampleCount: Int, microbatch: Int) -> Int {
    cut(sampleCount, microbatch: microbatch).last?.count ?? 0
  }
}
