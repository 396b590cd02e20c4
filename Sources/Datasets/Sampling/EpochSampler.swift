private import Determinism
private import Preconditions

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
/// global batches; the last batch of an epoch takes what is left, or that is left out.
package struct EpochSampler: Sendable {
  /// The number of samples of an epoch.
  package let count: Int
  package let batch: Int
  package let seed: UInt64
  /// Whether samples that do not fill a batch are left out of the epoch.
  package let dropsLast: Bool
  private var recent: [(epoch: Int, order: [Int])] = []

  package init(count: Int, batch: Int, seed: UInt64, dropsLast: Bool = false) {
    require(
      count > 0 && batch > 0 && (!dropsLast || batch <= count),
      "EpochSampler: \(count) samples in \(dropsLast ? "whole " : "")batches of \(batch)")
    self.count = count
    self.batch = batch
    self.seed = seed
    self.dropsLast = dropsLast
  }

  package var stepsPerEpoch: Int { dropsLast ? count / batch : (count + batch - 1) / batch }

  /// The number of samples in the last batch of an epoch.
  package var tailCount: Int { min(batch, count - (stepsPerEpoch - 1) * batch) }

  /// The number of samples that an epoch leaves out, others in each.
  package var leftOutCount: Int { max(0, count - stepsPerEpoch * batch) }

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
