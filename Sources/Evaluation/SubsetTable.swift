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
  }

  /// A row a subset, in the order in which the file first names them.
  package let rows: [Row]
  /// The threshold that all share.
  package let threshold: Double
  /// Pairs of photos of two subsets, and pairs with a photo of none.
  package let acrossCount: Int
  package let unknownCount: Int

  /// The pairs of `scores` by the `subsets` [photos] of their photos, indices into `names`, nil for
  /// none; `threshold` is that of all.
  package init(_ scores: PairScores, subsets: [Int?], names: [String], threshold: Double) {
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
    rows = zip(names, members).map { Self.row($0, $1, of: scores, threshold: threshold) }
  }

  private static func row(
    _ name: String, _ members: [Int], of scores: PairScores, threshold: Double
  ) -> Row {
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
    return Row(
      name: name, pairCount: members.count, accuracy: verification?.accuracy,
      accuracyDeviation: verification?.accuracyDeviation,
      falseAcceptRate: different > 0 ? Double(accepted) / Double(different) : nil,
      falseRejectRate: same > 0 ? Double(rejected) / Double(same) : nil)
  }

  /// How far the accuracies of the subsets that have one lie apart.
  package var spread: AccuracySpread { AccuracySpread(rows.compactMap(\.accuracy)) }

  /// The table, a subset a line, then what is of all.
  package var lines: [String] {
    func text(_ value: Double?) -> String { value.map { Figure.text($0, digits: 6) } ?? "none" }
    let lines = rows.map { row in
      "subset \(row.name) accuracy \(text(row.accuracy)), accuracy-std "
        + "\(text(row.accuracyDeviation)), pairs \(row.pairCount), at threshold "
        + "\(Figure.text(threshold, digits: 4)) FAR \(text(row.falseAcceptRate)), "
        + "FRR \(text(row.falseRejectRate))"
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
