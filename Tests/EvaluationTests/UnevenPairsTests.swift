import Evaluation
import Testing

/// Lists of pairs that are not as LFW's: folds of one kind, pairs that are there again, answers the
/// wrong way round, photos that cannot be read.
@Suite struct UnevenPairsTests {
  typealias Pair = VerificationPairs.Pair

  /// `same` and `different` are distances; `fold` is told the place of a pair in the list, those of
  /// one person first.
  private func scored(
    _ same: [Double], _ different: [Double], folds: Int, fold: (Int) -> Int
  ) -> Verification {
    let distances = same + different
    let pairs = distances.indices.map {
      Pair(first: 2 * $0, second: 2 * $0 + 1, isSame: $0 < same.count, fold: fold($0))
    }
    return Verification(
      distances: distances,
      pairs: VerificationPairs(pairs: pairs, foldCount: folds, foldRule: "by hand"))
  }

  private let same = (0..<40).map { 0.3 + 0.02 * Double($0) }
  private let different = (0..<40).map { 0.7 + 0.03 * Double($0) }

  /// Four folds: two of pairs of one person, two of pairs of two.
  @Test func foldsOfOneKindHaveNoPartInRatesOfTheOther() {
    let even = scored(same, different, folds: 4) { $0 % 4 }
    let uneven = scored(same, different, folds: 4) { 2 * ($0 / 40) + $0 % 2 }
    #expect(even.oneSidedFoldCount == 0 && uneven.oneSidedFoldCount == 4)
    #expect(uneven.exactArea == even.exactArea && even.exactArea > 0.9)
    // Distances lie on the grid: the mean of folds of equal size is the whole.
    #expect(abs(uneven.areaUnderMeanROC - even.areaUnderMeanROC) < 1e-9)
    #expect(abs(uneven.equalErrorRate - even.equalErrorRate) < 1e-9)
    for (one, other) in zip(uneven.validationRates, even.validationRates) {
      #expect(abs(one.mean - other.mean) < 0.15 && one.mean > 0.3)
      #expect(one.reachedFAR <= one.targetFAR + 0.1)
    }
    #expect(uneven.accuracy > 0.5)
  }

  @Test func theReaderIsToldOfFoldsOfOneKind() {
    let embeddings = Embeddings(
      (0..<4).flatMap { _ in [1, 0, 0.5, 0.5] as [Float] }, dimension: 2)
    let pairs = VerificationPairs(
      pairs: (0..<4).map {
        Pair(first: 2 * $0, second: 2 * $0 + 1, isSame: $0 < 2, fold: $0 / 2)
      }, foldCount: 2, foldRule: "by hand")
    let result = EvaluationResult(embeddings: embeddings, pairs: pairs)
    #expect(
      result.warnings.contains { $0.contains("2 of 2 folds have pairs of one kind only") },
      "\(result.warnings)")
  }

  /// What `verify` decides by is what its sentence says: nobody is held out.
  @Test func thresholdsOfACheckpointAreThoseOfAllPairs() throws {
    let found = scored(same, different, folds: 5) { $0 % 5 }
    func accuracy(_ t: Double) -> Int { same.count { $0 < t } + different.count { $0 >= t } }
    let best = (0..<400).map { accuracy(Double($0) * 0.01) }.max()
    #expect(accuracy(found.mostAccurateThreshold) == best)
    for rate in found.validationRates {
      func share(_ t: Double) -> Double {
        Double(different.count { $0 < t }) / Double(different.count)
      }
      #expect(share(rate.threshold) <= rate.targetFAR)
      #expect(share(rate.threshold + 0.0011) > rate.targetFAR || rate.threshold > 3.99)
    }
  }

  @Test func theThresholdLiesAmidThoseThatAreAsGood() {
    let found = scored([0.2, 0.3], [1.3, 1.4], folds: 2) { $0 % 2 }
    #expect(abs(found.mostAccurateThreshold - 0.8) < 0.011)
  }

  @Test func pairsThatAreThereAgainAreCounted() {
    func pairs(_ list: [(Int, Int, Bool)]) -> VerificationPairs {
      VerificationPairs(
        pairs: list.map { Pair(first: $0.0, second: $0.1, isSame: $0.2, fold: 0) }, foldCount: 1,
        foldRule: "one")
    }
    let clean = pairs([(0, 1, true), (0, 2, false), (1, 2, false)])
    #expect(clean.repeats == (0, 0) && clean.warnings.isEmpty)
    let found = pairs([(0, 1, true), (1, 0, true), (0, 1, false), (0, 2, false)])
    #expect(found.repeats == (1, 1))
    #expect(found.warnings.count == 2)
    #expect(found.warnings[0].contains("1 pairs say otherwise"))
    #expect(found.warnings[1].contains("1 pairs stand in the list again"))
    let result = EvaluationResult(
      embeddings: Embeddings([1, 0, 0, 1, 1, 1], dimension: 2), pairs: found)
    #expect(result.warnings.contains(found.warnings[0]))
  }

  @Test func answersTheWrongWayRoundAreSuspected() {
    let count = 40
    var values: [Float] = []
    for i in 0..<count { values += i % 2 == 0 ? [1, 0] : [1, 0.1] }
    for i in 0..<count { values += i % 2 == 0 ? [1, 0] : [0, 1] }
    func result(inverted: Bool) -> EvaluationResult {
      let pairs = (0..<count).map {
        Pair(first: 2 * $0, second: 2 * $0 + 1, isSame: ($0 < count / 2) != inverted, fold: $0 % 2)
      }
      let more = (0..<2 * count).map { i in pairs[i % count] }
      return EvaluationResult(
        embeddings: Embeddings(values, dimension: 2),
        pairs: VerificationPairs(pairs: more, foldCount: 2, foldRule: "two"))
    }
    #expect(
      result(inverted: true).warnings.contains { $0.contains("are nearer than pairs of one") })
    #expect(!result(inverted: false).warnings.contains { $0.contains("are nearer") })
  }

  @Test func pairsWithAPhotoThatCannotBeReadAreLeftOut() {
    let pairs = VerificationPairs(
      pairs: [
        Pair(first: 0, second: 1, isSame: true, fold: 0),
        Pair(first: 1, second: 2, isSame: true, fold: 0),
        Pair(first: 2, second: 3, isSame: false, fold: 0),
        Pair(first: 0, second: 3, isSame: false, fold: 0),
      ], foldCount: 1, foldRule: "one")
    let rest = pairs.without([2])
    #expect(rest.pairs.map(\.first) == [0, 0] && rest.unreadableCount == 2)
    let result = EvaluationResult(
      embeddings: Embeddings([1, 0, 1, 0.1, .nan, .nan, 0, 1], dimension: 2), pairs: rest)
    #expect(result.verification?.pairCount == 2 && result.verification?.skippedCount == 2)
    #expect(result.warnings.contains { $0.hasPrefix("2 pairs are left out") })
  }
}
