internal import Determinism
internal import Preconditions

/// Error bars by drawing people with replacement: pairs that share a person move together, so that
/// intervals are as wide as the number of people, not of pairs, makes them.
///
/// A person who is drawn m times gives each pair of theirs the weight m, a pair of two people the
/// product of both weights (the subset bootstrap of Bolle, Ratha and Pankanti, 2004). Draws are a
/// function of the seed and the number of people.
package struct PeopleBootstrap: Sendable {
  /// Draws that intervals are made of.
  package static let drawCount = 1000
  /// The share of draws that an interval holds.
  package static let confidence = 0.95

  /// Units that are drawn: people, or pairs where nobody knows the people.
  package let unitCount: Int
  /// The unit of either photo of each pair; -1 where the second one is none.
  private let units: [(Int32, Int32)]
  /// What is drawn, in words.
  package let rule: String

  /// Draws the people of `pairs`, or the pairs themselves where these do not name people.
  package init(_ pairs: VerificationPairs) {
    if let people = pairs.people {
      var places: [Int: Int32] = [:]
      func place(_ photo: Int) -> Int32 {
        let next = Int32(places.count)
        return places[people[photo], default: -1] >= 0
          ? places[people[photo]]!
          : {
            places[people[photo]] = next; return next
          }()
      }
      units = pairs.pairs.map { pair in
        let first = place(pair.first)
        let second = place(pair.second)
        return (first, first == second ? -1 : second)
      }
      unitCount = places.count
      rule = "\(Self.drawCount) draws of \(places.count) people"
    } else {
      units = pairs.pairs.indices.map { (Int32($0), -1) }
      unitCount = pairs.pairs.count
      rule = "\(Self.drawCount) draws of pairs, as the set does not name people"
    }
  }

  /// How often each unit is drawn [unitCount] in draw `draw`.
  package func counts(draw: Int, seed: UInt64) -> [Int] {
    let random = CounterRandom(seed: seed, purpose: .split, 3, draw)
    var counts = [Int](repeating: 0, count: unitCount)
    for index in 0..<unitCount { counts[random.integer(index, below: unitCount)] += 1 }
    return counts
  }

  /// The weight of each pair [pairs] where units are drawn as often as `counts` [unitCount] says.
  package func weights(_ counts: [Int]) -> [Int] {
    units.map { first, second in
      second < 0 ? counts[Int(first)] : counts[Int(first)] * counts[Int(second)]
    }
  }
}

extension PairScores {
  /// The strict true-accept rate at each of `targets`, descending, where pair i counts `weights[i]`
  /// times; nil where no pair of a kind counts.
  package func trueAcceptRates(at targets: [Double], weights: [Int]) -> [Double]? {
    var (sameTotal, differentTotal) = (0, 0)
    for (pair, weight) in zip(pairs.pairs, weights) {
      if pair.isSame { sameTotal += weight } else { differentTotal += weight }
    }
    guard sameTotal > 0, differentTotal > 0 else { return nil }
    var rates = [Double](repeating: 1, count: targets.count)
    // The smallest rate is passed first.
    var open = targets.count
    var (same, different) = (0, 0)
    var at = 0
    while at < order.count, open > 0 {
      var end = at
      var sameHere = 0
      let distance = distances[order[at]]
      while end < order.count, distances[order[end]] == distance {
        let pair = order[end]
        if pairs.pairs[pair].isSame {
          sameHere += weights[pair]
        } else {
          different += weights[pair]
        }
        end += 1
      }
      while open > 0, Double(different) / Double(differentTotal) > targets[open - 1] {
        rates[open - 1] = Double(same) / Double(sameTotal)
        open -= 1
      }
      same += sameHere
      at = end
    }
    return rates
  }

  /// `acceptRates` with the intervals of `bootstrap`, drawn by `seed`.
  package func acceptRates(
    at targets: [Double] = PairScores.targets, bootstrap: PeopleBootstrap, seed: UInt64
  ) -> [AcceptRate] {
    var rates = acceptRates(at: targets)
    let drawn = (0..<PeopleBootstrap.drawCount).compactMap { draw in
      trueAcceptRates(
        at: targets, weights: bootstrap.weights(bootstrap.counts(draw: draw, seed: seed)))
    }
    guard !drawn.isEmpty else { return rates }
    for index in rates.indices where rates[index].isSufficient {
      rates[index].interval = Self.interval(drawn.map { $0[index] })
    }
    return rates
  }

  /// The share of pairs that are judged rightly by the threshold of their fold, and its interval:
  /// thresholds stay those of the folds while people are drawn.
  package func accuracyInterval(
    of verification: Verification, bootstrap: PeopleBootstrap, seed: UInt64
  ) -> ClosedRange<Double>? {
    let folds = Set(pairs.pairs.map(\.fold)).sorted()
    guard folds.count == verification.foldThresholds.count else { return nil }
    let thresholds = Dictionary(uniqueKeysWithValues: zip(folds, verification.foldThresholds))
    let isRight = pairs.pairs.indices.map { pair in
      (distances[pair] < thresholds[pairs.pairs[pair].fold]!) == pairs.pairs[pair].isSame
    }
    let drawn = (0..<PeopleBootstrap.drawCount).compactMap { draw -> Double? in
      let weights = bootstrap.weights(bootstrap.counts(draw: draw, seed: seed))
      var (right, total) = (0, 0)
      for (weight, isRight) in zip(weights, isRight) {
        total += weight
        if isRight { right += weight }
      }
      return total > 0 ? Double(right) / Double(total) : nil
    }
    return drawn.isEmpty ? nil : Self.interval(drawn)
  }

  /// The middle `PeopleBootstrap.confidence` of `values`, between neighbours on straight lines as
  /// NumPy's percentile has it.
  package static func interval(_ values: [Double]) -> ClosedRange<Double> {
    require(!values.isEmpty, "PairScores.interval: no values")
    let sorted = values.sorted()
    func quantile(_ share: Double) -> Double {
      let place = share * Double(sorted.count - 1)
      let below = Int(place)
      let above = min(below + 1, sorted.count - 1)
      return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
    }
    let tail = (1 - PeopleBootstrap.confidence) / 2
    return quantile(tail)...quantile(1 - tail)
  }
}
