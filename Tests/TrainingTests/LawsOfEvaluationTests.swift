import Configuration
import Datasets
import Foundation
import RunSupport
import Testing
import Training

/// Laws 3 and 4 of docs/design.md with everything on: evaluation, best checkpoints, and optimizers
/// whose state is more than one vector.
@Suite struct LawsOfEvaluation {
  private static func configuration(
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.length = .steps(9)
      $0.split = .peopleRandom(fraction: 0.67)
      $0.evaluateEvery = .steps(2)
      $0.keepBest = true
      $0.checkpointEvery = .steps(3)
      $0.marginWarmupEpochs = 2
      $0.flipTest = true
      $0.resume = .auto
      change(&$0)
    }
  }

  /// The evaluations in `metrics.jsonl` without their durations.
  private static func evaluations(in folder: String) throws -> [[String: Double]] {
    let text = try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").compactMap { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      guard let figures = object?["evaluation"] as? [String: Any] else { return nil }
      var values = figures.compactMapValues { ($0 as? NSNumber)?.doubleValue }
      values.removeValue(forKey: "evaluation_seconds")
      return values
    }
  }

  private static func inFolder<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  @Test func evaluationsAreTheSameInAnyWorldAndLeaveTheWeightsAlone() throws {
    let alone = try Self.inFolder { folder in
      let outcome = try SmallRun.train(Self.configuration(), folder: folder)
      return (outcome[0].weights, try Self.evaluations(in: folder))
    }
    #expect(alone.1.map { $0["step"] } == [2, 4, 6, 8, 9])
    #expect(alone.1.allSatisfy { $0["accuracy"] != nil && $0["rank-1"] != nil })
    try Self.inFolder { folder in
      let outcome = try SmallRun.train(
        Self.configuration(), ranks: 3, threads: 2, folder: folder)
      #expect(Set(outcome.map(\.weights)) == [alone.0])
      #expect(try Self.evaluations(in: folder) == alone.1)
      let best = folder + "/checkpoints/best.safetensors"
      #expect(FileManager.default.fileExists(atPath: best))
    }
    let unmeasured = try SmallRun.train(Self.configuration { $0.evaluateEvery = .never })
    #expect(unmeasured[0].weights == alone.0)
  }

  @Test(arguments: [OptimizerName.adamw, .lars, .adagrad])
  func everyOptimizerGoesOnAsIfItHadNeverStopped(optimizer: OptimizerName) throws {
    func configuration(_ steps: Int) -> RunConfiguration {
      Self.configuration {
        $0.optimizer = optimizer
        $0.momentum = optimizer.traits.momentum ?? 0
        $0.learningRate = 0.003
        if optimizer == .adagrad { $0.initialAccumulator = 0.01 }
        $0.schedule = .constant
        $0.length = .steps(steps)
      }
    }
    let (whole, figures) = try Self.inFolder { folder in
      (
        try SmallRun.train(configuration(9), folder: folder)[0].weights,
        try Self.evaluations(in: folder)
      )
    }
    try Self.inFolder { folder in
      _ = try SmallRun.train(configuration(4), ranks: 2, folder: folder)
      let resumed = try SmallRun.train(configuration(9), threads: 2, folder: folder)
      #expect(resumed[0].weights == whole)
      #expect(try Self.evaluations(in: folder) == figures)
    }
  }
}
