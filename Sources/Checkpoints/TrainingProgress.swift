package import CheckpointParts
internal import Datasets
internal import Determinism

/// Where a run stands beside its tensors: everything that decides how it goes on.
package struct TrainingProgress: Sendable, Equatable {
  /// Steps done.
  package var step = 0
  /// Steps that updated the weights; the others were skipped.
  package var updates = 0
  /// Steps whose gradient was not finite or left the grid, and which moved nothing.
  package var skippedSteps = 0
  /// Skipped steps since the last update.
  package var skippedInARow = 0
  /// Samples seen.
  package var samples = 0
  /// The best figure of an evaluation so far, and the step after which it was measured.
  package var best: Double?
  /// The step after which `best` was measured.
  package var bestStep: Int?
  /// A hash of the photos and pairs that the best figure was measured on; nil where nobody knows.
  package var bestSet: UInt64?
  /// Evaluations since the best one.
  package var evaluationsSinceBest = 0
  /// The step after which the last evaluation ran; 0 before the first.
  package var evaluatedStep = 0
  /// Chosen by the last evaluation that verified pairs.
  package var threshold: DecisionThreshold?
  /// Steps in a row whose embeddings lay at nearly one point.
  package var collapsedSteps = 0
  /// Steps in a row whose loss was the margin of the triplets.
  package var stuckSteps = 0
  /// The step after which mining fell back to semi-hard, for good.
  package var fallbackStep: Int?
  /// Exponent of the grid of gradient sums.
  package var gridExponent = 0

  /// The start of a run: no step done.
  package init() {}
}

extension TrainingProgress {
  /// The progress in the metadata of the checkpoint at `path`; throws `CheckpointError.incomplete`.
  package init(metadata: [String: String], path: String) throws {
    func number(_ key: String) throws -> Int {
      guard let value = metadata[key].flatMap({ Int($0) }) else {
        throw CheckpointError.incomplete(path: path, what: key)
      }
      return value
    }
    self.init()
    step = try number("step")
    updates = try number("updates")
    skippedSteps = try number("skipped-steps")
    skippedInARow = try number("skipped-in-a-row")
    samples = try number("samples")
    gridExponent = try number("grid-exponent")
    evaluatedStep = metadata["evaluated-step"].flatMap { Int($0) } ?? step
    best = metadata["best"].flatMap { UInt64($0, radix: 16) }.map(Double.init(bitPattern:))
    bestStep = metadata["best-step"].flatMap { Int($0) }
    bestSet = metadata["best-set"].flatMap { UInt64($0, radix: 16) }
    evaluationsSinceBest = metadata["evaluations-since-best"].flatMap { Int($0) } ?? 0
    threshold = DecisionThreshold(metadata: metadata)
    collapsedSteps = metadata["collapsed-steps"].flatMap { Int($0) } ?? 0
    stuckSteps = metadata["stuck-steps"].flatMap { Int($0) } ?? 0
    fallbackStep = metadata["fallback-step"].flatMap { Int($0) }
  }

  /// The progress as the metadata of a checkpoint.
  package func metadata(configuration: String, dataFingerprint: UInt64, classCount: Int) -> [String:
    String]
  {
    var metadata = [
      "format": "pt", Checkpoint.formatKey: Checkpoint.formatVersion,
      "configuration": configuration, "data": Hash64.text(dataFingerprint),
      "classes": "\(classCount)", Checkpoint.pixelsKey: Hash64.text(JPEGProbe.hash),
      "step": "\(step)", "updates": "\(updates)",
      "skipped-steps": "\(skippedSteps)", "skipped-in-a-row": "\(skippedInARow)",
      "samples": "\(samples)", "grid-exponent": "\(gridExponent)",
      "evaluated-step": "\(evaluatedStep)",
    ]
    if let best { metadata["best"] = Hash64.text(best.bitPattern) }
    if let bestStep { metadata["best-step"] = "\(bestStep)" }
    if let bestSet { metadata["best-set"] = Hash64.text(bestSet) }
    if evaluationsSinceBest > 0 {
      metadata["evaluations-since-best"] = "\(evaluationsSinceBest)"
    }
    if let threshold { metadata.merge(threshold.metadata) { _, new in new } }
    if collapsedSteps > 0 { metadata["collapsed-steps"] = "\(collapsedSteps)" }
    if stuckSteps > 0 { metadata["stuck-steps"] = "\(stuckSteps)" }
    if let fallbackStep { metadata["fallback-step"] = "\(fallbackStep)" }
    return metadata
  }
}
