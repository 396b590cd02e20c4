internal import Preconditions

/// How false rejects fall while the pairs of least quality are left out.
///
/// The quality of a pair is that of its worse photo. Two conventions stand side by side: the
/// threshold fixed at its value for all pairs (NIST's error versus discard, arXiv 2303.13294), and
/// chosen anew on what is left (CR-FIQA's ERC). A pair is accepted strictly below its threshold;
/// squared distances order pairs as arccos(cos)/pi does, so that the curves are those of either.
///
/// Of pairs of equal quality, of which some are to be left out, each is kept with the same weight,
/// so that the order of the list decides nothing.
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

    /// The error where the share `discard` is left out; nil where the curve has none.
    package func error(without discard: Double) -> Double? {
      points.first { abs(discard - $0.discarded) < 1e-9 }?.error
    }

    /// The area under the curve by trapezoids, up to its last point.
    package var area: Double { Self.area(under: points) }

    /// The least that could be reached: every pair that is left out is one that is falsely
    /// rejected, max(error at 0 - discarded, 0) (arXiv 2303.13294).
    package var ideal: [(discarded: Double, error: Double)] {
      let start = points.first?.error ?? 0
      return points.map { ($0.discarded, max(start - $0.discarded, 0)) }
    }

    /// The area under `ideal`, in the same way.
    package var idealArea: Double { Self.area(under: ideal) }

    private static func area(under points: [(discarded: Double, error: Double)]) -> Double {
      zip(points, points.dropFirst()).reduce(0) { sum, segment in
        sum + (segment.1.discarded - segment.0.discarded) * (segment.0.error + segment.1.error) / 2
      }
    }
  }

  /// Where pairs are cut off: in whole numbers, whose sums are the same in any order.
  private struct Cut {
    private let quality: Double
    /// Pairs of just this quality, and those of them that stay.
    private let size: Int
    private let kept: Int

    /// Leaves out the share `discard` of pairs whose qualities are `ascending`.
    init(_ ascending: [Double], without discard: Double) {
      let discarded = Int(discard * Double(ascending.count))
      let quality = ascending[discarded]
      self.quality = quality
      size = ascending.count { $0 == quality }
      kept = ascending.count { $0 <= quality } - discarded
    }

    /// What a pair of quality `other` counts: nothing below the cut, the size of the group at the
    /// cut above it, and in that group as many as stay of it.
    func weight(_ other: Double) -> Int { other < quality ? 0 : other == quality ? kept : size }
  }

  /// The shares of pairs that are left out: 0, 0.05, ... 0.95.
  package static let discards = (0..<20).map { Double($0) / 20 }
  /// Those of them whose errors are printed.
  package static let shown = [0, 0.1, 0.2, 0.5]
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
    let ascending = ofPairs.sorted()
    let cuts = Self.discards.map { Cut(ascending, without: $0) }
    var curves: [Curve] = []
    var refusals: [String] = []
    for rate in scores.acceptRates(at: Self.targets) {
      if let refusal = rate.refusal {
        refusals.append("at FAR=\(PairScores.name(of: rate.targetFAR)): \(refusal)")
        continue
      }
      for isFixed in [true, false] {
        let threshold = isFixed ? rate.strict.threshold : nil
        let points = zip(Self.discards, cuts).compactMap {
          discard, cut -> (discarded: Double, error: Double)? in
          Self.error(
            ofPairs.map(cut.weight), of: scores, threshold: threshold, targetFAR: rate.targetFAR
          ).map { (discard, $0) }
        }
        curves.append(Curve(targetFAR: rate.targetFAR, isFixed: isFixed, points: points))
      }
    }
    self.curves = curves
    self.refusals = refusals
  }

  /// The share of the pairs of one person, by their `weights` [pairs], that are not below the
  /// threshold; nil where a kind of pair that it takes is missing.
  private static func error(
    _ weights: [Int], of scores: PairScores, threshold: Double?, targetFAR: Double
  ) -> Double? {
    let all = scores.pairs.pairs
    var (same, different) = (0, 0)
    for (pair, weight) in zip(all, weights) {
      if pair.isSame { same += weight } else { different += weight }
    }
    guard same > 0, threshold != nil || different > 0 else { return nil }
    var limit = threshold ?? 4
    if threshold == nil {
      var accepted = 0
      for pair in scores.order where !all[pair].isSame && weights[pair] > 0 {
        accepted += weights[pair]
        guard Double(accepted) / Double(different) > targetFAR else { continue }
        limit = scores.distances[pair]
        break
      }
    }
    let rejected = all.indices.reduce(0) { sum, pair in
      sum + (all[pair].isSame && !(scores.distances[pair] < limit) ? weights[pair] : 0)
    }
    return Double(rejected) / Double(same)
  }

  /// A curve a line: the errors at 0, 10, 20 and 50 % left out, and the area.
  package var lines: [String] {
    refusals.map { "discard " + $0 }
      + curves.map { curve in
        let errors = Self.shown.compactMap { discard in
          curve.error(without: discard).map { (discard, $0) }
        }
        return "discard at FAR=\(PairScores.name(of: curve.targetFAR)), "
          + (curve.isFixed ? "threshold fixed" : "threshold anew") + ": FRR "
          + errors.map {
            "\(Figure.text($1, digits: 6)) at \(Figure.text(100 * $0, digits: 0)) %"
          }.joined(separator: ", ") + "; area \(Figure.text(curve.area, digits: 6))"
          + (curve.isFixed ? ", ideal \(Figure.text(curve.idealArea, digits: 6))" : "")
      }
  }
}
