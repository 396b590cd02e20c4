import CheckpointParts
import Checkpoints
import Collectives
import Configuration
import Datasets
import Foundation
import RunSupport
import Scoring
import Sessions
import TestSupport
import Testing
import Threads
import Training

/// What evaluation asks of the ranks, and what it leaves in checkpoints.
@Suite struct ScoringTests {
  @Test(arguments: [4, 16, 64, 1 << 20]) func valuesOfAllRanksInRoundsOfAnySize(
    roundBytes: Int
  ) throws {
    let counts = [7, 0, 12, 3]
    let results = try ThreadCommunicator.run(size: 4) { communicator -> [Float]? in
      let own = (0..<counts[communicator.rank]).map { Float(100 * communicator.rank + $0) }
      return try Embedder.collect(
        own, counts: counts, over: communicator, roundBytes: roundBytes)
    }
    let expected = counts.enumerated().flatMap { rank, count in
      (0..<count).map { Float(100 * rank + $0) }
    }
    #expect(results[0] == expected)
    #expect(results[1...].allSatisfy { $0 == nil })
  }

  /// The ranks agree four times in the patience of a rank, so that work which ends after eight
  /// agreements has lasted longer than that.
  @Test func longWorkOfTheFirstRankOutlivesTheDeadline() throws {
    let results = try ThreadCommunicator.run(size: 3) { own -> Int? in
      let (communicator, isLate) = (FaultyCommunicator(own), TestEvent())
      communicator.hasAgreed = (8, isLate)
      let pool = WorkerPool(count: 2)
      defer { pool.end() }
      communicator.progress.watch(limits: WatchLimits(silenceSeconds: nil, stallSeconds: 0.4))
      communicator.progress.enter(.compute)
      let result = try FirstRankWork.run(over: communicator, pool: pool) { () -> Int in
        isLate.wait() ? 41 : 0
      }
      // The ranks go on together.
      return try communicator.agreeOnMaximum(1) + (result ?? 0)
    }
    #expect(results == [42, 1, 1])
  }

  @Test func failedWorkOfTheFirstRankIsItsFailure() throws {
    struct Broken: Error {}
    let failure = #expect(throws: ThreadWorldError.self) {
      try ThreadCommunicator.run(size: 2) { communicator in
        let pool = WorkerPool(count: 1)
        defer { pool.end() }
        _ = try FirstRankWork.run(over: communicator, pool: pool) { throw Broken() }
      }
    }
    #expect(failure?.errors.first?.rank == 0)
    #expect(failure?.errors.first?.error is Broken)
  }

  /// 6 steps with an evaluation after 2, 4 and 6 and a checkpoint after 3 and 6.
  private static func configuration(steps: Int = 6) -> RunConfiguration {
    SmallRun.configuration {
      $0.length = .steps(steps)
      $0.split = .peopleRandom(fraction: 0.67)
      $0.evaluateEvery = .steps(2)
      $0.checkpointEvery = .steps(3)
      $0.schedule = .constant
      $0.keep = 9
      $0.resume = .auto
    }
  }

  private static func thresholds(in folder: String) throws -> [Int: Double] {
    let text = try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8)
    var thresholds: [Int: Double] = [:]
    for line in text.split(separator: "\n") {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      guard let figures = object?["evaluation"] as? [String: Any] else { continue }
      let step = (figures["step"] as? NSNumber)?.intValue ?? -1
      thresholds[step] = (figures["threshold"] as? NSNumber)?.doubleValue
    }
    return thresholds
  }

  @Test func checkpointsHoldTheThresholdOfTheLastEvaluation() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try SmallRun.train(Self.configuration(), ranks: 2, folder: folder)
    let measured = try Self.thresholds(in: folder)
    #expect(measured.keys.sorted() == [2, 4, 6])
    let paths = try SmallRun.checkpoints(in: folder)
    let checkpoints = try paths.map { try Checkpoint(path: $0) }
    #expect(checkpoints.map(\.progress.step) == [3, 6])
    // After step 3 the last evaluation is that after step 2; after step 6 it is its own.
    #expect(checkpoints.map(\.progress.threshold?.value) == [measured[2], measured[6]])
    #expect(checkpoints.map(\.progress.evaluatedStep) == [2, 6])
    let threshold = try #require(checkpoints[1].progress.threshold)
    #expect(threshold.cautiousValue < threshold.value && threshold.cautiousValue >= 0)
    #expect(
      checkpoints[1].progress.threshold?.rule.contains(
        "pairs of the photos held out of synthetic:") == true)
    #expect(checkpoints[1].progress.threshold?.rule.hasSuffix("after step 6") == true)
    #expect(try checkpoints[1].weightsHash() == outcome[0].weights)

    // Another world leaves the same bytes.
    let other = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: other) }
    _ = try SmallRun.train(Self.configuration(steps: 3), ranks: 1, folder: other)
    let resumed = try SmallRun.train(Self.configuration(), ranks: 3, folder: other)
    #expect(resumed[0].weights == outcome[0].weights)
    let last = try Checkpoint(path: SmallRun.checkpoints(in: other).last!)
    #expect(last.progress == checkpoints[1].progress)
  }

  @Test func aThresholdIsStoredWithoutTouchingTheRest() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(2)
        $0.checkpointEvery = .steps(1)
      }, folder: folder)
    let link = folder + "/checkpoints/best.safetensors"
    let path = try SmallRun.checkpoints(in: folder).last!
    try FileManager.default.createSymbolicLink(
      atPath: link, withDestinationPath: "step-000000002.safetensors")
    let before = try Checkpoint(path: path)
    #expect(before.progress.threshold == nil)
    let threshold = DecisionThreshold(
      value: 1.1 + 1e-12, cautiousValue: 0.7, flipTest: true, rule: "by\nhand")
    try Checkpoint(path: link).store(threshold)
    let after = try Checkpoint(path: path)
    #expect(after.progress.threshold == threshold)
    #expect(after.progress.threshold?.rule == "by hand")
    #expect(try after.weightsHash() == before.weightsHash())
    #expect(after.file.entries.map(\.summary) == before.file.entries.map(\.summary))
    #expect(after.configurationText == before.configurationText)
    var progress = after.progress
    progress.threshold = nil
    #expect(progress == before.progress)
    // The link is still one, and the run goes on from the file.
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: link)
        == "step-000000002.safetensors")
  }
}
