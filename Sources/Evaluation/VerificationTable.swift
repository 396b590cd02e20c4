/// The tables of a verification that take longer than its figures: rates with their intervals.
package struct VerificationTable: Sendable {
  /// At each of `PairScores.targets`.
  package let rates: [AcceptRate]
  /// Of the accuracy over the folds; nil where folds are missing.
  package let accuracyInterval: ClosedRange<Double>?
  /// How intervals were made, in words.
  package let rule: String

  /// The tables of `result`, a function of its pairs and of `seed`; nil where nothing was verified.
  package init?(_ result: EvaluationResult, seed: UInt64 = 0) {
    guard let scores = result.scores, let verification = result.verification else { return nil }
    let bootstrap = PeopleBootstrap(scores.pairs)
    (rates, accuracyInterval) = scores.acceptRates(
      of: verification, bootstrap: bootstrap, seed: seed)
    rule =
      "TAR: the largest at a FAR of at most the one asked for; intervals: 95 % of "
      + bootstrap.rule
  }

  /// The rows to print, one a line.
  package var lines: [String] {
    let accuracy = accuracyInterval.map {
      "accuracy-interval \(Figure.text($0.lowerBound, digits: 6)) to "
        + Figure.text($0.upperBound, digits: 6)
    }
    return (accuracy.map { [$0] } ?? []) + rates.map(\.line)
  }
}

extension Figure {
  /// ` (0.910114 to 0.987459)`, behind the figure whose interval it is; nothing without one.
  package static func spread(_ interval: ClosedRange<Double>?) -> String {
    guard let interval else { return "" }
    return " (\(text(interval.lowerBound, digits: 6)) to \(text(interval.upperBound, digits: 6)))"
  }
}
