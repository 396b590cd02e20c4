internal import Preconditions

/// The distances of a list of pairs in ascending order, from which tables of error rates are read.
package struct PairScores: Sendable {
  /// Squared L2 of each pair, in the order of `pairs`; infinity for an embedding that is none.
  package let distances: [Double]
  /// The pairs themselves.
  package let pairs: VerificationPairs
  /// The L2 norm of each photo's embedding before normalisation [photos], a measure of quality.
  package let norms: [Double]
  /// Pairs by ascending distance, of equals the earlier first.
  package let order: [Int]
  /// Pairs of one person, and of two.
  package let sameCount: Int
  package let differentCount: Int

  /// `distances` [pairs] of `pairs`, of photos with `norms` [photos].
  package init(distances: [Double], pairs: VerificationPairs, norms: [Double]) {
    require(
      distances.count == pairs.pairs.count,
      "PairScores: \(distances.count) distances of \(pairs.pairs.count) pairs")
    self.distances = distances
    self.pairs = pairs
    self.norms = norms
    order = distances.indices.sorted { (distances[$0], $0) < (distances[$1], $1) }
    sameCount = pairs.sameCount
    differentCount = distances.count - sameCount
  }

  /// The false-accept rates of the field's tables.
  package static let targets = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]

  /// `1e-3` for 0.001, as tables call it.
  package static func name(of rate: Double) -> String {
    for (target, name) in zip(targets, ["1e-1", "1e-2", "1e-3", "1e-4", "1e-5", "1e-6"])
    where target == rate { return name }
    return "\(rate)"
  }
}

/// A threshold, and the shares of pairs that are nearer.
package struct AcceptPoint: Sendable, Equatable {
  /// Squared L2; for scores that are cosines, the cosine.
  package let threshold: Double
  /// Of pairs of two people.
  package let falseAcceptRate: Double
  /// Of pairs of one person.
  package let trueAcceptRate: Double

  /// The rates at `threshold`.
  package init(threshold: Double, falseAcceptRate: Double, trueAcceptRate: Double) {
    self.threshold = threshold
    self.falseAcceptRate = falseAcceptRate
    self.trueAcceptRate = trueAcceptRate
  }
}

/// The true-accept rate at a false-accept rate, read in two ways.
package struct AcceptRate: Sendable, Equatable {
  /// The false-accept rate that was asked for.
  package let targetFAR: Double
  /// Pairs of two people that there are.
  package let differentCount: Int
  /// The largest true-accept rate whose false-accept rate is at most `targetFAR`.
  package let strict: AcceptPoint
  /// The point of the curve whose false-accept rate is nearest to `targetFAR`, which may exceed it:
  /// what scripts of IJB print (insightface eval_ijbc.py, scikit-learn `roc_curve`).
  package let nearest: AcceptPoint
  /// The middle 95 % of the strict rate over draws of people; nil where none were made.
  package var interval: ClosedRange<Double>?

  /// The two readings at `targetFAR` among `differentCount` pairs of two people.
  package init(
    targetFAR: Double, differentCount: Int, strict: AcceptPoint, nearest: AcceptPoint,
    interval: ClosedRange<Double>? = nil
  ) {
    self.targetFAR = targetFAR
    self.differentCount = differentCount
    self.strict = strict
    self.nearest = nearest
    self.interval = interval
  }

  /// Pairs of two people that a statement at `targetFAR` takes: max(20, 1 / FAR), InsightFace's
  /// rule (docs/commercial_evaluation.md).
  package static func neededCount(_ targetFAR: Double) -> Int {
    max(20, Int((1 / targetFAR).rounded()))
  }

  /// Whether there are as many pairs of two people as `neededCount` says.
  package var isSufficient: Bool { differentCount >= Self.neededCount(targetFAR) }

  /// Why there is no figure; nil where there is one.
  package var refusal: String? {
    isSufficient
      ? nil
      : "insufficient data: \(differentCount) pairs of two people, and it takes "
        + "\(Self.neededCount(targetFAR))"
  }

  /// The row of a table, such as `TAR@FAR=1e-3 0.955667 (0.941000 to 0.966000), threshold 1.4310
  /// at FAR 0.000667; nearest point 0.957000 at FAR 0.001333`.
  package var line: String {
    let name = "TAR@FAR=\(PairScores.name(of: targetFAR)) "
    if let refusal { return name + refusal }
    func text(_ value: Double) -> String { Figure.text(value, digits: 6) }
    let spread = interval.map { " (\(text($0.lowerBound)) to \(text($0.upperBound)))" } ?? ""
    return name + text(strict.trueAcceptRate) + spread
      + ", threshold \(Figure.text(strict.threshold, digits: 4)) at FAR "
      + Self.rateText(strict.falseAcceptRate)
      + "; nearest point \(text(nearest.trueAcceptRate)) at FAR "
      + Self.rateText(nearest.falseAcceptRate)
  }

  /// A rate with as many digits as tell it from zero at the smallest target.
  package static func rateText(_ rate: Double) -> String { Figure.text(rate, digits: 8) }
}

extension PairScores {
  /// The largest number of false accepts whose share of `count` is at most `rate`.
  package static func allowed(_ rate: Double, of count: Int) -> Int {
    var allowed = min(count, Int(rate * Double(count)))
    while allowed < count, Double(allowed + 1) / Double(count) <= rate { allowed += 1 }
    while allowed > 0, Double(allowed) / Double(count) > rate { allowed -= 1 }
    return allowed
  }

  /// The rates at each of `targets`, without intervals; needs pairs of both kinds.
  package func acceptRates(at targets: [Double] = PairScores.targets) -> [AcceptRate] {
    require(
      sameCount > 0 && differentCount > 0,
      "PairScores: \(sameCount) pairs of one person, \(differentCount) of two; it takes both")
    let groups = groups()
    return targets.map { target in
      AcceptRate(
        targetFAR: target, differentCount: differentCount, strict: strict(target, groups),
        nearest: AcceptCurve.nearest(
          to: target, in: groups, sameCount: sameCount, differentCount: differentCount))
    }
  }

  /// Accepted pairs of either kind up to and with each distinct distance, ascending.
  private func groups() -> [AcceptCurve.Group] {
    var groups: [AcceptCurve.Group] = []
    var (same, different) = (0, 0)
    for pair in order {
      if pairs.pairs[pair].isSame { same += 1 } else { different += 1 }
      if let last = groups.last, last.value == distances[pair] { groups.removeLast() }
      groups.append(.init(value: distances[pair], same: same, different: different))
    }
    return groups
  }

  private func strict(_ target: Double, _ groups: [AcceptCurve.Group]) -> AcceptPoint {
    let allowed = Self.allowed(target, of: differentCount)
    let end = groups.firstIndex { $0.different > allowed } ?? groups.count
    let accepted = end > 0 ? (groups[end - 1].same, groups[end - 1].different) : (0, 0)
    return AcceptPoint(
      threshold: end < groups.count ? groups[end].value : 4,
      falseAcceptRate: Double(accepted.1) / Double(differentCount),
      trueAcceptRate: Double(accepted.0) / Double(sameCount))
  }
}

/// Points of a curve of accepted pairs as scikit-learn's `roc_curve` keeps them.
package enum AcceptCurve {
  /// How many pairs of either kind are accepted at a threshold of `value`, with those at it.
  package struct Group: Sendable {
    package let value: Double
    package let same: Int
    package let different: Int

    package init(value: Double, same: Int, different: Int) {
      self.value = value
      self.same = same
      self.different = different
    }
  }

  /// The point of least |FAR - `target`|, of equals the one of the largest rates.
  ///
  /// `roc_curve` leaves out points on a straight line between their neighbours, and begins with
  /// none accepted; insightface reads what is left from its end.
  package static func nearest(
    to target: Double, in groups: [Group], sameCount: Int, differentCount: Int
  ) -> AcceptPoint {
    func point(_ group: Group) -> AcceptPoint {
      AcceptPoint(
        threshold: group.value, falseAcceptRate: Double(group.different) / Double(differentCount),
        trueAcceptRate: Double(group.same) / Double(sameCount))
    }
    var best = AcceptPoint(threshold: -.infinity, falseAcceptRate: 0, trueAcceptRate: 0)
    for index in groups.indices where isKept(index, of: groups) {
      let candidate = point(groups[index])
      if abs(candidate.falseAcceptRate - target) <= abs(best.falseAcceptRate - target) {
        best = candidate
      }
    }
    return best
  }

  private static func isKept(_ index: Int, of groups: [Group]) -> Bool {
    guard index > 0, index < groups.count - 1 else { return true }
    let (a, b, c) = (groups[index - 1], groups[index], groups[index + 1])
    return c.same - b.same != b.same - a.same
      || c.different - b.different != b.different - a.different
  }
}
