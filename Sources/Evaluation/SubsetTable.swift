internal import Preconditions

/// What verification is worth on each part of the people, and how far the parts lie apart.
///
/// A pair belongs to a subset where both photos do. Accuracy follows RFW: folds and thresholds of
/// the subset's own pairs; mean and population deviation over the subsets, and the skewed error
/// ratio, the largest error over the smallest. Beside it stand the rates at one threshold for all,
/// the most accurate one on all pairs, since nobody deploys a threshold for each.
package struct SubsetTable: Sendable {
  /// One part of the people.
  package struct Row: Sendable {
    /// What the file calls it.
    package let name: String
    /// Pairs of which both photos are in it.
    package let pairCount: Int
    /// Nil where its pairs are all of one kind, or there are none.
    package let accuracy: Double?
    /// The deviation of the accuracies over the folds.
    package let accuracyDeviation: Double?
    /// At the threshold that all share; nil without pairs of the kind.
    package let falseAcceptRate: Double?
    /// The same of pairs of one person.
    package let falseRejectRate: Double?
    /// The middle 95 % of the three over draws of people; nil where there is no figure, and of the
    /// accuracy where folds are missing.
    package fileprivate(set) var accuracyInterval, falseAcceptInterval,
      falseRejectInterval: ClosedRange<Double>?
  }

  /// The pairs of a row, as they are weighed in draws of people.
  private struct Members {
    let places: [Int]
    let isSame: [Bool]
    let isNearer: [Bool]
    /// Whether each is judged rightly by the threshold of its fold; nil without accuracy.
    let isRight: [Bool]?

    /// Accuracy, false accepts and false rejects where people are drawn.
    func rates(_ bootstrap: PeopleBootstrap, _ counts: [Int32]) -> [Double?] {
      var (right, same, different, accepted, rejected) = (0, 0, 0, 0, 0)
      for (index, place) in places.enumerated() {
        let weight = bootstrap.weight(of: place, counts)
        if isRight?[index] ?? false { right += weight }
        if isSame[index] {
          same += weight
          if !isNearer[index] { rejected += weight }
        } else {
          different += weight
          if isNearer[index] { accepted += weight }
        }
      }
      func share(_ part: Int, of all: Int) -> Double? {
        all > 0 ? Double(part) / Double(all) : nil
      }
      return [
        isRight == nil ? nil : share(right, of: same + different),
        share(accepted, of: different), share(rejected, of: same),
      ]
    }
  }

  /// A row a subset, in the order in which the file first names them.
  package let rows: [Row]
  /// The threshold that all share.
  package let threshold: Double
  /// Pairs of photos of two subsets, and pairs with a photo of none.
  package let acrossCount: Int
  package let unknownCount: Int
  /// How far the accuracies of the subsets that have one lie apart.
  package let spread: AccuracySpread

  /// The pairs of `scores` by the `subsets` [photos] of their photos, indices into `names`, nil for
  /// none; `threshold` is that of all. Intervals are of draws of people by `seed`; thresholds stay
  /// while people are drawn.
  package init(
    _ scores: PairScores, subsets: [Int?], names: [String], threshold: Double, seed: UInt64 = 0
  ) {
    self.threshold = threshold
    var members = [[Int]](repeating: [], count: names.count)
    var (across, unknown) = (0, 0)
    for (index, pair) in scores.pairs.pairs.enumerated() {
      require(
        max(pair.first, pair.second) < subsets.count,
        "SubsetTable: photos \(pair.first) and \(pair.second) of \(subsets.count)")
      guard let first = subsets[pair.first], let second = subsets[pair.second] else {
        unknown += 1
        continue
      }
      if first == second { members[first].append(index) } else { across += 1 }
    }
    (acrossCount, unknownCount) = (across, unknown)
    let found = zip(names, members).map { Self.row($0, $1, of: scores, threshold: threshold) }
    var rows = found.map(\.row)
    let drawn = Self.draw(found.map(\.members), of: scores, seed: seed)
    for row in rows.indices {
      func interval(_ figure: Int) -> ClosedRange<Double>? {
        let values = drawn.compactMap { $0[row][figure] }
        return values.isEmpty ? nil : PairScores.interval(values)
      }
      (rows[row].accuracyInterval, rows[row].falseAcceptInterval, rows[row].falseRejectInterval) =
        (interval(0), interval(1), interval(2))
    }
    self.rows = rows
    spread = AccuracySpread(
      rows.compactMap(\.accuracy),
      drawn: drawn.map { draw in
        rows.indices.filter { rows[$0].accuracy != nil }.map { draw[$0][0] }
      })
  }

  /// The rates [draws, rows] where people are drawn.
  private static func draw(
    _ members: [Members], of scores: PairScores, seed: UInt64
  ) -> [[[Double?]]] {
    let bootstrap = PeopleBootstrap(scores.pairs)
    return (0..<PeopleBootstrap.drawCount).map { draw in
      let counts = bootstrap.counts(draw: draw, seed: seed)
      return members.map { $0.rates(bootstrap, counts) }
    }
  }

  private static func row(
    _ name: String, _ members: [Int], of scores: PairScores, threshold: Double
  ) -> (row: Row, members: Members) {
    let all = scores.pairs
    let pairs = VerificationPairs(
      pairs: members.map { all.pairs[$0] }, foldCount: all.foldCount, foldRule: all.foldRule)
    let distances = members.map { scores.distances[$0] }
    let (same, different) = (pairs.sameCount, members.count - pairs.sameCount)
    let verification =
      same > 0 && different > 0 ? Verification(distances: distances, pairs: pairs) : nil
    var (accepted, rejected) = (0, 0)
    for (pair, distance) in zip(pairs.pairs, distances) {
      if pair.isSame, !(distance < threshold) { rejected += 1 }
      if !pair.isSame, distance < threshold { accepted += 1 }
    }
    let row = Row(
      name: name, pairCount: members.count, accuracy: verification?.accuracy,
      accuracyDeviation: verification?.accuracyDeviation,
      falseAcceptRate: different > 0 ? Double(accepted) / Double(different) : nil,
      falseRejectRate: same > 0 ? Double(rejected) / Double(same) : nil)
    let isRight = verification.flatMap {
      PairScores(distances: distances, pairs: pairs, norms: scores.norms).judgements(of: $0)
    }
    return (
      row,
      Members(
        places: members, isSame: pairs.pairs.map(\.isSame),
        isNearer: distances.map { $0 < threshold }, isRight: isRight)
    )
  }

  /// The table, a subset a line, then what is of all.
  package var lines: [String] {
    func text(_ value: Double?, _ interval: ClosedRange<Double>? = nil) -> String {
      value.map { Figure.text($0, digits: 6) + Figure.spread(interval) } ?? "none"
    }
    let lines = rows.map { row in
      "subset \(row.name) accuracy \(text(row.accuracy, row.accuracyInterval)), accuracy-std "
        + "\(text(row.accuracyDeviation)), pairs \(row.pairCount), at threshold "
        + "\(Figure.text(threshold, digits: 4)) FAR "
        + "\(text(row.falseAcceptRate, row.falseAcceptInterval)), "
        + "FRR \(text(row.falseRejectRate, row.falseRejectInterval))"
    }
    return lines + spread.lines("subsets")
  }

  /// Pairs that are in no subset, a sentence each.
  package var warnings: [String] {
    var warnings: [String] = []
    if acrossCount > 0 {
      warnings.append("\(acrossCount) pairs are of two subsets, and in neither")
    }
    if unknownCount > 0 {
      warnings.append("\(unknownCount) pairs have a photo of no subset, and are in none")
    }
    for row in rows where row.accuracy == nil {
      warnings.append("subset \(row.name) has no pairs of both kinds, and no accuracy")
    }
    return warnings
  }
}
