internal import Determinism
internal import Evaluation
internal import Interchange
internal import Timing

/// `metrics.csv`: a row for each step.
final class MetricsTable: RecordSink {
  private let table: CSVLog

  /// Opens the table at `path`; rows of steps after `step` are dropped, and those that lack before
  /// are made of the file `metrics`. Throws `RunFolderError` and `InterchangeError`.
  init(path: String, resumedAfter step: Int, metrics: String) throws {
    table = try CSVLog(
      path: path, columns: StepRecord.columns, resumedAfter: step, metrics: metrics, kind: .step,
      isOneRow: true
    ) { [StepRecord.cells(of: $0)] }
  }

  func write(_ record: StepRecord, at seconds: Double) throws { try table.write(record.cells) }
}

/// `evaluations.csv`: a row for each figure of each set.
final class EvaluationsTable: RecordSink {
  private let table: CSVLog

  /// Opens the table at `path`; rows of steps after `step` are dropped, and those that lack before
  /// are made of the file `metrics`. Throws `RunFolderError` and `InterchangeError`.
  init(path: String, resumedAfter step: Int, metrics: String) throws {
    table = try CSVLog(
      path: path, columns: ["step", "set", "figure", "value"], resumedAfter: step,
      metrics: metrics, kind: .evaluation, isOneRow: false
    ) { line in
      let step = line.text(["evaluation", "step"]) ?? ""
      return line.figures.map { [step, $0.set, $0.figure, $0.text] }
    }
  }

  func write(_ results: SetResults, step: Int, at seconds: Double) throws {
    for (name, result) in results.results {
      for figure in result.figures {
        try table.write(["\(step)", name, figure.name, JSONNumber.text(figure.value)])
      }
    }
  }
}

extension StepRecord {
  /// The columns of metrics.csv.
  fileprivate static var columns: [String] {
    [
      "step", "epoch", "samples", "loss", "lr", "lr_head", "gradient_norm", "images_per_second",
      "batch_accuracy", "target_cosine", "spread", "step_seconds",
    ] + PhaseSeconds.Phase.allCases.map { "seconds_\($0)" }
      + ["skipped", "skipped_samples", "gradient_hash", "weights_hash"]
  }

  /// The row of a line of metrics, the one that was or would have been written with it.
  fileprivate static func cells(of line: MetricsLine) -> [String] {
    let numbers: [[String]] = [
      ["loss"], ["lr"], ["lr_head"], ["gradient_norm"], ["images_per_second"],
      ["batch_accuracy"], ["target_cosine"], ["spread"], ["step_seconds"],
    ]
    func cell(_ path: [String]) -> String {
      let text = line.text(path) ?? ""
      return text == "null" ? "" : text
    }
    let phases = PhaseSeconds.Phase.allCases.map { ["seconds", "\($0)"] }
    let before = [["step"], ["epoch"], ["samples"]]
    let behind = [["skipped"], ["skipped_samples"], ["gradient_hash"], ["weights_hash"]]
    return (before + numbers + phases + behind).map(cell)
  }

  fileprivate var cells: [String] {
    let numbers = [
      loss, learningRate, headLearningRate, gradientNorm, imagesPerSecond, accuracy, targetCosine,
      spread, stepSeconds,
    ]
    return ["\(step)", "\(epoch)", "\(samples)"]
      + (numbers + PhaseSeconds.Phase.allCases.map { seconds[$0] }).map {
        $0.isFinite ? "\($0)" : ""
      }
      + [
        "\(isSkipped)", "\(skippedSamples)", Hash64.text(gradientHash), Hash64.text(weightsHash),
      ]
  }
}
