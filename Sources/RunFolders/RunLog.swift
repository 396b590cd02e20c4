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
  /// What `metrics.jsonl` lacks of the steps that the run goes on behind, and what of it was
  /// dropped, in a sentence; nil where each is there once.
  package let complaint: String?
  private let keepsWhatFindsNoSpace: Bool
  /// What was lost of `log.txt` and nobody was told of; then nothing more is told.
  private var lost: String?
  private var hasTold = false
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
    var found = try Self.truncate(metricsPath, after: step, evaluatedAfter: evaluatedStep)
    if isForked { found.gaps = found.gaps.excusing(upTo: step) }
    complaint = Self.complaint(metricsPath, found, of: RunFolder(path: folder))
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

  /// Writes a line of the log; what people read may be lost, as where there is no space, and
  /// `takeProblem` tells of it.
  package func writeLine(_ line: String) {
    var written = 0
    do {
      try write(Array("\(Self.timeStamp()) \(line)\n".utf8), to: log, written: &written)
    } catch RunFolderError.unwritable(_, let code) {
      if !hasTold { lost = "\(path)/log.txt: lines of it are lost: \(SystemReason.text(code))" }
      hasTold = true
    } catch {}
  }

  /// What went wrong with `log.txt`, once.
  package func takeProblem() -> String? {
    defer { lost = nil }
    return lost
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

  /// What was found in `metrics.jsonl` up to a step.
  private struct Found {
    /// The steps that lack.
    var gaps = StepGaps()
    /// Lines before others that were no whole ones: the last may have been cut off by a kill.
    var damaged = 0
    /// Lines of a step, or of its evaluation, behind the first of it.
    var repeated = 0
  }

  /// Drops the lines of steps after `step`, what is no whole line, and those of a step that stands
  /// there already.
  private static func truncate(
    _ path: String, after step: Int, evaluatedAfter evaluatedStep: Int
  ) throws -> Found {
    var found = Found()
    var (seen, broken) = (0, 0)
    var (steps, evaluations): (Set<Int>, Set<Int>) = ([], [])
    var repeated: Set<Int> = []
    try TextLines.filter(path) { line, number, _ in
      let line = line.withoutWhiteSpaceBehind
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
      guard value <= Double(isEvaluation ? min(step, evaluatedStep) : step) else { return false }
      if isNew {
        found.damaged = broken
        if value >= 0 {
          let isFirst =
            isEvaluation
            ? evaluations.insert(Int(value)).inserted : steps.insert(Int(value)).inserted
          if !isFirst { repeated.insert(number) }
        }
      }
      return !repeated.contains(number)
    }
    for step in steps.sorted() where step >= 1 { found.gaps.add(step) }
    found.gaps.end(at: step)
    found.repeated = repeated.count
    return found
  }

  private static func complaint(
    _ path: String, _ found: Found, of folder: RunFolder
  ) -> String? {
    // The log is read where there is something to excuse.
    let gaps =
      found.gaps.text == nil ? found.gaps : found.gaps.excusing(upTo: folder.stepOfFirstStart)
    func dropped(_ count: Int, _ what: String) -> String? {
      count == 0 ? nil : "\(count) \(what) line\(count == 1 ? " was" : "s were") dropped"
    }
    let damaged = dropped(found.damaged, "damaged")
    let lack: String? =
      switch (gaps.text, damaged) {
      case (nil, nil): nil
      case (let lacking?, let dropped):
        "\(path) lacks \(lacking)" + (dropped.map { ", and \($0)" } ?? "")
          + "; report, tables and compare lack them too"
      case (nil, let dropped?):
        "\(path): \(dropped); report and tables lack what was in it"
      }
    guard let repeated = dropped(found.repeated, "repeated") else { return lack }
    let sentence = "\(repeated), the first of each step is kept"
    return lack.map { "\($0); \(sentence)" } ?? "\(path): \(sentence)"
  }

  /// Whether no second record has been written behind one that was cut off.
  private static func isOne(_ line: UnsafeRawBufferPointer) -> Bool {
    guard let first = line.firstOffset(of: "{\"step\":") else { return true }
    return line.firstOffset(of: "{\"step\":", from: first + 1) == nil
  }
}
