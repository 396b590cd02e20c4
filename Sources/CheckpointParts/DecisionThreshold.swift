package import Evaluation

/// The distances below which a checkpoint's network takes two photos for one person, and how they
/// were chosen. All are squared L2 between normalised embeddings, 0...4; nearer is strict.
package struct DecisionThreshold: Sendable, Equatable {
  /// Decides between two photos.
  package let value: Double
  /// Decides where one photo is compared with many: it lets `cautiousFAR` of the pairs of two
  /// people through.
  package let cautiousValue: Double
  /// Whether embeddings are the sums with those of the mirrored photos.
  package let flipTest: Bool
  /// How they were chosen, in words, in one line.
  package let rule: String
  /// The false-accept rate that `value` was chosen for; nil where it is the most accurate.
  package let targetFAR: Double?

  /// The false-accept rate of `cautiousValue`.
  package static let cautiousFAR = 0.01

  /// Thresholds that were chosen as `rule` says; its line breaks become spaces.
  package init(
    value: Double, cautiousValue: Double, flipTest: Bool, rule: String, targetFAR: Double? = nil
  ) {
    self.targetFAR = targetFAR
    self.value = value
    self.cautiousValue = cautiousValue
    self.flipTest = flipTest
    self.rule = rule.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  /// The most accurate threshold on all pairs of the verification in `result`, and the one at
  /// `cautiousFAR`; nil where nothing was verified. `origin` says when or on what,
  /// such as `after step 400`.
  package init?(_ result: EvaluationResult, flipTest: Bool, origin: String) {
    guard let verification = result.verification,
      let cautious = verification.validationRates.first(where: {
        $0.targetFAR == Self.cautiousFAR
      })
    else { return nil }
    self.init(
      value: verification.mostAccurateThreshold, cautiousValue: cautious.threshold,
      flipTest: flipTest, rule: "\(verification.pairCount) pairs \(origin)")
  }

  /// The threshold that accepts at most `targetFAR` of the pairs of two people in `result`, for two
  /// photos and, where it is the nearer one, for many; nil where nothing was verified.
  package init?(
    _ result: EvaluationResult, targetFAR: Double, flipTest: Bool, origin: String
  ) {
    guard let scores = result.scores,
      let usual = DecisionThreshold(result, flipTest: flipTest, origin: origin)
    else { return nil }
    let value = scores.acceptRates(at: [targetFAR])[0].strict.threshold
    self.init(
      value: value, cautiousValue: min(value, usual.cautiousValue), flipTest: flipTest,
      rule: usual.rule, targetFAR: targetFAR)
  }

  /// The choice for two photos as it is told.
  package var pairText: String {
    Figure.text(value, digits: 4)
      + (targetFAR.map { ", accepts at most \(Self.percent($0)) of two people on \(rule)" }
        ?? ", most accurate on \(rule)")
  }

  /// The choice for many photos as it is told.
  package var cautiousText: String {
    let isTarget = cautiousValue == value && targetFAR != nil
    return Figure.text(cautiousValue, digits: 4)
      + ", accepts at most \(Self.percent(isTarget ? targetFAR! : Self.cautiousFAR)) of two people "
      + "on \(rule)"
  }

  /// `1 %` for 0.01.
  private static func percent(_ rate: Double) -> String {
    var text = Figure.text(100 * rate, digits: 6)
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return "\(text) %"
  }

  private static let valueKey = "threshold"
  private static let cautiousKey = "threshold-far-1e-2"
  private static let flipKey = "threshold-flip-test"
  private static let ruleKey = "threshold-rule"
  private static let targetKey = "threshold-far"

  /// What the thresholds stand under in the metadata of a checkpoint.
  package static let keys = [valueKey, cautiousKey, flipKey, ruleKey, targetKey]

  /// The thresholds in the metadata of a checkpoint; nil where there are none.
  package init?(metadata: [String: String]) {
    guard let value = metadata[Self.valueKey].flatMap({ Double($0) }) else { return nil }
    self.init(
      value: value, cautiousValue: metadata[Self.cautiousKey].flatMap { Double($0) } ?? value,
      flipTest: metadata[Self.flipKey] == "true", rule: metadata[Self.ruleKey] ?? "",
      targetFAR: metadata[Self.targetKey].flatMap { Double($0) })
  }

  /// The thresholds as metadata of a checkpoint.
  package var metadata: [String: String] {
    var metadata = [
      Self.valueKey: "\(value)", Self.cautiousKey: "\(cautiousValue)",
      Self.flipKey: "\(flipTest)", Self.ruleKey: rule,
    ]
    if let targetFAR { metadata[Self.targetKey] = "\(targetFAR)" }
    return metadata
  }
}
