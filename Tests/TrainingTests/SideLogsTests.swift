import Configuration
import Datasets
import Determinism
import Foundation
import RunFolders
import RunSupport
import Testing
import Timing

/// The logs beside `metrics.jsonl`.
@Suite final class SideLogsTests {
  private let folder: RunFolder

  init() throws {
    folder = RunFolder(path: SmallRun.temporaryFolder())
    try folder.create()
  }

  deinit { try? FileManager.default.removeItem(atPath: folder.path) }

  private static func record(step: Int) -> StepRecord {
    StepRecord(
      step: step, epoch: 1, samples: 21 * step, loss: 2.5, learningRate: 0.1,
      headLearningRate: 0.1, gradientNorm: .nan, imagesPerSecond: 100, accuracy: 0.5,
      targetCosine: 0.25, spread: 1, seconds: PhaseSeconds(), stepSeconds: 0.21, skippedSteps: 0,
      skippedSamples: 0, isSkipped: false, microbatches: [6],
      readAhead: ReadAhead(MemorySource([], names: [])).counts,
      gradientHash: 0xAB, weightsHash: UInt64(step))
  }

  private func open(
    resumedAfter step: Int = 0, _ change: (inout SideLogs.Choice) -> Void
  ) throws -> SideLogs {
    var choice = SideLogs.Choice()
    change(&choice)
    return try SideLogs(
      choice, folder: folder, totalSteps: 10,
      resumedAfter: step, evaluatedAfter: step)
  }

  private func rows() throws -> [[Substring]] {
    try String(contentsOfFile: folder.path + "/metrics.csv", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
  }

  /// One log that cannot be written is given up and named once; the others go on.
  @Test func aLogThatFailsEndsAlone() throws {
    let logs = try open {
      $0.hasTables = true
      $0.prometheus = folder.path + "/no-such-folder/run.prom"
    }
    logs.write(Self.record(step: 1))
    logs.finish()
    let problem = try #require(logs.takeProblem())
    #expect(problem.contains("no-such-folder/run.prom") && problem.hasSuffix("this log ends here"))
    logs.write(Self.record(step: 2))
    logs.finish()
    #expect(logs.takeProblem() == nil)
    #expect(try rows().dropFirst().map { $0[0] } == ["1", "2"])
  }

  @Test func rowsHoldTheReceiptsAndGoOnAfterAResume() throws {
    let first = try open { $0.hasTables = true }
    for step in 1...4 { first.write(Self.record(step: step)) }
    first.finish()
    let second = try open(resumedAfter: 2) { $0.hasTables = true }
    second.write(Self.record(step: 3))
    second.finish()
    let rows = try rows()
    #expect(rows.dropFirst().map { $0[0] } == ["1", "2", "3"])
    let column = try #require(rows[0].firstIndex(of: "gradient_hash"))
    #expect(rows.dropFirst().allSatisfy { $0[column] == "00000000000000ab" })
    // A figure that is no number is an empty cell.
    let norm = try #require(rows[0].firstIndex(of: "gradient_norm"))
    #expect(rows.dropFirst().allSatisfy { $0[norm].isEmpty })
  }

  /// Curves that are asked for at a resume begin with the run.
  @Test func curvesThatAreAskedForLateAreMadeOfTheMetrics() throws {
    let lines = (1...5).map { Self.record(step: $0).json }
    let evaluation = #"{"evaluation":{"step":3,"accuracy":0.75,"evaluation_seconds":1}}"#
    try (lines[..<3] + [evaluation] + lines[3...]).map { $0 + "\n" }.joined()
      .write(toFile: folder.metrics, atomically: true, encoding: .utf8)
    let first = try open(resumedAfter: 4) { $0.hasEvents = true }
    first.write(Self.record(step: 5))
    first.finish()
    func tags() throws -> [String: Int] {
      let names = try FileManager.default.contentsOfDirectory(
        atPath: folder.path + "/tensorboard")
      var counts: [String: Int] = [:]
      for name in names {
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/tensorboard/" + name))
        for tag in ["train/loss", "train/spread", "evaluation/accuracy"] {
          var place = bytes.startIndex
          while let found = bytes[place...].firstRange(of: Data(tag.utf8)) {
            counts[tag, default: 0] += 1
            place = found.upperBound
          }
        }
      }
      return counts
    }
    let expected = ["train/loss": 5, "train/spread": 5, "evaluation/accuracy": 1]
    #expect(try tags() == expected)
    // The second file of events takes nothing over again.
    let second = try open(resumedAfter: 5) { $0.hasEvents = true }
    second.finish()
    #expect(try tags() == expected)
  }

  @Test func nothingIsWrittenThatNobodyAskedFor() throws {
    let logs = try open { _ in }
    logs.write(Self.record(step: 1))
    logs.finish()
    #expect(logs.takeProblem() == nil && !logs.hasEvents)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["checkpoints"])
  }
}
