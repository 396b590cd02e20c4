internal import Evaluation
private import Foundation
internal import Interchange
internal import Losses
internal import Timing

/// Event files and the projector's files in the folder `tensorboard` of a run.
final class EventSink: RecordSink {
  private let folder: String
  private let events: EventFile

  /// Opens a file of events in the folder `folder`, which is made; events of steps after `step`
  /// count no more, and where there are no files yet, curves of steps up to it and of evaluations
  /// up to `evaluatedStep` are made of the file `metrics`. Throws what the file system has against
  /// it.
  init(
    folder: String, seconds: Double, resumedAfter step: Int, evaluatedAfter evaluatedStep: Int,
    metrics: String
  ) throws {
    self.folder = folder
    try Folders.make(folder)
    let isFirst = !(try FileManager.default.contentsOfDirectory(atPath: folder))
      .contains { $0.hasPrefix(EventFile.namePrefix) }
    events = try EventFile(folder: folder, seconds: seconds, resumedAfter: isFirst ? 0 : step)
    guard isFirst, step > 0 else { return }
    try MetricsLine.forEach(.step, in: metrics, upTo: step) { line in
      try events.write(
        StepRecord.scalars(of: line).map { ($0.0, .scalar(Float($0.1))) },
        step: Int(line.number(["step"])), seconds: seconds)
    }
    try MetricsLine.forEach(.evaluation, in: metrics, upTo: min(step, evaluatedStep)) { line in
      try events.write(
        line.figures.map { figure in
          (
            Self.tag(figure.figure, of: figure.set), .scalar(Float(Double(figure.text) ?? .nan))
          )
        }, step: Int(line.number(["evaluation", "step"])), seconds: seconds)
    }
  }

  private static func tag(_ figure: String, of set: String) -> String {
    (set.isEmpty ? "evaluation" : "evaluation-\(set)") + "/" + figure
  }

  func write(_ record: StepRecord, at seconds: Double) throws {
    try events.write(
      record.scalars.map { ($0.0, .scalar(Float($0.1))) }, step: record.step, seconds: seconds)
  }

  func write(_ results: SetResults, step: Int, at seconds: Double) throws {
    var values: [(tag: String, value: SummaryValue)] = []
    for (name, result) in results.results {
      values += result.figures.map { (Self.tag($0.name, of: name), .scalar(Float($0.value))) }
      if let histogram = result.histogram {
        for (kind, counts) in [("same", histogram.same), ("different", histogram.different)] {
          values.append(
            (
              Self.tag("distance-\(kind)", of: name),
              .histogram(EventHistogram(counts: counts, width: histogram.binWidth))
            ))
        }
      }
    }
    try events.write(values, step: step, seconds: seconds)
  }

  func write(_ values: [(tag: String, value: SummaryValue)], step: Int, at seconds: Double) throws {
    try events.write(values, step: step, seconds: seconds)
  }

  /// The projector reads its points from text files beside the events.
  func write(_ points: EmbeddingPoints) throws {
    var values = ""
    var labels = "person\tphoto\n"
    for (row, label) in points.labels.enumerated() {
      let numbers = points.values[row * points.dimension..<(row + 1) * points.dimension]
      values += numbers.map { "\($0.isFinite ? $0 : 0)" }.joined(separator: "\t") + "\n"
      labels += Self.cell(label.person) + "\t" + Self.cell(label.photo) + "\n"
    }
    try TextFile.write(values, to: folder + "/embeddings.tsv")
    try TextFile.write(labels, to: folder + "/photos.tsv")
    try TextFile.write(
      "embeddings {\n  tensor_name: \"embeddings\"\n  tensor_path: \"embeddings.tsv\"\n"
        + "  metadata_path: \"photos.tsv\"\n}\n",
      to: folder + "/projector_config.pbtxt")
  }

  private static func cell(_ text: String) -> String {
    text.split { $0 == "\t" || $0.isNewline }.joined(separator: " ")
  }
}

extension StepRecord {
  private static var curves: [(tag: String, path: [String], value: (StepRecord) -> Double)] {
    [
      ("train/loss", ["loss"], { $0.loss }),
      ("train/learning-rate", ["lr"], { $0.learningRate }),
      ("train/gradient-norm", ["gradient_norm"], { $0.gradientNorm }),
      ("train/batch-accuracy", ["batch_accuracy"], { $0.accuracy }),
      ("train/target-cosine", ["target_cosine"], { $0.targetCosine }),
      ("train/spread", ["spread"], { $0.spread }),
      ("speed/images-per-second", ["images_per_second"], { $0.imagesPerSecond }),
      ("speed/step-seconds", ["step_seconds"], { $0.stepSeconds }),
    ]
      + PhaseSeconds.Phase.allCases.map { phase in
        ("seconds/\(phase)", ["seconds", "\(phase)"], { $0.seconds[phase] })
      }
  }

  private static let teacherCurve = (tag: "train/teacher-cosine", path: ["teacher_cosine"])

  private static var tripletCurves:
    [(tag: String, path: [String], value: (TripletFigures) -> Double)]
  {
    [
      ("triplets/active-share", ["triplets", "active_share"], { $0.activeShare }),
      ("triplets/positive-distance", ["triplets", "positive_distance"], { $0.positiveDistance }),
      ("triplets/negative-distance", ["triplets", "negative_distance"], { $0.negativeDistance }),
    ]
  }

  /// What TensorBoard plots, by tag.
  fileprivate var scalars: [(String, Double)] {
    Self.curves.map { ($0.tag, $0.value(self)) }
      + (teacherCosine.map { [(Self.teacherCurve.tag, $0)] } ?? [])
      + (triplets.map { figures in Self.tripletCurves.map { ($0.tag, $0.value(figures)) } } ?? [])
  }

  /// The same of a line of metrics, as far as it has them.
  fileprivate static func scalars(of line: MetricsLine) -> [(String, Double)] {
    let paths = curves.map { ($0.tag, $0.path) } + [(teacherCurve.tag, teacherCurve.path)]
    return (paths + tripletCurves.map { ($0.tag, $0.path) }).compactMap { tag, path in
      line.text(path).map { (tag, Double($0) ?? .nan) }
    }
  }
}
