import Determinism
import Evaluation
import Testing

@Suite struct GeneratedPairsTests {
  /// 30 people with 1 to 7 photos, and one with 60.
  private let labels: [Int] =
    (0..<30).flatMap { [Int](repeating: $0 * 3, count: 1 + $0 % 7) }
    + [Int](repeating: 1000, count: 60)

  @Test func pairsAreBalancedDistinctAndTrue() {
    let found = VerificationPairs.generated(labels: labels, limit: 80, seed: 5)
    #expect(found.foldCount == 10)
    #expect(found.pairs.count == 80)
    #expect(found.sameCount == 40)
    var seen: Set<[Int]> = []
    for pair in found.pairs {
      #expect((labels[pair.first] == labels[pair.second]) == pair.isSame)
      #expect(pair.first != pair.second)
      #expect(seen.insert([pair.first, pair.second].sorted()).inserted)
    }
    for fold in 0..<10 {
      let mine = found.pairs.filter { $0.fold == fold }
      #expect(mine.filter(\.isSame).count * 2 == mine.count)
    }
  }

  @Test func noPersonIsInTwoFolds() {
    let found = VerificationPairs.generated(labels: labels, limit: 400, seed: 5)
    var foldOf: [Int: Int] = [:]
    for pair in found.pairs {
      for photo in [pair.first, pair.second] {
        #expect(foldOf[labels[photo], default: pair.fold] == pair.fold)
        foldOf[labels[photo]] = pair.fold
      }
    }
    #expect(Set(foldOf.values).count == 10)
  }

  @Test func aPersonWithManyPhotosDoesNotDominate() {
    let found = VerificationPairs.generated(labels: labels, limit: 100, seed: 5)
    let mine = found.pairs.filter { $0.isSame && labels[$0.first] == 1000 }
    #expect(mine.count <= 5)
  }

  @Test func everyPairOfOnePersonComesOnce() {
    for count in [2, 5, 6] {
      let labels = [Int](repeating: 0, count: count) + [Int](repeating: 1, count: 40)
      // Both people are in one group: 10 folds dealt in turn.
      let found = VerificationPairs.generated(labels: labels, limit: 10_000, folds: 1, seed: 1)
      let mine = found.pairs.filter { $0.isSame && labels[$0.first] == 0 }
      #expect(Set(mine.map { [$0.first, $0.second].sorted() }).count == mine.count)
      #expect(mine.count <= count * (count - 1) / 2)
      if count == 2 { #expect(mine.count == 1) }
    }
  }

  @Test func theSeedDecidesAndNothingElse() {
    let one = VerificationPairs.generated(labels: labels, limit: 100, seed: 5)
    let again = VerificationPairs.generated(labels: labels, limit: 100, seed: 5)
    let other = VerificationPairs.generated(labels: labels, limit: 100, seed: 6)
    #expect(one.pairs == again.pairs)
    #expect(one.pairs != other.pairs)
  }

  @Test func fewPeopleShareFoldsInTurn() {
    let found = VerificationPairs.generated(labels: [0, 0, 0, 1, 1, 1], limit: 100, seed: 1)
    #expect(!found.pairs.isEmpty)
    #expect(found.sameCount * 2 == found.pairs.count)
    #expect(found.foldRule.contains("too few people"))
    #expect(Set(found.pairs.map(\.fold)).count > 1)
  }

  @Test func nothingComesOfNothing() {
    #expect(VerificationPairs.generated(labels: [], limit: 10, seed: 1).pairs.isEmpty)
    #expect(VerificationPairs.generated(labels: [1, 2, 3], limit: 10, seed: 1).pairs.isEmpty)
    #expect(VerificationPairs.generated(labels: [1, 1, 1], limit: 10, seed: 1).pairs.isEmpty)
    #expect(VerificationPairs.generated(labels: labels, limit: 0, seed: 1).pairs.isEmpty)
  }
}
