internal import Preconditions

/// How many pairs of each kind lie at which distance.
package struct DistanceHistogram: Sendable, Equatable {
  /// The width of a bin; bin i holds distances from i x binWidth up to the next.
  package let binWidth: Double
  /// Pairs of one person by bin.
  package let same: [Int]
  /// Pairs of two people by bin.
  package let different: [Int]

  /// Bins made elsewhere; traps if the two kinds have different numbers of them.
  package init(binWidth: Double, same: [Int], different: [Int]) {
    require(
      same.count == different.count && binWidth > 0,
      "DistanceHistogram: \(same.count) and \(different.count) bins of width \(binWidth)")
    self.binWidth = binWidth
    self.same = same
    self.different = different
  }

  /// Counts `distances` (squared L2, 0...4) in `binCount` bins; what lies beyond is in the last.
  package init(distances: [Double], isSame: [Bool], binCount: Int = 80) {
    require(
      distances.count == isSame.count && binCount > 0,
      "DistanceHistogram: \(distances.count) distances, \(isSame.count) labels, \(binCount) bins")
    var same = [Int](repeating: 0, count: binCount)
    var different = same
    let width = 4 / Double(binCount)
    for (distance, isSame) in zip(distances, isSame) {
      let bin = distance < 4 ? min(binCount - 1, Int(distance / width)) : binCount - 1
      if isSame { same[bin] += 1 } else { different[bin] += 1 }
    }
    self.init(binWidth: width, same: same, different: different)
  }
}

/// A pair that verification got most wrong.
package struct WorstPair: Sendable, Equatable {
  /// Indices into the photos that were scored.
  package let first: Int
  /// The other photo, in the same numbers.
  package let second: Int
  /// Squared L2.
  package let distance: Double
  /// Whether both show one person.
  package let isSame: Bool

  /// The `count` most distant pairs of one person, worst first, then as many of the closest of two.
  package static func select(
    from pairs: VerificationPairs, distances: [Double], count: Int
  ) -> [WorstPair] {
    require(
      distances.count == pairs.pairs.count,
      "WorstPair: \(distances.count) distances of \(pairs.pairs.count) pairs")
    func worst(isSame: Bool) -> [WorstPair] {
      let candidates = distances.indices.filter {
        pairs.pairs[$0].isSame == isSame && distances[$0].isFinite
      }
      let order = candidates.sorted { a, b in
        if distances[a] == distances[b] { return a < b }
        return isSame ? distances[a] > distances[b] : distances[a] < distances[b]
      }
      return order.prefix(count).map { index in
        let pair = pairs.pairs[index]
        return WorstPair(
          first: pair.first, second: pair.second, distance: distances[index], isSame: isSame)
      }
    }
    return worst(isSame: true) + worst(isSame: false)
  }
}
