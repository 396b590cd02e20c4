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
      let line = line.withoutWhiteSpaceBehind
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
    // In the order in which they are written, so that a line is gone through once.
    var place = 0
    func number(_ key: StaticString) -> Double {
      guard let found = line.firstOffset(of: key, from: place) else { return .nan }
      place = found + key.utf8CodeUnitCount
      return line.number(at: place)
    }
    let step = number("\"step\":")
    guard step >= 0, step < 0x1p53 else { return }
    let (loss, rate) = (number("\"loss\":"), number("\"lr\":"))
    let (norm, speed) = (number("\"gradient_norm\":"), number("\"images_per_second\":"))
    let key: StaticString = "\"seconds\":{"
    let phases = line.firstOffset(of: key, from: place)
    let rare = UnsafeRawBufferPointer(rebasing: line[place..<(phases ?? line.count)])
    history.steps.append(
      RunReport.Step(
        step: Int(step), loss: loss, learningRate: rate, imagesPerSecond: speed,
        gradientNorm: norm, teacherCosine: rare.number(behind: "\"teacher_cosine\":") ?? .nan,
        triplets: triplets(in: rare)))
    guard let phases else { return }
    place = phases + key.utf8CodeUnitCount
    for phase in PhaseSeconds.Phase.allCases {
      let seconds = number(phase.key)
      if seconds.isFinite { history.seconds[phase] += seconds }
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The number behind the first `key` in a part of a line of metrics, NaN for one that is not
  /// finite; nil where the key is not there.
  fileprivate func number(behind key: StaticString) -> Double? {
    firstOffset(of: key, from: 0).map { number(at: $0 + key.utf8CodeUnitCount) }
  }
}

/// The figures of triplets in a part of a line of metrics; nil with other losses.
private func triplets(in part: UnsafeRawBufferPointer) -> RunReport.Step.Triplets? {
  guard let share = part.number(behind: "\"active_share\":"),
    let positive = part.number(behind: "\"positive_distance\":"),
    let negative = part.number(behind: "\"negative_distance\":")
  else { return nil }
  return RunReport.Step.Triplets(
    activeShare: share, positiveDistance: positive, negativeDistance: negative)
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
