internal import Foundation
internal import Interchange

/// What one step left in `metrics.jsonl`, as far as two runs of the same mathematics must agree on
/// it.
struct StepTrace: Equatable {
  let step: Int
  let samples: Int
  /// As the file has them: the shortest text of a double names its bits.
  let loss: String
  let skippedSamples: Int
  let isSkipped: Bool
  let gradientHash: String
  let weightsHash: String
}

/// The steps of a run by their number, and what its log says of the machine.
struct RunTrace {
  let steps: [Int: StepTrace]
  /// The lines of the last start that begin with these words, without them.
  let program, processor: String?
  /// The weights that the run began with, by their receipt, or as an earlier version says it.
  let firstWeights: String?
  /// The starts of the run, each by the step that it went on from and its number of ranks.
  let starts: [String]

  /// Reads `metrics.jsonl` and `log.txt` of the run folder `path`; throws
  /// `InterchangeError.unreadable` where there are no metrics.
  init(folder path: String) throws {
    guard let bytes = FileManager.default.contents(atPath: path + "/metrics.jsonl") else {
      throw InterchangeError.unreadable(
        path: path, reason: "it is no run folder: it has no metrics.jsonl")
    }
    var steps: [Int: StepTrace] = [:]
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      guard let object = try? JSONSerialization.jsonObject(with: line) as? [String: Any],
        let step = object["step"] as? Int
      else { continue }
      steps[step] = StepTrace(
        step: step, samples: object["samples"] as? Int ?? 0,
        loss: (object["loss"] as? Double).map { "\($0)" } ?? "no number",
        skippedSamples: object["skipped_samples"] as? Int ?? 0,
        isSkipped: object["skipped"] as? Bool ?? false,
        gradientHash: object["gradient_hash"] as? String ?? "",
        weightsHash: object["weights_hash"] as? String ?? "")
    }
    self.steps = steps
    let log = FileManager.default.contents(atPath: path + "/log.txt") ?? Data()
    let lines = String(decoding: log, as: UTF8.self).split(separator: "\n")
    func last(_ word: String) -> String? {
      lines.last { $0.drop { $0 != " " }.hasPrefix(" " + word) }
        .map { String($0.drop { $0 != " " }.dropFirst(word.count + 1)) }
    }
    program = last("program: ")
    processor = last("processor: ")
    firstWeights = last("first weights: ").map { line in
      line.components(separatedBy: ", weights ").last ?? line
    }
    starts = Self.starts(lines)
  }

  private static func starts(_ lines: [Substring]) -> [String] {
    var starts: [(ranks: Int, step: String)] = []
    for line in lines {
      let text = line.drop { $0 != " " }.dropFirst()
      if text.hasPrefix("ranks: ") {
        let places = try? JSONSerialization.jsonObject(with: Data(text.dropFirst(7).utf8))
        starts.append(((places as? [Any])?.count ?? 1, "0"))
      } else if text.hasPrefix("resumed: step "), !starts.isEmpty {
        starts[starts.count - 1].step = String(text.dropFirst(14))
      }
    }
    return starts.map { "\($0.ranks) rank\($0.ranks == 1 ? "" : "s") from step \($0.step)" }
  }
}
