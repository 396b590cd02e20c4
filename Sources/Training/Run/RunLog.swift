package import Collectives
package import Datasets
private import Determinism
private import Foundation
private import Glibc
private import Losses

/// What one step leaves behind in `metrics.jsonl`.
package struct StepRecord: Sendable {
  package var step: Int
  package var epoch: Int
  package var samples: Int
  package var loss: Double
  package var learningRate: Double
  package var headLearningRate: Double
  package var gradientNorm: Double
  package var imagesPerSecond: Double
  package var accuracy: Double
  package var targetCosine: Double
  package var spread: Double
  package var seconds: PhaseSeconds
  package var stepSeconds: Double
  package var skippedSteps: Int
  package var skippedSamples: Int
  package var isSkipped: Bool
  package var microbatches: [Int]
  /// How the photos of this rank came to its workers, over all steps of the process.
  package var readAhead: ReadAheadCounts
  package var gradientHash: UInt64
  package var weightsHash: UInt64
  /// How this rank's sums went to the other ranks.
  package var reduction = ReductionTimes()
  /// What the steps of each rank were spent on, in the mean of a window that has just ended; else empty.
  package var ranks: [RankSeconds] = []
  /// What the triplets were; nil with other losses.
  package var triplets: TripletFigures?

  /// One JSON object in one line; numbers that are not finite are null.
  package var json: String {
    let phases = PhaseSeconds.Phase.allCases.map {
      "\"\($0)\":\(JSONNumber.text(seconds[$0]))"
    }
    return "{\"step\":\(step),\"epoch\":\(epoch),\"samples\":\(samples),"
      + "\"loss\":\(JSONNumber.text(loss)),\"lr\":\(JSONNumber.text(learningRate)),"
      + "\"lr_head\":\(JSONNumber.text(headLearningRate)),"
      + "\"gradient_norm\":\(JSONNumber.text(gradientNorm)),"
      + "\"images_per_second\":\(JSONNumber.text(imagesPerSecond)),"
      + "\"batch_accuracy\":\(JSONNumber.text(accuracy)),"
      + "\"target_cosine\":\(JSONNumber.text(targetCosine)),"
      + "\"spread\":\(JSONNumber.text(spread)),\(tripletsJSON)"
      + "\"step_seconds\":\(JSONNumber.text(stepSeconds)),"
      + "\"seconds\":{\(phases.joined(separator: ","))},"
      + "\"communication\":{\"window\":\(JSONNumber.text(reduction.windowSeconds)),"
      + "\"hidden\":\(JSONNumber.text(reduction.hiddenSeconds)),"
      + "\"exposed\":\(JSONNumber.text(reduction.exposedSeconds)),"
      + "\"peers\":\(JSONNumber.text(reduction.peerSeconds)),"
      + "\"extras\":\(JSONNumber.text(reduction.extraSeconds)),"
      + "\"sent_bytes\":\(reduction.sentBytes)},\(ranksJSON)"
      + "\"skipped_steps\":\(skippedSteps),\"skipped_samples\":\(skippedSamples),"
      + "\"skipped\":\(isSkipped),"
      + "\"microbatches\":[\(microbatches.map(String.init).joined(separator: ","))],"
      + "\"read_ahead\":{\"ready\":\(readAhead.ready),\"awaited\":\(readAhead.awaited),"
      + "\"missed\":\(readAhead.missed),"
      + "\"seconds\":\(JSONNumber.text(readAhead.readSeconds))},"
      + "\"gradient_hash\":\"\(Hash64.text(gradientHash))\","
      + "\"weights_hash\":\"\(Hash64.text(weightsHash))\"}"
  }
}

extension StepRecord {
  /// The member `ranks` with its comma, or nothing.
  private var ranksJSON: String {
    guard !ranks.isEmpty else { return "" }
    func list(_ value: (RankSeconds) -> Double) -> String {
      "[" + ranks.map { JSONNumber.text(value($0)) }.joined(separator: ",") + "]"
    }
    return "\"ranks\":{\"decode\":\(list { $0.decode }),\"compute\":\(list { $0.compute }),"
      + "\"peers\":\(list { $0.peers }),\"other\":\(list { $0.other })},"
  }

  /// The member `triplets` with its comma, or nothing.
  private var tripletsJSON: String {
    guard let triplets else { return "" }
    return "\"triplets\":{\"mining\":\"\(triplets.mode.rawValue)\","
      + "\"margin\":\(JSONNumber.text(triplets.margin)),"
      + "\"candidates\":\(triplets.candidates),\"active\":\(triplets.triplets),"
      + "\"dropped\":\(triplets.candidates - triplets.triplets),"
      + "\"active_share\":\(JSONNumber.text(triplets.activeShare)),"
      + "\"loss_sum\":\(JSONNumber.text(triplets.lossSum)),"
      + "\"positive_distance\":\(JSONNumber.text(triplets.positiveDistance)),"
      + "\"negative_distance\":\(JSONNumber.text(triplets.negativeDistance)),"
      + "\"active_microbatches\":\(triplets.activeMicrobatches),"
      + "\"mining_seconds\":\(JSONNumber.text(triplets.miningSeconds))},"
  }
}

/// Numbers as JSON has them.
package enum JSONNumber {
  /// The shortest text that reads back as `value`; `null` where JSON has none.
  package static func text(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }

  /// `text` as a JSON string.
  static func quoted(_ text: String) -> String {
    (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}

/// The files of a run folder that grow while it runs: `metrics.jsonl` and `log.txt`.
///
/// Lines go to the file at once, so that a killed run leaves what it did.
package final class RunLog {
  private let metrics: Int32
  private let log: Int32
  private let path: String
  private let keepsWhatFindsNoSpace: Bool
  /// Bytes of `metrics.jsonl` that found no space yet.
  private var pending: [UInt8] = []

  /// Opens the files in `folder`. On resume after `step` steps, later lines are dropped, and so are
  /// evaluations after `evaluatedStep`, so that each stands exactly once. With
  /// `keepsWhatFindsNoSpace`, metrics wait in memory while the disk is full. Throws
  /// `RunFolderError.unwritable`.
  package init(
    folder: String, resumedAfter step: Int, evaluatedAfter evaluatedStep: Int,
    keepsWhatFindsNoSpace: Bool = false
  ) throws {
    self.keepsWhatFindsNoSpace = keepsWhatFindsNoSpace
    let metricsPath = folder + "/metrics.jsonl"
    path = folder
    try Self.truncate(metricsPath, after: step, evaluatedAfter: evaluatedStep)
    metrics = open(metricsPath, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    guard metrics >= 0 else { throw RunFolderError.unwritable(path: metricsPath, code: errno) }
    let logPath = folder + "/log.txt"
    log = open(logPath, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    guard log >= 0 else { throw RunFolderError.unwritable(path: logPath, code: errno) }
  }

  deinit {
    close(metrics)
    close(log)
  }

  /// Writes a step; throws `RunFolderError.unwritable`, as on a full disk that it is not to wait for.
  package func write(_ record: StepRecord) throws { try appendMetrics(record.json) }

  /// Writes what waits for space; throws `RunFolderError.unwritable` where there still is none.
  package func writePending() throws {
    var written = 0
    defer { pending.removeFirst(written) }
    try write(pending, to: metrics, written: &written)
  }

  private func appendMetrics(_ line: String) throws {
    pending += Array((line + "\n").utf8)
    do {
      try writePending()
    } catch RunFolderError.unwritable(_, ENOSPC) where keepsWhatFindsNoSpace {
    } catch RunFolderError.unwritable(_, EDQUOT) where keepsWhatFindsNoSpace {}
  }

  /// Writes the figures of an evaluation after `step` steps, and those of every set by its name
  /// where `sets` has any; throws `RunFolderError.unwritable`.
  package func writeEvaluation(
    step: Int, figures: [(String, Double)], sets: [(String, [(String, Double)])] = [],
    seconds: Double
  ) throws {
    func members(_ figures: [(String, Double)]) -> String {
      figures.map { "\"\($0.0)\":\(JSONNumber.text($0.1))" }.joined(separator: ",")
    }
    let named = sets.map { "\(JSONNumber.quoted($0.0)):{\(members($0.1))}" }
    try appendMetrics(
      "{\"evaluation\":{\"step\":\(step),\"evaluation_seconds\":\(JSONNumber.text(seconds)),"
        + members(figures)
        + (sets.isEmpty ? "" : ",\"sets\":{\(named.joined(separator: ","))}") + "}}")
  }

  /// Writes a line of the log; what people read may be lost where there is no space.
  package func writeLine(_ line: String) {
    var written = 0
    try? write(Array("\(Self.timeStamp()) \(line)\n".utf8), to: log, written: &written)
  }

  private func write(_ bytes: [UInt8], to file: Int32, written: inout Int) throws {
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress! + written, bytes.count - written)
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw RunFolderError.unwritable(path: path, code: errno) }
      written += count
    }
  }

  private static func timeStamp() -> String {
    var now = time(nil)
    var parts = tm()
    localtime_r(&now, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
    return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Drops the lines of steps after `step`, and a last line that was cut off.
  private static func truncate(
    _ path: String, after step: Int, evaluatedAfter evaluatedStep: Int
  ) throws {
    guard let bytes = FileManager.default.contents(atPath: path) else { return }
    let text = String(decoding: bytes, as: UTF8.self)
    let kept = text.split(separator: "\n").filter { line in
      guard line.hasPrefix("{"), line.hasSuffix("}"), let number = MetricsFile.step(of: line),
        line.components(separatedBy: "{\"step\":").count <= 2
      else { return false }
      return number <= (line.hasPrefix("{\"evaluation\"") ? min(step, evaluatedStep) : step)
    }
    let rest = kept.map { $0 + "\n" }.joined()
    do {
      try Data(rest.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw RunFolderError.unwritable(path: path, code: errno)
    }
  }
}

/// What cannot be done with a run folder.
package enum RunFolderError: Error, CustomStringConvertible {
  case unwritable(path: String, code: Int32)
  case taken(path: String)
  /// The folder was this job's and is another's now.
  case lost(path: String, owner: String)
  /// The folder belongs to a later start of this very job.
  case superseded(path: String, owner: String)

  package var description: String {
    switch self {
    case .unwritable(let path, let code):
      "cannot write \(path): \(String(cString: strerror(code))); check --out, permissions and space"
    case .lost(let path, let owner):
      "\(path) belongs to \(owner) by now, which goes on from its last checkpoint; this job was cut "
        + "off from it, ends and writes nothing more"
    case .superseded(let path, let owner):
      "\(path) belongs to \(owner), a later start of this job, which goes on; this one ends"
    case .taken(let path):
      "another job is writing to \(path); wait for it or end it, or give another --out"
    }
  }
}

/// What a report plots of a run so far.
package struct RunHistory: Sendable {
  package var steps: [RunReport.Step] = []
  package var evaluations: [RunReport.EvaluationPoint] = []
  /// Seconds by phase, over all steps.
  package var seconds = PhaseSeconds()
}

/// Reads `metrics.jsonl` back, for reports.
package enum MetricsFile {
  /// The step that a line belongs to.
  static func step(of line: some StringProtocol) -> Int? {
    guard let at = line.range(of: "\"step\":") else { return nil }
    return Int(line[at.upperBound...].prefix { $0.isNumber })
  }

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
