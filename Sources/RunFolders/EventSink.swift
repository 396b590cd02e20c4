internal import Evaluation
internal import Interchange
internal import Losses
internal import Timing

/// Event files and the projector's files in the folder `tensorboard` of a run.
final class EventSink: RecordSink {
  private let folder: String
  private let events: EventFile

  /// Opens a file of events in the folder `folder`, which is made; events of steps after `step`
  /// count no more. Throws what the file system has against it.
  init(folder: String, seconds: Double, resumedAfter step: Int) throws {
    self.folder = folder
    try Folders.make(folder)
    events = try EventFile(folder: folder, seconds: seconds, resumedAfter: step)
  }

  func write(_ record: StepRecord, at seconds: Double) throws {
    try events.write(
      record.scalars.map { ($0.0, .scalar(Float($0.1))) }, step: record.step, seconds: seconds)
  }

  func write(_ results: SetResults, step: Int, at seconds: Double) throws {
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
}
