private import Foundation
internal import Interchange
internal import Timing

/// Reads `metrics.jsonl` back, for reports.
package enum MetricsFile {
  /// The curves and evaluations of the file at `path`; empty if there is none. `onBytes` is told of
  /// every count of bytes read.
  ///
  /// Step by step, without an object for each: a long run has a million lines.
  package static func read(_ path: String, onBytes: (Int) -> Void = { _ in }) -> RunHistory {
    var history = RunHistory()
    // A report is drawn of what can be read.
    try? TextLines.forEach(path, onBytes: onBytes) { line, _, _ in
      guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}") else { return }
      if line.starts(with: "{\"evaluation\"") {
        if let point = evaluation(line) { history.evaluations.append(point) }
      } else {
        add(line, to: &history)
      }
    }
    return history
  }

  private static func evaluation(_ line: UnsafeRawBufferPointer) -> RunReport.EvaluationPoint? {
    guard let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
      let figures = object["evaluation"] as? [String: Any]
    else { return nil }
    var values = figures.compactMapValues { ($0 as? NSNumber)?.doubleValue }
    let step = Int(values.removeValue(forKey: "step") ?? 0)
    return RunReport.EvaluationPoint(step: step, figures: values)
  }

  private static func add(_ line: UnsafeRawBufferPointer, to history: inout RunHistory) {
    func number(_ key: StaticString, from start: Int = 0) -> Double {
      line.firstOffset(of: key, from: start).map {
        line.number(at: $0 + key.utf8CodeUnitCount)
      } ?? .nan
    }
    let step = number("\"step\":")
    guard step >= 0, step < 0x1p53 else { return }
    history.steps.append(
      RunReport.Step(
        step: Int(step), loss: number("\"loss\":"), learningRate: number("\"lr\":"),
        imagesPerSecond: number("\"images_per_second\":"),
        gradientNorm: number("\"gradient_norm\":")))
    guard let phases = line.firstOffset(of: "\"seconds\":{") else { return }
    for phase in PhaseSeconds.Phase.allCases {
      let seconds = number(phase.key, from: phases)
      if seconds.isFinite { history.seconds[phase] += seconds }
    }
  }
}

extension PhaseSeconds.Phase {
  /// Its key in a line of metrics.
  fileprivate var key: StaticString {
    switch self {
    case .decode: "\"decode\":"
    case .forward: "\"forward\":"
    case .head: "\"head\":"
    case .backward: "\"backward\":"
    case .summation: "\"summation\":"
    case .wait: "\"wait\":"
    case .update: "\"update\":"
    }
  }
}
