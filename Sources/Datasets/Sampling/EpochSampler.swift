private import Determinism
private import Preconditions

/// One global batch.
package struct GlobalBatch: Sendable {
  /// Steps before it.
  package let step: Int
  /// Epochs that are complete before it.
  package let epoch: Int
  /// The samples, in order, as positions in the list of training photos.
  package let samples: ArraySlice<Int>

  package init(step: Int, epoch: Int, samples: ArraySlice<Int>) {
    self.step = step
    self.epoch = epoch
    self.samples = samples
  }
}

/// The order in which a training set is gone through: a new permutation every epoch, or as often
/// as people's shares say, cut into global batches; the last batch of an epoch takes what is left,
/// or that is left out.
package struct EpochSampler: Sendable {
  /// Which part of which epoch a step has.
  package let course: EpochCourse
  /// What the order of an epoch is a function of.
  package let seed: UInt64
  /// How often people come; nil where every sample comes once an epoch.
  package let shares: ClassShares?
  private var recent: [(epoch: Int, order: [UInt32])] = []

  package init(count: Int, batch: Int, seed: UInt64, dropsLast: Bool = false) {
    self.init(EpochCourse(count: count, batch: batch, dropsLast: dropsLast), seed: seed)
  }

  /// Goes through `course`; of `shares` there are, where given, as many samples.
  package init(_ course: EpochCourse, seed: UInt64, shares: ClassShares? = nil) {
    require(
      shares == nil || shares?.count == course.count,
      "EpochSampler: shares of \(shares?.count ?? 0) samples, epochs of \(course.count)")
    self.course = course
    self.seed = seed
    self.shares = shares
  }

  /// The number of samples of an epoch.
  package var count: Int { course.count }

  /// Batches of an epoch.
  package var stepsPerEpoch: Int { course.stepsPerEpoch }

  /// The order of `epoch`: a function of it, of the seed, of the count and of the shares.
  package func order(ofEpoch epoch: Int) -> [UInt32] {
    if let shares { return shares.order(ofEpoch: epoch, seed: seed) }
    return CounterRandom(seed: seed, purpose: .shuffle, epoch).permutation32(of: count)
  }

  /// The global batch of `step`, counted from 0 over all epochs; keeps the orders of two epochs.
  package mutating func batch(step: Int) -> GlobalBatch {
    let (epoch, range) = course.place(ofStep: step)
    if let known = recent.first(where: { $0.epoch == epoch }) {
      return batch(step, of: epoch, known.order[range])
    }
    if recent.count == 2 { recent.removeFirst() }
    let order = order(ofEpoch: epoch)
    recent.append((epoch, order))
    return batch(step, of: epoch, order[range])
  }

  private func batch(_ step: Int, of epoch: Int, _ order: ArraySlice<UInt32>) -> GlobalBatch {
    GlobalBatch(step: step, epoch: epoch, samples: order.map { Int($0) }[...])
  }
}
