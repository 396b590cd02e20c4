internal import Datasets
internal import Evaluation
internal import Reports

/// The figures of a sweep in the shape of the paper's tables: a row a value, rates in percent with
/// the standard error of the mean over the folds.
struct SweepTable {
  private let title: String
  private let isNumber: Bool
  private var rows: [(label: String, verification: Verification)] = []

  /// A table whose first column is `title`.
  init(_ title: String, isNumber: Bool = true) {
    self.title = title
    self.isNumber = isNumber
  }

  mutating func append(_ label: String, _ verification: Verification) {
    rows.append((label, verification))
  }

  /// The table, and under it how it was made.
  var lines: [String] {
    let validation = Verification.targets.indices.dropFirst()
    var table = ColumnTable(
      [(title, isNumber)]
        + validation.map { ("VAL@\(Self.name(Verification.targets[$0]))", true) }
        + [("accuracy", true), ("AUC", true)])
    for (label, verification) in rows {
      let folds = verification.foldAccuracies.count
      table.append(
        [label]
          + validation.map {
            let rate = verification.validationRates[$0]
            return Self.percent(rate.mean, rate.deviation, folds: folds)
          } + [
            Self.percent(verification.accuracy, verification.accuracyDeviation, folds: folds),
            Figure.text(verification.areaUnderMeanROC, digits: 4),
          ])
    }
    guard let first = rows.first?.verification else { return table.lines }
    return table.lines + [
      "\(first.pairCount) pairs, \(first.sameCount) of one person; +- is the standard error of the "
        + "mean over \(first.foldAccuracies.count) folds: \(first.foldRule)"
    ]
  }

  /// The table with all digits.
  var csv: String {
    var table = ColumnTable(
      [(title, isNumber)]
        + Verification.targets.flatMap { target in
          ["val", "val_error", "far"].map { ("\($0)@\(Self.name(target))", true) }
        }
        + ["accuracy", "accuracy_error", "auc", "eer", "threshold", "fold_threshold", "pairs"].map {
          ($0, true)
        })
    for (label, verification) in rows {
      let root = Double(verification.foldAccuracies.count).squareRoot()
      let numbers =
        verification.validationRates.flatMap { [$0.mean, $0.deviation / root, $0.reachedFAR] }
        + [
          verification.accuracy, verification.accuracyDeviation / root,
          verification.areaUnderMeanROC, verification.equalErrorRate,
          verification.mostAccurateThreshold, verification.meanThreshold,
        ]
      table.append(
        [label] + numbers.map { Figure.text($0, digits: 6) } + ["\(verification.pairCount)"])
    }
    return table.csv
  }

  private static func percent(_ mean: Double, _ deviation: Double, folds: Int) -> String {
    Figure.text(100 * mean, digits: 2) + " % +- "
      + Figure.text(100 * deviation / Double(folds).squareRoot(), digits: 2)
  }

  private static func name(_ rate: Double) -> String {
    rate >= 0.1 ? "1e-1" : rate >= 0.01 ? "1e-2" : "1e-3"
  }
}
