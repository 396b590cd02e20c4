internal import Preconditions

/// Verification at one false-accept rate: mean and population deviation over the folds.
package struct ValidationRate: Sendable, Equatable {
  /// The rate that was asked for, such as 1e-3.
  package let targetFAR: Double
  /// The share of pairs of one person accepted (FaceNet's VAL).
  package let mean: Double
  /// The population deviation of that over the folds.
  package let deviation: Double
  /// The share of pairs of two people accepted on the held-out folds, their mean.
  package let reachedFAR: Double
  /// The mean of the fold thresholds.
  package let meanThreshold: Double
  /// The largest threshold of 0, 0.001, ... 3.999 that accepts at most this rate of all pairs of
  /// two people: none is held out.
  package let threshold: Double
}

/// Everything verification measures on a list of pairs and their distances.
package struct Verification: Sendable {
  /// Mean and population deviation of the fold accuracies.
  package let accuracy: Double
  /// The population deviation of the fold accuracies.
  package let accuracyDeviation: Double
  /// Per fold that has pairs, in order.
  package let foldAccuracies: [Double]
  /// The threshold that was most accurate on the other folds, per fold that has pairs.
  package let foldThresholds: [Double]
  /// At each of `targets`.
  package let validationRates: [ValidationRate]
  /// The mean over the folds at thresholds 0, 0.01, ... 3.99 [400].
  package let meanROC: [ROCPoint]
  /// The area under `meanROC` by trapezoids.
  package let areaUnderMeanROC: Double
  /// The chance that a pair of one person is closer than one of two, ties half.
  package let exactArea: Double
  /// Where false accepts equal false rejects on `meanROC`.
  package let equalErrorRate: Double
  /// Pairs that were scored.
  package let pairCount: Int
  /// Those of one person.
  package let sameCount: Int
  /// Pairs of the list that were left out.
  package let skippedCount: Int
  /// The threshold of 0, 0.01, ... 3.99 that is most accurate on all pairs, none held out; in the
  /// middle of the first of them in a row.
  package let mostAccurateThreshold: Double
  /// Folds with pairs of one kind only, which have no part in rates of the other.
  package let oneSidedFoldCount: Int
  /// How the folds were made, in words.
  package let foldRule: String

  /// The false-accept rates that validation rates are reported at.
  package static let targets = [1e-1, 1e-2, 1e-3]

  /// Scores `distances` [pairs] (squared L2, 0...4) of `pairs`; a pair is accepted if d < t,
  /// strictly.
  ///
  /// Accuracy follows insightface `recognition/arcface_torch/eval/verification.py`: per fold the
  /// first threshold of 0, 0.01, ... 3.99 that is most accurate on the other folds. VAL follows
  /// this project's rule: per fold the largest t of 0, 0.001, ... 3.999 whose FAR on the other
  /// folds is at most the target. Empty folds are left out, and a fold without a kind of pair has
  /// no part in the mean of that kind's rate. Thresholds are chosen on all folds where the others
  /// lack a kind; with one fold alone `foldRule` says so. Traps without pairs of both kinds.
  package init(distances: [Double], pairs: VerificationPairs) {
    require(
      distances.count == pairs.pairs.count,
      "Verification: \(distances.count) distances of \(pairs.pairs.count) pairs")
    sameCount = pairs.sameCount
    pairCount = distances.count
    skippedCount = pairs.skipped.count + pairs.unreadableCount
    require(
      sameCount > 0 && sameCount < pairCount,
      "Verification: \(sameCount) of \(pairCount) pairs show one person; both kinds are needed")
    let coarse = FoldCounts(distances: distances, pairs: pairs, step: 0.01, thresholdCount: 400)
    let fine = FoldCounts(distances: distances, pairs: pairs, step: 0.001, thresholdCount: 4000)
    foldRule =
      coarse.folds.count > 1
      ? pairs.foldRule : "one fold, its threshold chosen on itself (an optimistic figure)"

    let accuracies = coarse.folds.indices.map { coarse.heldOutAccuracy(of: $0) }
    foldAccuracies = accuracies.map(\.accuracy)
    foldThresholds = accuracies.map(\.threshold)
    (accuracy, accuracyDeviation) = populationMoments(foldAccuracies)
    validationRates = Self.targets.map { target in
      let rates = fine.folds.indices.map { fine.heldOutRates(of: $0, targetFAR: target) }
      let (mean, deviation) = populationMoments(rates.compactMap(\.rates.trueAcceptRate))
      return ValidationRate(
        targetFAR: target, mean: mean, deviation: deviation,
        reachedFAR: populationMoments(rates.compactMap(\.rates.falseAcceptRate)).mean,
        meanThreshold: populationMoments(rates.map(\.threshold)).mean,
        threshold: fine.threshold(targetFAR: target))
    }
    mostAccurateThreshold = coarse.mostAccurateThreshold
    oneSidedFoldCount = coarse.oneSidedCount
    meanROC = coarse.meanROC()
    areaUnderMeanROC = ROC.area(under: meanROC)
    equalErrorRate = ROC.equalErrorRate(of: meanROC)
    exactArea = ROC.exactArea(distances: distances, isSame: pairs.pairs.map(\.isSame))
  }

  /// The mean of the fold thresholds.
  package var meanThreshold: Double { populationMoments(foldThresholds).mean }
}

/// The mean and the population standard deviation of `values`, which must not be empty.
func populationMoments(_ values: [Double]) -> (mean: Double, deviation: Double) {
  let count = Double(values.count)
  let mean = values.reduce(0, +) / count
  let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
  return (mean, variance.squareRoot())
}
