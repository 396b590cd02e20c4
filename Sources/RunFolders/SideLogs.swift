private import Dispatch
package import Evaluation
private import Foundation
internal import Interchange
private import Synchronization

/// The logs that a run writes beside `metrics.jsonl` where it is asked to: event files for
/// TensorBoard, tables for spreadsheets, a text file for Prometheus. Rank 0 alone has them.
///
/// All of it is written on a queue of its own, so that no step waits for a disk. What goes wrong
/// there is told once (`takeProblem`), and that log is given up: training goes on.
package final class SideLogs: @unchecked Sendable {
  /// Which of them a run writes.
  package struct Choice: Sendable {
    /// Whether event files for TensorBoard are written.
    package var hasEvents: Bool
    /// Whether tables for spreadsheets are written.
    package var hasTables: Bool
    /// The text file for Prometheus; nil for none.
    package var prometheus: String?

    package init(hasEvents: Bool = false, hasTables: Bool = false, prometheus: String? = nil) {
      self.hasEvents = hasEvents
      self.hasTables = hasTables
      self.prometheus = prometheus
    }
  }

  private let queue = DispatchQueue(label: "side-logs", qos: .utility)
  /// Whether event files are written.
  package let hasEvents: Bool
  private let isAsked: Bool
  private let problem = Mutex<String?>(nil)
  /// Those that still write; touched on the queue alone.
  private var sinks: [any RecordSink]

  /// Opens what `choice` asks for in `folder`, which may be nothing. On resume after `step`
  /// steps later rows of tables are dropped, and earlier ones that lack, and curves of TensorBoard
  /// that lack altogether, are made of `metrics.jsonl`. Throws what the file system has against it.
  package init(
    _ choice: Choice, folder: RunFolder, totalSteps: Int, resumedAfter step: Int,
    evaluatedAfter evaluatedStep: Int
  ) throws {
    hasEvents = choice.hasEvents
    isAsked = hasEvents || choice.hasTables || choice.prometheus != nil
    sinks = []
    if choice.hasEvents {
      sinks.append(
        try EventSink(
          folder: folder.path + "/tensorboard", seconds: Self.now, resumedAfter: step,
          evaluatedAfter: evaluatedStep, metrics: folder.metrics))
    }
    if choice.hasTables {
      sinks.append(
        try MetricsTable(
          path: folder.path + "/metrics.csv", resumedAfter: step, metrics: folder.metrics))
      sinks.append(
        try EvaluationsTable(
          path: folder.path + "/evaluations.csv", resumedAfter: min(step, evaluatedStep),
          metrics: folder.metrics))
    }
    if let path = choice.prometheus {
      let run = folder.path.split(separator: "/").last.map(String.init) ?? folder.path
      let file = PrometheusFile(path: path, run: run, totalSteps: totalSteps)
      if step > 0 { try file.take(metrics: folder.metrics, upTo: step) }
      sinks.append(file)
    }
  }

  /// What went wrong since the last call.
  package func takeProblem() -> String? {
    problem.withLock { problem in
      defer { problem = nil }
      return problem
    }
  }

  /// Seconds for which a checkpoint waits for what is to be written before it.
  private static let patience = 5.0

  /// Returns when all is written that was given until now, but after some seconds in any case: so
  /// that what a checkpoint counts as done is in the logs, and a disk that hangs costs only those.
  package func flush() {
    guard isAsked else { return }
    let isWritten = DispatchSemaphore(value: 0)
    queue.async { isWritten.signal() }
    _ = isWritten.wait(timeout: .now() + Self.patience)
  }

  /// Returns when all is written.
  package func finish() { queue.sync { attempt { try $0.finish() } } }

  // MARK: What is written

  /// What a step has left behind.
  package func write(_ record: StepRecord) { enqueue { try $0.write(record, at: $1) } }

  /// The figures of every set, and how far apart its pairs are.
  package func write(_ results: SetResults, step: Int) {
    enqueue { try $0.write(results, step: step, at: $1) }
  }

  /// How the values of every parameter are spread.
  package func write(
    _ parameters: [(name: String, values: UnsafeBufferPointer<Float>)], step: Int
  ) {
    guard hasEvents else { return }
    let values = parameters.map { name, values -> (tag: String, value: SummaryValue) in
      ("parameters/\(name)", .histogram(EventHistogram(values)))
    }
    enqueue { try $0.write(values, step: step, at: $1) }
  }

  /// Pictures as the network sees them, JPEG.
  package func write(samples: [(jpeg: [UInt8], width: Int, height: Int)], step: Int) {
    for (number, sample) in samples.enumerated() {
      let image = SummaryValue.image(
        bytes: sample.jpeg, width: sample.width, height: sample.height)
      enqueue { try $0.write([("samples/\(number)", image)], step: step, at: $1) }
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
    let points = EmbeddingPoints(
      values: Array(embeddings.values.prefix(count * embeddings.dimension)),
      dimension: embeddings.dimension, labels: (0..<count).map(name))
    enqueue { sink, _ in try sink.write(points) }
  }

  // MARK: The queue

  /// Lets every sink write what belongs to this moment.
  private func enqueue(_ body: @escaping @Sendable (any RecordSink, Double) throws -> Void) {
    guard isAsked else { return }
    let seconds = Self.now
    queue.async { [self] in attempt { try body($0, seconds) } }
  }

  /// Runs `body` on every sink; gives those up where it fails.
  private func attempt(_ body: (any RecordSink) throws -> Void) {
    sinks.removeAll { sink in
      do {
        try body(sink)
        return false
      } catch {
        problem.withLock { $0 = "\(error); this log ends here" }
        return true
      }
    }
  }

  private static var now: Double { Date().timeIntervalSince1970 }
}
