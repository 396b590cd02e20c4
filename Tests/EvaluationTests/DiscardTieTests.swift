import Evaluation
import Testing

/// Error against discard where pairs have the same quality.
@Suite struct DiscardTieTests {
  /// 200 pairs of one person, of which `missed` are far, and 200 of two; the quality of photo i is
  /// `quality(i)`.
  private func curves(
    _ order: [Int], missed: Int = 50, quality: (Int) -> Double
  ) -> [ErrorDiscard.Curve] {
    let count = 400
    let pairs = order.map { place in
      VerificationPairs.Pair(
        first: 2 * place, second: 2 * place + 1, isSame: place < 200, fold: 0)
    }
    let distances = order.map { place -> Double in
      place < 200 ? (place < missed ? 3 : 0.001 * Double(place)) : 1 + 0.001 * Double(place)
    }
    let scores = PairScores(
      distances: distances,
      pairs: VerificationPairs(pairs: pairs, foldCount: 1, foldRule: "one"),
      norms: [Double](repeating: 1, count: 2 * count))
    return ErrorDiscard(scores, quality: (0..<2 * count).map { quality($0 / 2) }).curves
  }

  @Test func theOrderOfPairsOfEqualQualityDecidesNothing() throws {
    let forward = Array(0..<400)
    let orders = [forward, forward.reversed(), forward.map { ($0 * 7) % 400 }]
    for quality in [{ _ in 1.0 }, { Double($0 % 3) }] as [(Int) -> Double] {
      let all = orders.map { curves($0, quality: quality) }
      for other in all.dropFirst() {
        for (a, b) in zip(all[0], other) {
          #expect(a.points.map(\.error) == b.points.map(\.error) && a.area == b.area)
        }
      }
    }
    // Nothing is told of a quality that all share: the error stays what it is.
    for curve in curves(forward, quality: { _ in 1 }) {
      #expect(curve.points.count == 20 && curve.points.allSatisfy { $0.error == 0.25 })
    }
  }

  @Test func aGroupThatIsCutCountsInProportion() throws {
    // The 100 pairs of least quality hold the 50 that are missed and 50 of two people; at 20 % a
    // fifth of the group, ten of the missed, is left of it.
    let found = try #require(
      curves(Array(0..<400)) { (0..<50).contains($0) || (200..<250).contains($0) ? 0 : 1 }.first)
    #expect(found.isFixed)
    let at = Dictionary(
      uniqueKeysWithValues: found.points.map { (Int((100 * $0.discarded).rounded()), $0.error) })
    #expect(at[0] == 50.0 / 200 && at[25] == 0 && at[50] == 0)
    #expect(abs(try #require(at[20]) - 10.0 / 160) < 1e-12)
  }
}
