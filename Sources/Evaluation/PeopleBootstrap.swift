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
  fileprivate let units: [(Int32, Int32)]
  /// What is drawn, in words.
  package let rule: String

  /// Draws the people of `pairs`, or the pairs themselves where these do not name people.
  package init(_ pairs: VerificationPairs) {
    if let people = pairs.people {
      var places: [Int: Int32] = [:]
      func place(_ photo: Int) -> Int32 {
        if let known = places[people[photo]] { return known }
        let next = Int32(places.count)
        places[people[photo]] = next
        return next
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

  /// How often pair `pair` counts where units are drawn as often as `counts` [unitCount] says.
  func weight(of pair: Int, _ counts: [Int32]) -> Int {
    let (first, second) = units[pair]
    return Int(counts[Int(first)]) * (second < 0 ? 1 : Int(counts[Int(second)]))
  }

  /// Draws `count` people, whose pairs or photos are known to who asks.
  package init(people count: Int) {
    (unitCount, units) = (count, [])
    rule = "\(Self.drawCount) draws of \(count) people"
  }

  /// How often each unit is drawn [unitCount] in draw `draw`.
  package func counts(draw: Int, seed: UInt64) -> [Int32] {
    let random = CounterRandom(seed: seed, purpose: .split, 3, draw)
    var counts = [Int32](repeating: 0, count: unitCount)
    counts.withUnsafeMutableBufferPointer { counts in
      for index in counts.indices { counts[random.integer(index, below: counts.count)] += 1 }
    }
    return counts
  }
}

/// The pairs of a verification by ascending distance, to be weighed anew in every draw of people.
package struct DrawnPairs: Sendable {
  private struct Pair {
    let first, second: Int32
    let isSame, isRight: Bool
    /// Whether the next pair is at another distance.
    let endsDistance: Bool
  }

  /// What one draw gives.
  package struct Rates: Equatable {
    /// The strict true-accept rate at each target; nil where no pair of a kind counts.
    package let trueAccept: [Double]?
    /// The share of pairs that are judged rightly; nil where none counts.
    package let accuracy: Double?
  }

  private let pairs: [Pair]
  private let targets: [Double]

  /// The pairs of `scores`, whose people `bootstrap` draws, to be read at `targets`, descending;
  /// `isRight` [pairs] says which are judged rightly.
  package init(
    _ scores: PairScores, of bootstrap: PeopleBootstrap, at targets: [Double], isRight: [Bool]
  ) {
    require(
      isRight.count == scores.order.count,
      "DrawnPairs: \(isRight.count) judgements of \(scores.order.count) pairs")
    self.targets = targets
    let order = scores.order
    pairs = order.indices.map { place in
      let (pair, next) = (order[place], place + 1)
      let (first, second) = bootstrap.units[pair]
      return Pair(
        first: first, second: second, isSame: scores.pairs.pairs[pair].isSame,
        isRight: isRight[pair],
        endsDistance: next == order.count
          || scores.distances[order[next]] != scores.distances[pair])
    }
  }

  /// The rates where units are drawn as often as `counts` [units] says.
  package func rates(_ counts: [Int32]) -> Rates {
    var weights = [Int32](repeating: 0, count: pairs.count)
    var (same, different, right) = (0, 0, 0)
    for (place, pair) in pairs.enumerated() {
      let first = counts[Int(pair.first)]
      let weight = pair.second < 0 ? first : first * counts[Int(pair.second)]
      weights[place] = weight
      if pair.isSame { same += Int(weight) } else { different += Int(weight) }
      if pair.isRight { right += Int(weight) }
    }
    let total = same + different
    return Rates(
      trueAccept: same > 0 && different > 0
        ? trueAccept(weights, sameTotal: same, differentTotal: different) : nil,
      accuracy: total > 0 ? Double(right) / Double(total) : nil)
  }

  private func trueAccept(
    _ weights: [Int32], sameTotal: Int, differentTotal: Int
  ) -> [Double] {
    var rates = [Double](repeating: 1, count: targets.count)
    let allowed = targets.map { PairScores.allowed($0, of: differentTotal) }
    // The smallest rate is passed first.
    var open = targets.count
    var (same, sameHere, different) = (0, 0, 0)
    for (place, pair) in pairs.enumerated() {
      if pair.isSame { sameHere += Int(weights[place]) } else { different += Int(weights[place]) }
      guard pair.endsDistance else { continue }
      while open > 0, different > allowed[open - 1] {
        rates[open - 1] = Double(same) / Double(sameTotal)
        open -= 1
      }
      if open == 0 { break }
      same += sameHere
      sameHere = 0
    }
    return rates
  }
}

extension PeopleBootstrap {
  /// The middle 95 % of each of the figures that `body` finds where units are drawn as often as its
  /// argument [unitCount] says; nil where no draw has one. `body` gives as many figures each time.
  package func intervals(
    seed: UInt64, _ body: ([Int32]) -> [Double?]
  ) -> [ClosedRange<Double>?] {
    var found: [[Double]] = []
    for draw in 0..<Self.drawCount {
      let figures = body(counts(draw: draw, seed: seed))
      if found.isEmpty { found = figures.map { _ in [] } }
      for (index, figure) in figures.enumerated() { if let figure { found[index].append(figure) } }
    }
    return found.map { $0.isEmpty ? nil : PairScores.interval($0) }
  }

  /// Intervals of the shares of probes of which fewer than each of `ranks` others stand before
  /// their person: as many as `places` [probes] says. The probes' `people` [probes] are drawn.
  package static func intervals(
    ranks: [Int], places: [Int], people: [Int], seed: UInt64
  ) -> (intervals: [ClosedRange<Double>?], rule: String) {
    let numbers = Dictionary(
      uniqueKeysWithValues: Set(people).sorted().enumerated().map { ($1, $0) })
    let units = people.map { numbers[$0]! }
    let bootstrap = PeopleBootstrap(people: numbers.count)
    let intervals = bootstrap.intervals(seed: seed) { counts in
      let all = units.reduce(0) { $0 + Int(counts[$1]) }
      return ranks.map { rank in
        let found = zip(places, units).reduce(0) { $0 + ($1.0 < rank ? Int(counts[$1.1]) : 0) }
        return all > 0 ? Double(found) / Double(all) : nil
      }
    }
    return (intervals, bootstrap.rule)
  }
}

extension PairScores {
  /// `acceptRates` with the intervals of `bootstrap`, drawn by `seed`, and that of the share of
  /// pairs that are judged rightly by the threshold of their fold in `verification`.
  ///
  /// Thresholds of folds stay while people are drawn; no interval of the accuracy where folds are
  /// missing.
  package func acceptRates(
    at targets: [Double] = PairScores.targets, of verification: Verification,
    bootstrap: PeopleBootstrap, seed: UInt64
  ) -> (rates: [AcceptRate], accuracy: ClosedRange<Double>?) {
    var rates = acceptRates(at: targets)
    let isRight = judgements(of: verification)
    let drawn = DrawnPairs(
      self, of: bootstrap, at: targets,
      isRight: isRight ?? [Bool](repeating: false, count: order.count))
    var found = [[Double]](repeating: [], count: targets.count)
    var accuracies: [Double] = []
    for draw in 0..<PeopleBootstrap.drawCount {
      let draw = drawn.rates(bootstrap.counts(draw: draw, seed: seed))
      for (index, rate) in (draw.trueAccept ?? []).enumerated() { found[index].append(rate) }
      if isRight != nil, let accuracy = draw.accuracy { accuracies.append(accuracy) }
    }
    for index in rates.indices where rates[index].isSufficient && !found[index].isEmpty {
      rates[index].interval = Self.interval(found[index])
    }
    return (rates, accuracies.isEmpty ? nil : Self.interval(accuracies))
  }

  /// The share of pairs that are judged rightly by the threshold of their fold in `verification`,
  /// in each draw of `bootstrap` by `seed`; empty where folds are missing.
  func drawnAccuracies(
    of verification: Verification, bootstrap: PeopleBootstrap, seed: UInt64
  ) -> [Double?] {
    guard let isRight = judgements(of: verification) else { return [] }
    return (0..<PeopleBootstrap.drawCount).map { draw in
      let counts = bootstrap.counts(draw: draw, seed: seed)
      var (right, all) = (0, 0)
      for pair in isRight.indices {
        let weight = bootstrap.weight(of: pair, counts)
        all += weight
        if isRight[pair] { right += weight }
      }
      return all > 0 ? Double(right) / Double(all) : nil
    }
  }

  /// Whether each pair is judged rightly by the threshold of its fold; nil where folds are missing.
  func judgements(of verification: Verification) -> [Bool]? {
    let folds = Set(pairs.pairs.map(\.fold)).sorted()
    guard folds.count == verification.foldThresholds.count else { return nil }
    let thresholds = Dictionary(uniqueKeysWithValues: zip(folds, verification.foldThresholds))
    return pairs.pairs.indices.map { pair in
      (distances[pair] < thresholds[pairs.pairs[pair].fold]!) == pairs.pairs[pair].isSame
    }
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
