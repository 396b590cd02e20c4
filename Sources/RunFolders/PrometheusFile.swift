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
    show(Self.gauges.map { $0.of(record) }, record.seconds, at: Date().timeIntervalSince1970)
    try write(force: false)
  }

  /// Takes up what the file `metrics` tells of the run until after `step` steps, to be written by
  /// `finish` where no further step comes. Throws `InterchangeError`.
  func take(metrics path: String, upTo step: Int) throws {
    try MetricsLine.forEach(.evaluation, in: path, upTo: step) { line in
      evaluations = [:]
      for (set, figure, text) in line.figures {
        evaluations[set, default: []].append((figure: figure, value: Double(text) ?? .nan))
      }
    }
    guard let last = try MetricsLine.last(.step, in: path, upTo: step) else { return }
    var seconds = PhaseSeconds()
    for phase in PhaseSeconds.Phase.allCases {
      seconds[phase] = last.number(["seconds", "\(phase)"])
    }
    let facts = try? FileManager.default.attributesOfItem(atPath: path)
    let written = facts?[.modificationDate] as? Date ?? Date()
    show(
      Self.gauges.map { last.number([$0.key]) }, seconds, at: written.timeIntervalSince1970)
  }

  /// Figures of a step: what they are called here and in `metrics.jsonl`.
  private static var gauges: [(name: String, help: String, key: String, of: (StepRecord) -> Double)]
  {
    [
      ("step", "Steps done.", "step", { Double($0.step) }),
      ("samples", "Samples trained on, repetitions counted.", "samples", { Double($0.samples) }),
      ("loss", "Loss of the last step.", "loss", { $0.loss }),
      ("learning_rate", "Learning rate of the last step.", "lr", { $0.learningRate }),
      (
        "gradient_norm", "Norm of the last gradient before clipping.", "gradient_norm",
        { $0.gradientNorm }
      ),
      (
        "images_per_second", "Images a second, last step.", "images_per_second",
        { $0.imagesPerSecond }
      ),
      ("batch_accuracy", "Accuracy on the last batch.", "batch_accuracy", { $0.accuracy }),
      (
        "spread", "How far embeddings point apart: 1 everywhere, 0 as one.", "spread",
        { $0.spread }
      ),
      ("step_seconds", "Seconds of the last step.", "step_seconds", { $0.stepSeconds }),
      (
        "skipped_steps", "Steps skipped for an unsound gradient.", "skipped_steps",
        { Double($0.skippedSteps) }
      ),
    ]
  }

  /// Shows the `figures` of `gauges`, of a step that ended at `time` since 1970.
  private func show(_ figures: [Double], _ seconds: PhaseSeconds, at time: Double) {
    values = zip(Self.gauges, figures).map { gauge, figure in
      (name: gauge.name, help: gauge.help, rows: [(labels: "", value: figure)])
    }
    let phases = PhaseSeconds.Phase.allCases.map {
      (labels: ",phase=\"\($0)\"", value: seconds[$0])
    }
    func add(_ name: String, _ help: String, _ rows: [(labels: String, value: Double)]) {
      values.append((name: name, help: help, rows: rows))
    }
    add("steps_planned", "Steps of the whole run.", [("", Double(totalSteps))])
    add("phase_seconds", "Seconds of the last step by phase, mean of the workers.", phases)
    add("last_step_time_seconds", "When the last step ended.", [("", time)])
    isWritten = false
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
