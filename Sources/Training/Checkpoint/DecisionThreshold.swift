package import Evaluation
private import Foundation
private import Interchange

/// The distance below which a checkpoint's network takes two photos for one person, and how it was
/// chosen.
package struct DecisionThreshold: Sendable, Equatable {
  /// Squared L2 between normalised embeddings, 0...4; the same person is nearer, strictly.
  package let value: Double
  /// Whether embeddings are the sums with those of the mirrored photos.
  package let flipTest: Bool
  /// How it was chosen, in words, in one line.
  package let rule: String

  package init(value: Double, flipTest: Bool, rule: String) {
    self.value = value
    self.flipTest = flipTest
    self.rule = rule.split(whereSeparator: \.isNewline).joined(separator: " ")
  }

  /// The mean over the folds of the most accurate threshold of the verification in `result`; nil
  /// where nothing was verified. `origin` says when or on what, such as `after step 400`.
  package init?(_ result: EvaluationResult, flipTest: Bool, origin: String) {
    guard let verification = result.verification else { return nil }
    self.init(
      value: verification.meanThreshold, flipTest: flipTest,
      rule: "most accurate on \(verification.pairCount) pairs \(origin), mean over the folds "
        + "(accuracy \(Figure.text(verification.accuracy, digits: 6)); \(verification.foldRule))")
  }

  /// With four digits, for print.
  package var text: String { Figure.text(value, digits: 4) }

  private static let valueKey = "threshold"
  private static let flipKey = "threshold-flip-test"
  private static let ruleKey = "threshold-rule"

  /// The threshold in the metadata of a checkpoint; nil where there is none.
  package init?(metadata: [String: String]) {
    guard let value = metadata[Self.valueKey].flatMap({ Double($0) }) else { return nil }
    self.init(
      value: value, flipTest: metadata[Self.flipKey] == "true", rule: metadata[Self.ruleKey] ?? "")
  }

  /// The threshold as metadata of a checkpoint.
  package var metadata: [String: String] {
    [Self.valueKey: "\(value)", Self.flipKey: "\(flipTest)", Self.ruleKey: rule]
  }
}

extension Checkpoint {
  /// Writes the file again with `threshold` in place of the one it holds, whole or not at all; throws
  /// `InterchangeError`.
  package func store(_ threshold: DecisionThreshold) throws {
    // Not over the link `best.safetensors`, but over the file that it leads to.
    let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let file = file
    let tensors = file.entries.map { entry in
      SafetensorsTensor(name: entry.name, type: entry.type, shape: entry.shape) { lend in
        let bytes = UnsafeMutableRawBufferPointer.allocate(
          byteCount: entry.range.count, alignment: 64)
        defer { bytes.deallocate() }
        try file.read(entry.name, as: entry.type, shape: entry.shape, into: bytes)
        try lend(UnsafeRawBufferPointer(bytes))
      }
    }
    try SafetensorsFile.write(
      tensors: tensors, metadata: file.metadata.merging(threshold.metadata) { _, new in new },
      to: target)
  }
}
