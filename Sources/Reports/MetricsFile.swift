private import Foundation
internal import Timing

/// Reads `metrics.jsonl` back, for reports.
package enum MetricsFile {
  /// The curves and evaluations of the file at `path`; empty if there is none.
  package static func read(_ path: String) -> RunHistory {
    var history = RunHistory()
    let phases = Dictionary(
      uniqueKeysWithValues: PhaseSeconds.Phase.allCases.map { ("\($0)", $0) })
    guard let bytes = FileManager.default.contents(atPath: path) else { return history }
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any] else {
        continue
      }
      func number(_ key: String) -> Double { (object[key] as? NSNumber)?.doubleValue ?? .nan }
      if let figures = object["evaluation"] as? [String: Any] {
        var values = figures.compactMapValues { ($0 as? NSNumber)?.doubleValue }
        let step = Int(values.removeValue(forKey: "step") ?? 0)
        history.evaluations.append(RunReport.EvaluationPoint(step: step, figures: values))
      } else if object["step"] != nil {
        history.steps.append(
          RunReport.Step(
            step: Int(number("step")), loss: number("loss"), learningRate: number("lr"),
            imagesPerSecond: number("images_per_second"), gradientNorm: number("gradient_norm")))
        for (key, value) in object["seconds"] as? [String: Any] ?? [:] {
          if let phase = phases[key] {
            history.seconds[phase] += (value as? NSNumber)?.doubleValue ?? 0
          }
        }
      }
    }
    return history
  }
}
