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
    Self.refusal(targetFAR: targetFAR, differentCount: differentCount)
  }

  /// Why `differentCount` pairs of two people say nothing at `targetFAR`; nil where they do.
  package static func refusal(targetFAR: Double, differentCount: Int) -> String? {
    let needed = neededCount(targetFAR)
    guard differentCount < needed else { return nil }
    return "insufficient data: \(differentCount) pairs of two people, and it takes \(needed)"
  }

  /// The row of a table, such as `TAR@FAR=1e-3 0.955667 (0.941000 to 0.966000), threshold 1.4310
  /// at FAR 0.000667; nearest point 0.957000 at FAR 0.001333`.
  package var line: String {
    let name = "TAR@FAR=\(PairScores.name(of: targetFAR)) "
    if let refusal { return name + refusal }
    func text(_ value: Double) -> String { Figure.text(value, digits: 6) }
    return name + text(strict.trueAcceptRate) + Figure.spread(interval)
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
    let allowed = targets.map { Self.allowed($0, of: differentCount) }
    let all = AcceptPoint(threshold: 4, falseAcceptRate: 1, trueAcceptRate: 1)
    var strict = [AcceptPoint?](repeating: nil, count: targets.count)
    var nearest = NearestPoints(
      targets: targets, sameCount: sameCount, differentCount: differentCount)
    var accepted = (same: 0, different: 0)
    var at = 0
    while at < order.count {
      let distance = distances[order[at]]
      let before = accepted
      while at < order.count, distances[order[at]] == distance {
        if pairs.pairs[order[at]].isSame { accepted.same += 1 } else { accepted.different += 1 }
        at += 1
      }
      for index in targets.indices where strict[index] == nil && accepted.different > allowed[index]
      {
        strict[index] = AcceptPoint(
          threshold: distance, falseAcceptRate: Double(before.different) / Double(differentCount),
          trueAcceptRate: Double(before.same) / Double(sameCount))
      }
      nearest.add(
        .init(value: distance, same: accepted.same, different: accepted.different))
    }
    return zip(targets, zip(strict, nearest.finish())).map { target, points in
      AcceptRate(
        targetFAR: target, differentCount: differentCount, strict: points.0 ?? all,
        nearest: points.1)
    }
  }
}

/// Reads a curve of accepted pairs, threshold by threshold, for the points that are nearest to
/// given false-accept rates.
///
/// As scikit-learn's `roc_curve` it begins with none accepted and leaves out points on a straight
/// line between their neighbours; of equally near points the one of the largest rates counts, since
/// insightface reads from the end.
package struct NearestPoints {
  /// How many pairs of either kind are accepted at a threshold of `value`, with those at it.
  package struct Group {
    /// The distance at and below which pairs are accepted.
    package let value: Double
    /// Pairs of one person that are accepted.
    package let same: Int
    /// Pairs of two people that are.
    package let different: Int

    /// `same` and `different` pairs up to and with `value`.
    package init(value: Double, same: Int, different: Int) {
      self.value = value
      self.same = same
      self.different = different
    }
  }

  private let targets: [Double]
  private let sameCount: Double
  private let differentCount: Double
  private var best: [AcceptPoint]
  private var before: Group?
  private var last: Group?

  /// Looks for the points nearest to `targets` among pairs of which there are so many.
  package init(targets: [Double], sameCount: Int, differentCount: Int) {
    self.targets = targets
    self.sameCount = Double(sameCount)
    self.differentCount = Double(differentCount)
    let start = AcceptPoint(threshold: .nan, falseAcceptRate: 0, trueAcceptRate: 0)
    best = [AcceptPoint](repeating: start, count: targets.count)
  }

  /// Takes the next threshold into account, at which more is accepted.
  package mutating func add(_ next: Group) {
    if let last, before.map({ Self.isCorner($0, last, next) }) ?? true { consider(last) }
    before = last
    last = next
  }

  /// The point nearest to each target.
  package mutating func finish() -> [AcceptPoint] {
    if let last { consider(last) }
    last = nil
    return best
  }

  private static func isCorner(_ a: Group, _ b: Group, _ c: Group) -> Bool {
    c.same - b.same != b.same - a.same || c.different - b.different != b.different - a.different
  }

  private mutating func consider(_ group: Group) {
    let rate = Double(group.different) / differentCount
    for (index, target) in targets.enumerated()
    where abs(rate - target) <= abs(best[index].falseAcceptRate - target) {
      best[index] = AcceptPoint(
        threshold: group.value, falseAcceptRate: rate,
        trueAcceptRate: Double(group.same) / sameCount)
    }
  }
}
