internal import Collectives
internal import Datasets
internal import Determinism
private import Glibc
internal import Interchange
internal import Losses
internal import Sessions

/// The files of a run folder that grow while it runs: `metrics.jsonl` and `log.txt`.
///
/// Lines go to the file at once, so that a killed run leaves what it did.
package final class RunLog: LineSink {
  private let metrics: Int32
  private let log: Int32
  private let path: String
  /// What `metrics.jsonl` lacks of the steps that the run goes on behind, in a sentence; nil where
  /// all are there.
  package let complaint: String?
  private let keepsWhatFindsNoSpace: Bool
  /// Bytes of `metrics.jsonl` that found no space yet.
  private var pending: [UInt8] = []

  /// Opens the files in `folder`. On resume after `step` steps, later lines are dropped, and so are
  /// evaluations after `evaluatedStep`, so that each stands exactly once. A run that `isForked` has
  /// made its steps in another folder. With `keepsWhatFindsNoSpace`, metrics wait in memory while
  /// the disk is full. Throws `RunFolderError.unwritable`.
  package init(
    folder: String, resumedAfter step: Int, evaluatedAfter evaluatedStep: Int,
    isForked: Bool = false, keepsWhatFindsNoSpace: Bool = false
  ) throws {
    self.keepsWhatFindsNoSpace = keepsWhatFindsNoSpace
    let metricsPath = folder + "/metrics.jsonl"
    path = folder
    let (gaps, damaged) = try Self.truncate(
      metricsPath, after: step, evaluatedAfter: evaluatedStep)
    complaint = Self.complaint(
      metricsPath, isForked ? gaps.excusing(upTo: step) : gaps, damaged: damaged,
      of: RunFolder(path: folder))
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

  /// Writes a step; throws `RunFolderError.unwritable`, as on a full disk that it is not to wait
  /// for.
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
    } catch RunFolderError.unwritable(_, let code)
      where keepsWhatFindsNoSpace && FullDisk.isTold(by: code)
    {}
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

  /// Drops the lines of steps after `step`, and what is no whole line. Returns which steps up to
  /// that one lack, and how many lines before others were no whole ones: the last may have been cut
  /// off by a kill.
  private static func truncate(
    _ path: String, after step: Int, evaluatedAfter evaluatedStep: Int
  ) throws -> (gaps: StepGaps, damaged: Int) {
    var gaps = StepGaps()
    var (seen, broken, damaged) = (0, 0, 0)
    try TextLines.filter(path) { line, number, _ in
      // Lines may be asked for twice.
      let isNew = number == seen
      if isNew { seen += 1 }
      guard line.first == UInt8(ascii: "{"), line.last == UInt8(ascii: "}"),
        let place = line.firstOffset(of: "\"step\":"), isOne(line)
      else {
        if isNew { broken += 1 }
        return false
      }
      let value = line.number(at: place + 7)
      let isEvaluation = line.starts(with: "{\"evaluation\"")
      let isKept = value <= Double(isEvaluation ? min(step, evaluatedStep) : step)
      if isNew, isKept {
        damaged = broken
        if !isEvaluation, value >= 1 { gaps.add(Int(value)) }
      }
      return isKept
    }
    gaps.end(at: step)
    return (gaps, damaged)
  }

  private static func complaint(
    _ path: String, _ gaps: StepGaps, damaged: Int, of folder: RunFolder
  ) -> String? {
    // The log is read where there is something to excuse.
    let gaps = gaps.text == nil ? gaps : gaps.excusing(upTo: folder.stepOfFirstStart)
    let dropped =
      damaged == 0 ? nil : "\(damaged) damaged line\(damaged == 1 ? " was" : "s were") dropped"
    switch (gaps.text, dropped) {
    case (nil, nil): return nil
    case (let lacking?, let dropped):
      return "\(path) lacks \(lacking)" + (dropped.map { ", and \($0)" } ?? "")
        + "; report, tables and compare lack them too"
    case (nil, let dropped?):
      return "\(path): \(dropped); report and tables lack what was in it"
    }
  }

  /// Whether no second record has been written behind one that was cut off.
  private static func isOne(_ line: UnsafeRawBufferPointer) -> Bool {
    guard let first = line.firstOffset(of: "{\"step\":") else { return true }
    return line.firstOffset(of: "{\"step\":", from: first + 1) == nil
  }
}
