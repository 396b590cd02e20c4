internal import Evaluation
private import Foundation
internal import Interchange
internal import Networks
internal import Threads
internal import Timing

/// A file in Prometheus's text format, as node_exporter's textfile collector reads it: replaced as
/// a whole, at most once a second.
final class PrometheusFile: RecordSink {
  private let path: String
  private let run: String
  private let totalSteps: Int
  private var values: [(name: String, help: String, rows: [(labels: String, value: Double)])] = []
  private var evaluations: [String: [(figure: String, value: Double)]] = [:]
  private var lastSeconds = -Double.infinity
  private var isWritten = true

  /// The file at `path`, whose figures are labelled with the name `run`.
  init(path: String, run: String, totalSteps: Int) {
    self.path = path
    self.run = Self.escaped(run)
    self.totalSteps = totalSteps
  }

  func write(_ record: StepRecord, at seconds: Double) throws {
    let phases = PhaseSeconds.Phase.allCases.map {
      (labels: ",phase=\"\($0)\"", value: record.seconds[$0])
    }
    func one(_ value: Double) -> [(labels: String, value: Double)] { [("", value)] }
    values = [
      ("step", "Steps done.", one(Double(record.step))),
      ("steps_planned", "Steps of the whole run.", one(Double(totalSteps))),
      ("samples", "Samples trained on, repetitions counted.", one(Double(record.samples))),
      ("loss", "Loss of the last step.", one(record.loss)),
      ("learning_rate", "Learning rate of the last step.", one(record.learningRate)),
      ("gradient_norm", "Norm of the last gradient before clipping.", one(record.gradientNorm)),
      ("images_per_second", "Images a second, last step.", one(record.imagesPerSecond)),
      ("batch_accuracy", "Accuracy on the last batch.", one(record.accuracy)),
      ("spread", "How far embeddings point apart: 1 everywhere, 0 as one.", one(record.spread)),
      ("step_seconds", "Seconds of the last step.", one(record.stepSeconds)),
      ("phase_seconds", "Seconds of the last step by phase, mean of the workers.", phases),
      ("skipped_steps", "Steps skipped for an unsound gradient.", one(Double(record.skippedSteps))),
      ("last_step_time_seconds", "When the last step ended.", one(Date().timeIntervalSince1970)),
    ]
    isWritten = false
    try write(force: false)
  }

  func write(_ results: SetResults, step: Int, at seconds: Double) throws {
    for (name, result) in results.results {
      evaluations[name] = result.figures.map { ($0.name, $0.value) }
    }
    isWritten = false
    try write(force: true)
  }

  func finish() throws { try write(force: true) }

  /// Writes what changed, unless that was less than a second ago; with `force` in any case.
  private func write(force: Bool) throws {
    guard !isWritten, force || Clock.seconds - lastSeconds >= 1 else { return }
    lastSeconds = Clock.seconds
    isWritten = true
    // Not synced to disk: it is the moment's figures, and a sync may take longer than a step.
    try TextFile.write(text, to: path, syncing: false)
  }

  private var text: String {
    var text = ""
    func add(_ name: String, _ help: String, _ rows: [(labels: String, value: Double)]) {
      text += "# HELP ddp_train_\(name) \(help)\n# TYPE ddp_train_\(name) gauge\n"
      for row in rows {
        text += "ddp_train_\(name){run=\"\(run)\"\(row.labels)} \(Self.number(row.value))\n"
      }
    }
    for (name, help, rows) in values { add(name, help, rows) }
    let figures = evaluations.sorted { $0.key < $1.key }.flatMap { name, figures in
      figures.map { figure in
        (
          labels: ",set=\"\(Self.escaped(name))\",figure=\"\(Self.escaped(figure.figure))\"",
          value: figure.value
        )
      }
    }
    if !figures.isEmpty { add("evaluation", "Figures of the last evaluation.", figures) }
    return text
  }

  private static func number(_ value: Double) -> String {
    value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Inf" : "+Inf") : "\(value)"
  }

  private static func escaped(_ text: String) -> String {
    text.map { letter in
      switch letter {
      case "\\": "\\\\"
      case "\"": "\\\""
      case "\n": "\\n"
      default: String(letter)
      }
    }.joined()
  }
}
