import Evaluation
import Foundation
import Testing

/// Figures that numpy, scipy and scikit-learn computed (scripts/golden/verification.py).
private struct Golden: Decodable {
  struct Validation: Decodable {
    let target, mean, std, reached: Double
  }
  struct Figures: Decodable {
    let accuracy, accuracyStd, auc, aucExact, eer: Double
    let foldAccuracies, foldThresholds: [Double]
    let validation: [Validation]
    let rank1FirstPhoto, rank1AllOthers, closedSetDot, closedSetCosine: Double
    let meanNorm, meanPairwiseDistance: Double
  }
  let dimension, foldCount, photosPerPerson: Int
  let embeddingSixteenths, classSixteenths, pairs: [Int]
  let figures: Figures

  static func load() throws -> Golden {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
    let data = try Data(contentsOf: tests.appendingPathComponent("Golden/verification.json"))
    return try JSONDecoder().decode(Golden.self, from: data)
  }

  var embeddings: Embeddings {
    Embeddings(embeddingSixteenths.map { Float($0) / 16 }, dimension: dimension)
  }
  var classWeights: [Float] { classSixteenths.map { Float($0) / 16 } }
  var labels: [Int] { (0..<embeddings.count).map { $0 / photosPerPerson } }
  var verificationPairs: VerificationPairs {
    let count = pairs.count / 3
    return VerificationPairs(
      pairs: (0..<count).map {
        .init(
          first: pairs[3 * $0], second: pairs[3 * $0 + 1], isSame: pairs[3 * $0 + 2] == 1,
          fold: $0 / (count / foldCount))
      }, foldCount: foldCount, foldRule: "golden")
  }
}

@Suite struct GoldenVerificationTests {
  private let golden: Golden
  private let result: EvaluationResult

  init() throws {
    golden = try Golden.load()
    result = EvaluationResult(
      embeddings: golden.embeddings, pairs: golden.verificationPairs, labels: golden.labels,
      classWeights: golden.classWeights)
  }

  private func close(_ a: Double, _ b: Double, within tolerance: Double = 1e-12) -> Bool {
    abs(a - b) <= tolerance
  }

  @Test func accuracyEqualsInsightface() throws {
    let found = try #require(result.verification)
    #expect(close(found.accuracy, golden.figures.accuracy))
    #expect(close(found.accuracyDeviation, golden.figures.accuracyStd))
    #expect(found.foldAccuracies.count == golden.foldCount)
    for (a, b) in zip(found.foldAccuracies, golden.figures.foldAccuracies) { #expect(close(a, b)) }
    for (a, b) in zip(found.foldThresholds, golden.figures.foldThresholds) { #expect(close(a, b)) }
  }

  @Test func validationRatesEqualTheRule() throws {
    let found = try #require(result.verification).validationRates
    #expect(found.map(\.targetFAR) == golden.figures.validation.map(\.target))
    for (a, b) in zip(found, golden.figures.validation) {
      #expect(close(a.mean, b.mean))
      #expect(close(a.deviation, b.std))
      #expect(close(a.reachedFAR, b.reached))
    }
  }

  @Test func areasAndEqualErrorRateEqualScikitLearnAndScipy() throws {
    let found = try #require(result.verification)
    #expect(close(found.areaUnderMeanROC, golden.figures.auc))
    #expect(close(found.exactArea, golden.figures.aucExact))
    // Brent's method stops at 2e-12.
    #expect(close(found.equalErrorRate, golden.figures.eer, within: 1e-9))
  }

  @Test func identificationAndClosedSetEqualNumpy() {
    let first = Identification(golden.embeddings, labels: golden.labels, gallery: .firstPhoto)
    #expect(close(first.rank1, golden.figures.rank1FirstPhoto))
    #expect(first.probeCount == 120)
    #expect(first.gallerySize == 40)
    let others = Identification(golden.embeddings, labels: golden.labels, gallery: .allOthers)
    #expect(close(others.rank1, golden.figures.rank1AllOthers))
    #expect(others.probeCount == 160)
    #expect(others.gallerySize == 159)
    #expect(close(result.closedSet?.dot ?? -1, golden.figures.closedSetDot))
    #expect(close(result.closedSet?.cosine ?? -1, golden.figures.closedSetCosine))
  }

  @Test func normsAndSpreadEqualNumpy() {
    #expect(close(result.meanEmbeddingNorm, golden.figures.meanNorm))
    #expect(close(result.meanPairwiseDistance, golden.figures.meanPairwiseDistance))
    #expect(!result.isCollapsed)
  }

  @Test func linesCarryTheFixedNames() throws {
    let dictionary = result.dictionary
    #expect(result.lines.first == "accuracy 0.829167")
    let names = result.lines.compactMap { $0.split(separator: " ").first.map(String.init) }
    for name in [
      "accuracy", "VAL@FAR=1e-2", "VAL@FAR=1e-3", "AUC", "EER", "rank-1", "closed-set",
      "closed-set-dot",
    ] {
      #expect(names.contains(name))
      #expect(dictionary[name] != nil)
    }
    #expect(dictionary["AUC-exact"] == result.verification?.exactArea)
    #expect(dictionary["pairs"] == 480)
    // Half of the pairs are of two people, which TAR at 1e-3 is refused for too.
    #expect(
      result.lines.contains(
        "VAL@FAR=1e-3 insufficient data: 240 pairs of two people, and it takes 1000"))
    #expect(result.lines.contains { $0.hasPrefix("VAL@FAR=1e-2 0.") })
  }
}
