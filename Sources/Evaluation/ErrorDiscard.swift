internal import Preconditions

/// How false rejects fall while the pairs of least quality are left out.
///
/// The quality of a pair is that of its worse photo. Two conventions stand side by side: the
/// threshold fixed at its value for all pairs (NIST's error versus discard, arXiv 2303.13294), and
/// chosen anew on what is left (CR-FIQA's ERC).
package struct ErrorDiscard: Sendable {
  /// One curve.
  package struct Curve: Sendable {
    /// The false-accept rate of its threshold.
    package let targetFAR: Double
    /// Whether the threshold stays that of all pairs.
    package let isFixed: Bool
    /// The share of pairs left out, and the share of the others' pairs of one person that are
    /// rejected.
    package let points: [(discarded: Double, error: Double)]

    /// The area under the curve by trapezoids, up to its last point.
    package var area: Double {
      zip(points, points.dropFirst()).reduce(0) { sum, segment in
        sum + (segment.1.discarded - segment.0.discarded) * (segment.0.error + segment.1.error) / 2
      }
    }
  }

  /// The shares of pairs that are left out: 0, 0.05, ... 0.95.
  package static let discards = (0..<20).map { Double($0) / 20 }
  /// The false-accept rates of the thresholds.
  package static let targets = [1e-2, 1e-3, 1e-4]

  /// By rate, the fixed threshold first; none of rates that there are too few pairs for.
  package let curves: [Curve]
  /// Rates that there are too few pairs for, and why.
  package let refusals: [String]

  /// The pairs of `scores` by the `quality` [photos] of their photos, larger is better; one that is
  /// no number counts as the least.
  package init(_ scores: PairScores, quality: [Double]) {
    let all = scores.pairs.pairs
    let ofPairs = all.map { pair in
      let quality = min(quality[pair.first], quality[pair.second])
      return quality.isNaN ? -.infinity : quality
    }
    let ascending = all.indices.sorted { (ofPairs[$0], $0) < (ofPairs[$1], $1) }
    var places = [Int](repeating: 0, count: all.count)
    for (place, pair) in ascending.enumerated() { places[pair] = place }
    var curves: [Curve] = []
    var refusals: [String] = []
    for rate in scores.acceptRates(at: Self.targets) {
      if let refusal = rate.refusal {
        refusals.append("at FAR=\(PairScores.name(of: rate.targetFAR)): \(refusal)")
        continue
      }
      for isFixed in [true, false] {
        let threshold = isFixed ? rate.strict.threshold : nil
        let points = Self.discards.compactMap { discard -> (discarded: Double, error: Double)? in
          let least = Int(discard * Double(all.count))
          let rest = scores.order.filter { places[$0] >= least }
          return Self.error(rest, of: scores, threshold: threshold, targetFAR: rate.targetFAR)
            .map { (discard, $0) }
        }
        curves.append(Curve(targetFAR: rate.targetFAR, isFixed: isFixed, points: points))
      }
    }
    self.curves = curves
    self.refusals = refusals
  }

  /// The share of the pairs of one person in `rest`, which ascends by distance, that are not below
  /// the threshold; nil where a kind of pair that it takes is missing.
  private static func error(
    _ rest: [Int], of scores: PairScores, threshold: Double?, targetFAR: Double
  ) -> Double? {
    let different = rest.filter { !scores.pairs.pairs[$0].isSame }
    let sameCount = rest.count - different.count
    guard sameCount > 0, threshold != nil || !different.isEmpty else { return nil }
    let allowed = PairScores.allowed(targetFAR, of: different.count)
    let limit =
      threshold ?? (allowed < different.count ? scores.distances[different[allowed]] : 4)
    let rejected = rest.count {
      scores.pairs.pairs[$0].isSame && !(scores.distances[$0] < limit)
    }
    return Double(rejected) / Double(sameCount)
  }

  /// A curve a line: the errors at 0, 10, 20 and 50 % left out, and the area.
  package var lines: [String] {
    refusals.map { "discard " + $0 }
      + curves.map { curve in
        let shown = curve.points.filter { point in
          [0, 0.1, 0.2, 0.5].contains { abs($0 - point.discarded) < 1e-9 }
        }
        return "discard at FAR=\(PairScores.name(of: curve.targetFAR)), "
          + (curve.isFixed ? "threshold fixed" : "threshold anew") + ": FRR "
          + shown.map {
            "\(Figure.text($0.error, digits: 6)) at \(Figure.text(100 * $0.discarded, digits: 0)) %"
          }.joined(separator: ", ") + "; area \(Figure.text(curve.area, digits: 6))"
      }
  }
}
