internal import Losses
package import Configuration
package import Engine
internal import Timing
internal import Datasets
package import Evaluation
private import Foundation
private import Glibc
internal import Interchange
internal import Networks
private import Synchronization

/// The logs that a run writes beside `metrics.jsonl` where it is asked to: event files for
/// TensorBoard, tables for spreadsheets, a text file for Prometheus. Rank 0 alone has them.
///
/// All of it is written on a queue of its own, so that no step waits for a disk. What goes wrong there
/// is told once (`takeProblem`), and that log is given up: training goes on.
package final class SideLogs: @unchecked Sendable {
  private let queue = DispatchQueue(label: "side-logs", qos: .utility)
  private let tensorBoardFolder: String
  /// Whether event files are written.
  package let hasEvents: Bool
  private let run: String
  private let totalSteps: Int
  private let problem = Mutex<String?>(nil)
  // Below here: touched on the queue alone.
  private var events: EventFile?
  private var metrics: CSVLog?
  private var evaluations: CSVLog?
  private var prometheus: PrometheusFile?

  /// Opens what `configuration` asks for in `folder`; nil where that is nothing. On resume after `step`
  /// steps later rows of tables are dropped. Throws what the file system has against it.
  package init?(
    _ configuration: RunConfiguration, folder: RunFolder, totalSteps: Int, resumedAfter step: Int,
    evaluatedAfter evaluatedStep: Int
  ) throws {
    guard
      configuration.writesTensorBoard || configuration.writesCSV || configuration.prometheus != nil
    else { return nil }
    run = folder.path.split(separator: "/").last.map(String.init) ?? folder.path
    self.totalSteps = totalSteps
    tensorBoardFolder = folder.path + "/tensorboard"
    hasEvents = configuration.writesTensorBoard
    if configuration.writesTensorBoard {
      if mkdir(tensorBoardFolder, 0o777) != 0, errno != EEXIST {
        throw RunFolderError.unwritable(path: tensorBoardFolder, code: errno)
      }
      events = try EventFile(
        folder: tensorBoardFolder, seconds: Self.now, resumedAfter: step)
    }
    if configuration.writesCSV {
      metrics = try CSVLog(
        path: folder.path + "/metrics.csv", columns: StepRecord.columns, resumedAfter: step)
      evaluations = try CSVLog(
        path: folder.path + "/evaluations.csv", columns: ["step", "set", "figure", "value"],
        resumedAfter: min(step, evaluatedStep))
    }
    prometheus = configuration.prometheus.map { PrometheusFile(path: $0, run: run) }
  }

  /// What went wrong since the last call.
  package func takeProblem() -> String? {
    problem.withLock { problem in
      defer { problem = nil }
      return problem
    }
  }

  /// Returns when all is written.
  package func finish() {
    queue.sync { attempt(\.prometheus) { try $0.write(force: true) } }
  }

  // MARK: What is written

  package func write(_ record: StepRecord) {
    let seconds = Self.now
    queue.async { [self] in
      attempt(\.events) { events in
        try events.write(
          record.scalars.map { ($0.0, .scalar(Float($0.1))) }, step: record.step, seconds: seconds)
      }
      attempt(\.metrics) { try $0.write(record.cells) }
      attempt(\.prometheus) { prometheus in
        prometheus.set(record, totalSteps: totalSteps)
        try prometheus.write(force: false)
      }
    }
  }

  /// The figures of every set, and how far apart its pairs are.
  package func write(_ results: SetResults, step: Int) {
    let seconds = Self.now
    queue.async { [self] in
      attempt(\.events) { events in
        var values: [(tag: String, value: SummaryValue)] = []
        for (name, result) in results.results {
          let prefix = name.isEmpty ? "evaluation" : "evaluation-\(name)"
          values += result.figures.map { ("\(prefix)/\($0.name)", .scalar(Float($0.value))) }
          if let histogram = result.histogram {
            for (kind, counts) in [("same", histogram.same), ("different", histogram.different)] {
              values.append(
                (
                  "\(prefix)/distance-\(kind)",
                  .histogram(EventHistogram(counts: counts, width: histogram.binWidth))
                ))
            }
          }
        }
        try events.write(values, step: step, seconds: seconds)
      }
      attempt(\.evaluations) { table in
        for (name, result) in results.results {
          for figure in result.figures {
            try table.write(["\(step)", name, figure.name, JSONNumber.text(figure.value)])
          }
        }
      }
      attempt(\.prometheus) { prometheus in
        for (name, result) in results.results { prometheus.set(result, of: name) }
        try prometheus.write(force: true)
      }
    }
  }

  /// How the values of every parameter are spread.
  package func write(_ state: ModelState, step: Int) {
    guard hasEvents else { return }
    let seconds = Self.now
    let values = state.descriptions.map { description -> (tag: String, value: SummaryValue) in
      let range = description.range
      let values = UnsafeBufferPointer(
        start: state.parameters + range.lowerBound, count: range.count)
      return ("parameters/\(description.name)", .histogram(EventHistogram(values)))
    }
    queue.async { [self] in
      attempt(\.events) { try $0.write(values, step: step, seconds: seconds) }
    }
  }

  /// Pictures as the network sees them, JPEG.
  package func write(samples: [(jpeg: [UInt8], width: Int, height: Int)], step: Int) {
    let seconds = Self.now
    queue.async { [self] in
      attempt(\.events) { events in
        for (number, sample) in samples.enumerated() {
          let image = SummaryValue.image(
            bytes: sample.jpeg, width: sample.width, height: sample.height)
          try events.write([("samples/\(number)", image)], step: step, seconds: seconds)
        }
      }
    }
  }

  /// The most points that the projector is given.
  private static let pointLimit = 1000

  /// The first embeddings for TensorBoard's projector; `name` tells person and photo of a row.
  package func write(
    _ embeddings: Embeddings, name: (_ row: Int) -> (person: String, photo: String)
  ) {
    guard hasEvents else { return }
    let count = min(Self.pointLimit, embeddings.count)
    let rows = Array(embeddings.values.prefix(count * embeddings.dimension))
    let names = (0..<count).map(name)
    let dimension = embeddings.dimension
    queue.async { [self] in
      attempt(\.events) { _ in
        var values = ""
        var labels = "person\tphoto\n"
        for (row, name) in names.enumerated() {
          let numbers = rows[row * dimension..<(row + 1) * dimension]
          values +=
            numbers.map { "\($0.isFinite ? $0 : 0)" }.joined(separator: "\t") + "\n"
          labels += Self.cell(name.person) + "\t" + Self.cell(name.photo) + "\n"
        }
        try TextFile.write(values, to: tensorBoardFolder + "/embeddings.tsv")
        try TextFile.write(labels, to: tensorBoardFolder + "/photos.tsv")
        try TextFile.write(
          "embeddings {\n  tensor_name: \"embeddings\"\n  tensor_path: \"embeddings.tsv\"\n"
            + "  metadata_path: \"photos.tsv\"\n}\n",
          to: tensorBoardFolder + "/projector_config.pbtxt")
      }
    }
  }

  private static func cell(_ text: String) -> String {
    text.split { $0 == "\t" || $0.isNewline }.joined(separator: " ")
  }

  // MARK: The queue

  /// Runs `body` on the log at `path`, if there is one; gives it up where that fails.
  private func attempt<Log>(
    _ path: ReferenceWritableKeyPath<SideLogs, Log?>, _ body: (Log) throws -> Void
  ) {
    guard let log = self[keyPath: path] else { return }
    do {
      try body(log)
    } catch {
      self[keyPath: path] = nil
      problem.withLock { $0 = "\(error); this log ends here" }
    }
  }

  private static var now: Double { Date().timeIntervalSince1970 }
}

extension StepRecord {
  /// What TensorBoard plots, by tag.
  fileprivate var scalars: [(String, Double)] {
    var scalars = [
      ("train/loss", loss), ("train/learning-rate", learningRate),
      ("train/gradient-norm", gradientNorm), ("train/batch-accuracy", accuracy),
      ("train/target-cosine", targetCosine), ("train/spread", spread),
      ("speed/images-per-second", imagesPerSecond), ("speed/step-seconds", stepSeconds),
    ]
    scalars += PhaseSeconds.Phase.allCases.map { ("seconds/\($0)", seconds[$0]) }
    if let triplets {
      scalars += [
        ("triplets/active-share", triplets.activeShare),
        ("triplets/positive-distance", triplets.positiveDistance),
        ("triplets/negative-distance", triplets.negativeDistance),
      ]
    }
    return scalars
  }

  /// The columns of metrics.csv.
  fileprivate static var columns: [String] {
    [
      "step", "epoch", "samples", "loss", "lr", "lr_head", "gradient_norm", "images_per_second",
      "batch_accuracy", "target_cosine", "spread", "step_seconds",
    ] + PhaseSeconds.Phase.allCases.map { "seconds_\($0)" }
      + ["skipped", "skipped_samples", "gradient_hash", "weights_hash"]
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
      + ["\(isSkipped)", "\(skippedSamples)", hashText(gradientHash), hashText(weightsHash)]
  }

  private func hashText(_ hash: UInt64) -> String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
