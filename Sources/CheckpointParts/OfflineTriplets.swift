internal import Collectives
package import Datasets
internal import Determinism
internal import Evaluation
package import Losses
internal import Networks

/// Hard triplets of a pool of photos, found with the weights of some step and trained on until the
/// next search (Schroff et al. 2015, section 3.2: "generate triplets offline every n steps").
package struct OfflineTriplets: Sendable, Equatable {
  /// Steps before the search.
  package let step: Int
  /// Training samples, in the order in which they are trained on.
  package let triplets: [Triplet]

  /// Triplets of training samples, found after `step` steps.
  package init(step: Int, triplets: [Triplet]) {
    self.step = step
    self.triplets = triplets
  }

  /// Reads what `text` writes.
  package init(text: String) {
    let numbers = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).compactMap { Int($0) }
    step = numbers.first ?? 0
    triplets = stride(from: 1, to: numbers.count - 2, by: 3).map {
      Triplet(anchor: numbers[$0], positive: numbers[$0 + 1], negative: numbers[$0 + 2])
    }
  }

  /// The step, then anchor, positive and negative of a triplet on each line.
  package var text: String {
    ([String(step)] + triplets.map { "\($0.anchor) \($0.positive) \($0.negative)" })
      .joined(separator: "\n")
  }

  /// The batch of `step`: a third of it in triplets, in turn, and photos of the sampler's own batch
  /// in what is left; and the triplets as slots. The same photo may be in several slots.
  package func batch(step: Int, like sampler: PeopleSampler) -> (GlobalBatch, [Triplet]) {
    let count = min(sampler.batch / 3, triplets.count)
    let start = (step - self.step) * count
    let chosen = (0..<count).map { triplets[(start + $0) % triplets.count] }
    let own = sampler.batch(step: step)
    let samples =
      chosen.flatMap { [$0.anchor, $0.positive, $0.negative] }
      + own.samples.prefix(sampler.batch - 3 * count)
    let order = CounterRandom(seed: sampler.seed, purpose: .mining, step, -1).permutation(
      of: sampler.batch)
    // Place i of the batch is slot slots[i].
    var slots = [Int](repeating: 0, count: sampler.batch)
    for (slot, place) in order.enumerated() { slots[place] = slot }
    return (
      GlobalBatch(step: step, epoch: own.epoch, samples: order.map { samples[$0] }[...]),
      (0..<count).map {
        Triplet(
          anchor: slots[3 * $0], positive: slots[3 * $0 + 1], negative: slots[3 * $0 + 2])
      }
    )
  }
}
