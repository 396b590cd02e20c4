import Evaluation
import Testing

@Suite struct EvaluationResultTests {
  @Test func numbersArePrintedRounded() {
    #expect(Figure("accuracy", 0.9905).line == "accuracy 0.990500")
    #expect(Figure("EER", 0.010333333).line == "EER 0.010333")
    #expect(Figure("x", 0.9999996).line == "x 1.000000")
    #expect(Figure("x", -0.25, digits: 1).line == "x -0.3")
    #expect(Figure("x", -0.0000001).line == "x 0.000000")
    #expect(Figure("pairs", 6000, digits: 0).line == "pairs 6000")
    #expect(Figure("x", .nan).line == "x nan")
    #expect(Figure("x", 1e300).line == "x 1e+300")
    let refused = Figure("x", 0.5, refusal: "insufficient data")
    #expect(refused.line == "x insufficient data" && refused.value == 0.5)
  }

  @Test func onlyWhatWasAskedForIsThere() {
    let embeddings = Embeddings([1, 0, 0, 1, 1, 1], dimension: 2)
    let bare = EvaluationResult(embeddings: embeddings)
    #expect(bare.dictionary["accuracy"] == nil)
    #expect(bare.dictionary["rank-1"] == nil)
    #expect(bare.lines == ["embedding-norm 1.1381", "mean-distance 1.0572", "photos 3"])
    #expect(bare.rules.isEmpty)
    let labelled = EvaluationResult(
      embeddings: Embeddings([1, 0, 0, 1, 0.5, 1], dimension: 2), labels: [0, 1, 1])
    #expect(labelled.dictionary["rank-1"] == 1)
    #expect(labelled.dictionary["closed-set"] == nil)
  }

  @Test func aClosedSetOfStrangersSaysWhyItIsZero() {
    // Labels from 2 on are of people without a class.
    let embeddings = Embeddings([1, 0, 0, 1], dimension: 2)
    func result(_ labels: [Int]) -> EvaluationResult {
      EvaluationResult(embeddings: embeddings, labels: labels, classWeights: [1, 0, 0, 1])
    }
    let strangers = result([2, 3])
    #expect(strangers.closedSet?.cosine == 0 && strangers.closedSet?.unknownCount == 2)
    #expect(
      strangers.rules.contains {
        $0.hasPrefix("closed-set: 0, as none of the 2 photos is of a person with a class")
      })
    let known = result([0, 3])
    #expect(known.closedSet?.cosine == 0.5)
    #expect(known.rules.contains { $0.hasPrefix("closed-set: 2 photos") })
  }

  @Test func verificationNeedsBothKinds() {
    let embeddings = Embeddings([1, 0, 0, 1, 1, 1], dimension: 2)
    let pairs = VerificationPairs(
      pairs: [.init(first: 0, second: 1, isSame: true, fold: 0)], foldCount: 1, foldRule: "one")
    #expect(EvaluationResult(embeddings: embeddings, pairs: pairs).verification == nil)
  }

  @Test func distancesAreOfUnitVectors() {
    let embeddings = Embeddings([3, 0, 0, 0.5, -7, 0, 0, 0], dimension: 2)
    #expect(abs(embeddings.squaredDistance(0, 1) - 2) < 1e-15)
    #expect(embeddings.squaredDistance(0, 2) == 4)
    #expect(embeddings.squaredDistance(0, 3) == 1)
  }

  @Test func collapsedEmbeddingsAreNamed() {
    let near = (0..<40).flatMap { [Float(1), Float($0) * 1e-4] }
    let result = EvaluationResult(embeddings: Embeddings(near, dimension: 2))
    #expect(result.isCollapsed)
    #expect(result.warnings.count == 1)
    #expect(result.warnings[0].contains("collapsed"))
  }

  @Test func nonFiniteEmbeddingsEqualNobodyAndAreCounted() {
    let embeddings = Embeddings([1, 0, .nan, 1, .infinity, 0, 0.9, 0.1], dimension: 2)
    #expect(embeddings.squaredDistance(0, 1) == .infinity)
    #expect(embeddings.squaredDistance(2, 2) == .infinity)
    let pairs = VerificationPairs(
      pairs: [
        .init(first: 0, second: 1, isSame: true, fold: 0),
        .init(first: 0, second: 3, isSame: true, fold: 0),
        .init(first: 0, second: 2, isSame: false, fold: 0),
      ], foldCount: 1, foldRule: "one")
    let result = EvaluationResult(embeddings: embeddings, pairs: pairs, labels: [0, 0, 1, 0])
    #expect(result.nonFiniteCount == 2)
    #expect(result.dictionary["non-finite"] == 2)
    #expect(abs((result.verification?.accuracy ?? 0) - 2.0 / 3) < 1e-12)
    #expect(result.dictionary["rank-1"] == 0.5)
    #expect(result.warnings.contains { $0.contains("2 of 4") })
    #expect(result.meanEmbeddingNorm.isFinite)
  }
}
