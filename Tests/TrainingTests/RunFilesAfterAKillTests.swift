import Configuration
import Datasets
import Foundation
import RunFolders
import RunSupport
import Testing
import Timing
import Training

/// What a killed process owes beside its checkpoint: report, tables and the file for Prometheus.
@Suite struct RunFilesAfterAKillTests {
  private static let small = FlaggedRun.small.merging(["steps": "4"]) { $1 }

  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test func aMissingReportAndPrometheusFileAreMadeUpForWithoutAStep() throws {
    try FlaggedRun.withFolder { folder in
      let prom = folder + ".prom"
      defer { try? FileManager.default.removeItem(atPath: prom) }
      try FlaggedRun.train(Self.small.merging(["prometheus": prom]) { $1 }, in: folder)
      let written = try Self.text(prom)
      try FileManager.default.removeItem(atPath: folder + "/report.html")
      try FileManager.default.removeItem(atPath: prom)
      #expect(try FlaggedRun.train(["resume": "auto"], in: folder).steps.isEmpty)
      let receipt = try #require(FlaggedRun.log(folder).last { $0.hasPrefix("weights: ") })
      #expect(try Self.text(folder + "/report.html").contains(receipt.dropFirst(9)))
      // All but the moment is what the last step wrote.
      func figures(_ text: String) -> [Substring] {
        text.split(separator: "\n").filter { !$0.hasPrefix("ddp_train_last_step_time_seconds") }
      }
      #expect(try figures(Self.text(prom)) == figures(written))
      #expect(written.contains("} 4.0\n"))
    }
  }

  @Test func aReportOfBeforeTheEndIsReplacedAndOneOfTheEndIsKept() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      let page = folder + "/report.html"
      let whole = try Self.text(page) + "<!-- kept -->"
      try whole.write(toFile: page, atomically: true, encoding: .utf8)
      try FlaggedRun.train(["resume": "auto"], in: folder)
      #expect(try Self.text(page) == whole)
      try "an earlier page".write(toFile: page, atomically: true, encoding: .utf8)
      try FlaggedRun.train(["resume": "auto"], in: folder)
      #expect(try !Self.text(page).contains("an earlier page"))
    }
  }

  @Test func tablesThatAreFirstAskedForOnResumeHaveTheWholeRun() throws {
    let whole = try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small.merging(["csv": "true", "steps": "6"]) { $1 }, in: folder)
      return try Self.column("weights_hash", folder)
    }
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(
        Self.small.merging(["steps": "6"]) { $1 }, in: folder
      ) { hooks, _ in
        let stop = TestStop()
        hooks.stop = stop
        hooks.onStep = { if $1.step == 3 { stop.wantsEnd = true } }
      }
      try FlaggedRun.train(["resume": "auto", "csv": "true"], in: folder)
      #expect(try Self.column("step", folder) == (1...6).map(String.init))
      #expect(try Self.column("weights_hash", folder) == whole)
    }
  }

  private static func column(_ name: String, _ folder: String) throws -> [String] {
    let rows = try text(folder + "/metrics.csv").split(separator: "\n")
      .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    let place = try #require(rows[0].firstIndex(of: name))
    return rows.dropFirst().map { $0[place] }
  }

  private static func record(step: Int) -> StepRecord {
    var seconds = PhaseSeconds()
    seconds[.decode] = 0.1 / Double(step)
    return StepRecord(
      step: step, epoch: 1, samples: 21 * step, loss: 1 / Double(step + 2), learningRate: 1e-7,
      headLearningRate: 0.1, gradientNorm: step == 2 ? .nan : 1.5, imagesPerSecond: 1e22,
      accuracy: 0.5, targetCosine: -0.25, spread: 1, seconds: seconds, stepSeconds: 0.21,
      skippedSteps: 0, skippedSamples: 3, isSkipped: step == 2, microbatches: [6, 5],
      readAhead: ReadAhead(MemorySource([], names: [])).counts, gradientHash: 0xAB,
      weightsHash: UInt64(step))
  }

  /// The rows are those that were written with the steps, to the last digit.
  @Test(arguments: [[], [2, 3], [4], [1, 2, 3, 4]])
  func rowsThatLackBeforeTheCheckpointAreFilled(lost: [Int]) throws {
    let folder = RunFolder(path: SmallRun.temporaryFolder())
    try folder.create()
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    func open(_ step: Int) throws -> SideLogs {
      try SideLogs(
        SideLogs.Choice(hasTables: true), folder: folder, totalSteps: 10,
        resumedAfter: step, evaluatedAfter: step)
    }
    let log = try RunLog(folder: folder.path, resumedAfter: 0, evaluatedAfter: 0)
    let first = try open(0)
    for step in 1...4 {
      try log.write(Self.record(step: step))
      first.write(Self.record(step: step))
    }
    let sets = [
      ("a, \"b\"", [("accuracy", 0.5), ("TAR", Double.nan)]), ("c", [("accuracy", 1.0)]),
    ]
    try log.writeEvaluation(step: 2, figures: sets[0].1, sets: sets, seconds: 1)
    try log.writeEvaluation(step: 4, figures: [("accuracy", 0.25)], seconds: 1)
    first.finish()
    let path = folder.path + "/metrics.csv"
    let whole = try Self.text(path)
    let kept = whole.split(separator: "\n").filter { row in
      !lost.contains { row.hasPrefix("\($0),") }
    }
    try (kept.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
    try open(4).finish()
    #expect(try Self.text(path) == whole)
    #expect(
      try Self.text(folder.path + "/evaluations.csv")
        == "step,set,figure,value\n2,\"a, \"\"b\"\"\",accuracy,0.5\n2,\"a, \"\"b\"\"\",TAR,null\n"
        + "2,c,accuracy,1.0\n4,,accuracy,0.25\n")
  }
}
