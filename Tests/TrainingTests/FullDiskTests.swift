import Collectives
import Datasets
import Foundation
import Glibc
import Interchange
import RunFolders
import RunSupport
import Testing
import Threads
import Timing
import Training

/// Files that find no space: in a process of their own, whose files may not grow beyond a limit.
/// What the system says then ("File too large") is another word than a full disk's, in the same
/// place; scripts/test-runs has a disk that is full.
@Suite struct FullDiskTests {
  /// Lets no file of this process grow beyond `bytes`, and makes the attempt an error, as on a full
  /// disk, and not a signal.
  private static func limitFiles(to bytes: Int) {
    signal(SIGXFSZ, SIG_IGN)
    var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: .max)
    #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
  }

  private static func record(step: Int) -> StepRecord {
    StepRecord(
      step: step, epoch: 1, samples: 21 * step, loss: 2.5, learningRate: 0.1,
      headLearningRate: 0.1, gradientNorm: 1, imagesPerSecond: 100, accuracy: 0.5,
      targetCosine: 0.25, spread: 1, seconds: PhaseSeconds(), stepSeconds: 0.21, skippedSteps: 0,
      skippedSamples: 0, isSkipped: false, microbatches: [6],
      readAhead: ReadAhead(MemorySource([], names: [])).counts,
      gradientHash: 0xAB, weightsHash: UInt64(step))
  }

  private static func tables(in folder: RunFolder, resumedAfter step: Int = 0) throws -> SideLogs {
    try SideLogs(
      SideLogs.Choice(hasTables: true, prometheus: folder.path + "/run.prom"), folder: folder,
      totalSteps: 100, resumedAfter: step, evaluatedAfter: step)
  }

  private static func rows(of folder: RunFolder) throws -> [Substring] {
    try String(contentsOfFile: folder.path + "/metrics.csv", encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false)
  }

  /// The table is given up with one line that says why, the row that was cut off in its middle is
  /// gone after the next start, and the logs beside it go on.
  @Test func aTableWithoutSpaceIsGivenUpAlone() async {
    await #expect(processExitsWith: .success) {
      let folder = RunFolder(path: SmallRun.temporaryFolder())
      try folder.create()
      defer { try? FileManager.default.removeItem(atPath: folder.path) }
      let logs = try FullDiskTests.tables(in: folder)
      // Longer than the files beside it.
      for step in 1...60 { logs.write(FullDiskTests.record(step: step)) }
      logs.finish()
      let before = try FullDiskTests.rows(of: folder)
      let (count, row) = (before.joined(separator: "\n").utf8.count, before[60].utf8.count + 1)
      // Room for three rows and a part of the fourth.
      FullDiskTests.limitFiles(to: count + 3 * row + row / 2)
      for step in 61...69 { logs.write(FullDiskTests.record(step: step)) }
      logs.finish()
      let problem = logs.takeProblem() ?? "none"
      // Only the comment comes out of the process.
      #expect(
        problem.contains("cannot write \(folder.path)/metrics.csv: File too large")
          && problem.hasSuffix("this log ends here") && !problem.contains("\n"), "\(problem)")
      #expect(logs.takeProblem() == nil, "another problem")
      let prometheus = try String(contentsOfFile: folder.path + "/run.prom", encoding: .utf8)
      #expect(prometheus.contains("} 69\n") || prometheus.contains("} 69.0\n"), "\(prometheus)")
      let cut = try FullDiskTests.rows(of: folder)
      #expect(cut.count == 65 && (1..<row).contains(cut[64].utf8.count + 1), "\(cut.suffix(2))")
      // The next start cuts it off, and goes on behind the last whole row.
      FullDiskTests.limitFiles(to: 1 << 30)
      let next = try FullDiskTests.tables(in: folder, resumedAfter: 63)
      next.write(FullDiskTests.record(step: 64))
      next.finish()
      #expect(next.takeProblem() == nil, "a problem after the next start")
      let whole = try FullDiskTests.rows(of: folder)
      let firstColumn: [String] = whole.dropFirst().map { String($0.prefix { $0 != "," }) }
      let steps: [String] = (1...64).map(String.init)
      #expect(firstColumn == steps + [""])
      #expect(whole[64].utf8.count + 1 == row, "\(whole[64])")
    }
  }

  /// What was at the place of a timeline stays as it was, without a trace of the attempt.
  @Test func aTimelineWithoutSpaceIsAnErrorOfOneLine() async {
    await #expect(processExitsWith: .success) {
      let folder = SmallRun.temporaryFolder()
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(atPath: folder) }
      let path = folder + "/timeline.json"
      try "the timeline before".write(toFile: path, atomically: true, encoding: .utf8)
      let timeline = Timeline(threads: 1)
      func record() {
        for number in 0..<1000 {
          timeline.record("step", from: Clock.seconds, lane: number % 2, number: number)
        }
      }
      record()
      FullDiskTests.limitFiles(to: 10_000)
      let failure = #expect(throws: InterchangeError.self) {
        try timeline.write(to: path, continuing: false, over: SoloCommunicator())
      }
      let sentence = failure?.description ?? ""
      #expect(sentence.contains(path) && sentence.contains("no space left"), "\(sentence)")
      #expect(!sentence.contains("\n"))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["timeline.json"])
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "the timeline before")
      FullDiskTests.limitFiles(to: 1 << 30)
      record()
      try timeline.write(to: path, continuing: false, over: SoloCommunicator())
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.components(separatedBy: "\"name\":\"step\"").count == 1001)
    }
  }
}
