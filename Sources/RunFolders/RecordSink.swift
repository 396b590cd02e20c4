internal import Evaluation
internal import Interchange

/// A log that a run writes beside `metrics.jsonl`; all calls come from one thread.
///
/// What a sink throws ends it alone: training goes on.
protocol RecordSink: AnyObject {
  /// Writes what a step has left behind at `seconds` since 1970.
  func write(_ record: StepRecord, at seconds: Double) throws
  /// Writes the figures of every set after `step` steps.
  func write(_ results: SetResults, step: Int, at seconds: Double) throws
  /// Writes histograms and pictures by their tags.
  func write(_ values: [(tag: String, value: SummaryValue)], step: Int, at seconds: Double) throws
  /// Writes embeddings for people to look at.
  func write(_ points: EmbeddingPoints) throws
  /// Writes what waits.
  func finish() throws
}

extension RecordSink {
  func write(_ record: StepRecord, at seconds: Double) {}
  func write(_ results: SetResults, step: Int, at seconds: Double) {}
  func write(_ values: [(tag: String, value: SummaryValue)], step: Int, at seconds: Double) {}
  func write(_ points: EmbeddingPoints) {}
  func finish() {}
}

/// Embeddings with what they are of.
struct EmbeddingPoints: Sendable {
  /// [labels.count, dimension]
  let values: [Float]
  let dimension: Int
  let labels: [(person: String, photo: String)]
}
