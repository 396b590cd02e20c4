private import Determinism
private import Preconditions

/// How often people come in an epoch: `--sampling`. Somebody with n photos takes a share of the
/// epoch in proportion to n, to its root, or to 1 (Kang et al. 2020, equation 1).
package enum Sampling: String, Sendable, Equatable, CaseIterable {
  /// Every photo comes once.
  case instance
  /// In proportion to the root of a person's photos.
  case squareRoot = "square-root"
  /// Everybody comes equally often.
  case classBalanced = "class-balanced"

  /// The share of a person with `photos` photos, up to a factor; exact roots alone are rounded.
  fileprivate func weight(photos: Int) -> Double {
    switch self {
    case .instance: Double(photos)
    case .squareRoot: Double(photos).squareRoot()
    case .classBalanced: photos > 0 ? 1 : 0
    }
  }
}

/// The samples of epochs in which people have the shares that a `Sampling` gives them.
///
/// An epoch has as many places as there are samples. Somebody whose share is x of them has x
/// rounded down or up, which of both is drawn anew in each epoch, so that the mean is x; of these,
/// each of the person's photos has its equal part, rounded down or up.
package struct ClassShares: Sendable {
  /// The number of samples, and of places of an epoch.
  package let count: Int
  /// The samples [count] by person, each person's in ascending order.
  private let samples: [UInt32]
  /// Where each person's begin in `samples` [people + 1]; people without samples are left out.
  private let starts: [Int]
  /// Each person's share, in units of `total` [people].
  private let weights: [Double]
  private let total: Double

  /// Shares by `sampling` of the samples whose people are `people` [count], any numbers from 0 on.
  package init(people: [Int], sampling: Sampling) {
    require(!people.isEmpty, "ClassShares: no samples")
    count = people.count
    var counts = [Int](repeating: 0, count: (people.max() ?? -1) + 1)
    for person in people { counts[person] += 1 }
    var place = [Int](repeating: 0, count: counts.count)
    var starts = [0]
    var weights: [Double] = []
    for (person, photos) in counts.enumerated() where photos > 0 {
      place[person] = starts[starts.count - 1]
      starts.append(place[person] + photos)
      weights.append(sampling.weight(photos: photos))
    }
    var samples = [UInt32](repeating: 0, count: people.count)
    for (sample, person) in people.enumerated() {
      samples[place[person]] = UInt32(sample)
      place[person] += 1
    }
    self.samples = samples
    self.starts = starts
    self.weights = weights
    total = weights.reduce(0, +)
  }

  /// The number of people who have samples.
  package var peopleCount: Int { weights.count }

  /// The places of an epoch, not rounded, that the person with the fewest and the one with the most
  /// have.
  package var turns: ClosedRange<Double> {
    let factor = Double(count) / total
    return (weights.min() ?? 0) * factor...(weights.max() ?? 0) * factor
  }

  private enum Draw: Int {
    case order = 1
    case people, start, photos
  }

  private func stream(
    _ draw: Draw, seed: UInt64, _ epoch: Int, _ person: Int = 0
  ) -> CounterRandom {
    CounterRandom(seed: seed, purpose: .shuffle, epoch, draw.rawValue, person)
  }

  /// The samples of `epoch` in their order [count]: a function of it and of `seed`.
  package func order(ofEpoch epoch: Int, seed: UInt64) -> [UInt32] {
    let turns = turns(ofEpoch: epoch, seed: seed)
    var chosen: [UInt32] = []
    chosen.reserveCapacity(count)
    for (person, turns) in turns.enumerated() where turns > 0 {
      let own = samples[starts[person]..<starts[person + 1]]
      for _ in 0..<turns / own.count { chosen += own }
      let rest = turns % own.count
      guard rest > 0 else { continue }
      let order = stream(.photos, seed: seed, epoch, person).permutation(of: own.count)
      chosen += order.prefix(rest).map { own[own.startIndex + $0] }
    }
    // In the memory of the permutation: an epoch may have tens of millions of places.
    var order = stream(.order, seed: seed, epoch).permutation32(of: count)
    for place in order.indices { order[place] = chosen[Int(order[place])] }
    return order
  }

  /// How many places of `epoch` each person has [people], `count` in all: people stand in a random
  /// order on a line, each as long as the share, and places are equally far apart on it (systematic
  /// sampling).
  private func turns(ofEpoch epoch: Int, seed: UInt64) -> [Int] {
    var turns = [Int](repeating: 0, count: weights.count)
    let order = stream(.people, seed: seed, epoch).permutation(of: weights.count)
    let start = stream(.start, seed: seed, epoch).uniform(0)
    var (next, end) = (0, 0.0)
    for (number, person) in order.enumerated() {
      end += weights[person]
      // What roundings of the sums leave over goes to the last one.
      let isLast = number == order.count - 1
      while next < count, isLast || (Double(next) + start) * total < end * Double(count) {
        turns[person] += 1
        next += 1
      }
    }
    return turns
  }
}
