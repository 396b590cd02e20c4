internal import Preconditions

/// The scores of pairs of one person and of two, the most similar first.
package struct SortedScores: Sendable {
  /// Of pairs of one person.
  package let same: [Double]
  /// Of pairs of two people.
  package let different: [Double]

  /// `scores` of pairs that show one person where `isSame`; needs pairs of both kinds.
  package init(_ scores: [Double], isSame: [Bool]) {
    require(
      scores.count == isSame.count, "SortedScores: \(scores.count) scores, \(isSame.count) answers")
    var same: [Double] = []
    var different: [Double] = []
    different.reserveCapacity(scores.count)
    for (score, isSame) in zip(scores, isSame) {
      if isSame { same.append(score) } else { different.append(score) }
    }
    same.sort(by: >)
    different.sort(by: >)
    require(
      !same.isEmpty && !different.isEmpty,
      "SortedScores: \(same.count) pairs of one person, \(different.count) of two; it takes both")
    (self.same, self.different) = (same, different)
  }
}

/// True-accept rates of scores that grow with similarity, of which there may be millions.
package enum CosineRates {
  /// The rates at `targets` of `scores`, which show one person where `isSame`: a pair is accepted
  /// strictly above the threshold, in the community's reading (`nearest`) at it too. Needs pairs of
  /// both kinds.
  package static func rates(
    _ scores: [Double], isSame: [Bool], at targets: [Double] = PairScores.targets
  ) -> [AcceptRate] {
    rates(SortedScores(scores, isSame: isSame), at: targets)
  }

  /// The rates at `targets` of scores that are sorted already.
  package static func rates(
    _ scores: SortedScores, at targets: [Double] = PairScores.targets
  ) -> [AcceptRate] {
    let (same, different) = (scores.same, scores.different)
    var nearest = NearestPoints(
      targets: targets, sameCount: same.count, differentCount: different.count)
    var (s, d) = (0, 0)
    while s < same.count || d < different.count {
      let value = max(
        s < same.count ? same[s] : -.infinity, d < different.count ? different[d] : -.infinity)
      while s < same.count, same[s] == value { s += 1 }
      while d < different.count, different[d] == value { d += 1 }
      nearest.add(.init(value: value, same: s, different: d))
    }
    return zip(targets, nearest.finish()).map { target, nearest in
      AcceptRate(
        targetFAR: target, differentCount: different.count,
        strict: strict(target, same, different), nearest: nearest)
    }
  }

  private static func strict(
    _ target: Double, _ same: [Double], _ different: [Double]
  ) -> AcceptPoint {
    let allowed = PairScores.allowed(target, of: different.count)
    guard allowed < different.count else {
      return AcceptPoint(threshold: -1, falseAcceptRate: 1, trueAcceptRate: 1)
    }
    let threshold = different[allowed]
    let accepted = different.firstIndex { $0 <= threshold } ?? different.count
    let found = same.firstIndex { $0 <= threshold } ?? same.count
    return AcceptPoint(
      threshold: threshold,
      falseAcceptRate: Double(accepted) / Double(different.count),
      trueAcceptRate: Double(found) / Double(same.count))
  }
}
