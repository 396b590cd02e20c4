import Checkpoints
import Configuration
import Foundation
import RunSupport
import TestSupport
import Testing
import Training

/// Runs whose loss keeps numbers from step to step or draws some in each, from the options to the
/// checkpoint.
@Suite struct AdaptiveLossRunTests {
  private static func configuration(_ loss: LossName, steps: Int) -> RunConfiguration {
    SmallRun.configuration {
      $0.loss = loss
      $0.margin = loss.traits.margin
      if loss == .adaface || loss == .curricularface { $0.statisticsRate = 0.3 }
      $0.schedule = .constant
      $0.length = .steps(steps)
      $0.checkpointEvery = .steps(2)
      $0.resume = .auto
    }
  }

  /// Stopped after 3 steps and gone on with in another world: weights and state of a run that was
  /// not stopped.
  @Test(arguments: [LossName.adaface, .curricularface, .uniface, .elasticArcFace])
  func goingOnIsAsIfNeverStopped(loss: LossName) throws {
    let (whole, parts) = (SmallRun.temporaryFolder(), SmallRun.temporaryFolder())
    defer {
      for folder in [whole, parts] { try? FileManager.default.removeItem(atPath: folder) }
    }
    func state(in folder: String) throws -> [String: String] {
      try Checkpoint(path: SmallRun.checkpoints(in: folder).last!).file.metadata.filter {
        $0.key.hasPrefix("loss.")
      }
    }
    let undisturbed = try SmallRun.train(Self.configuration(loss, steps: 6), folder: whole)[0]
    _ = try SmallRun.train(Self.configuration(loss, steps: 3), ranks: 2, folder: parts)
    let before = try state(in: parts)
    let last = try SmallRun.train(Self.configuration(loss, steps: 6), ranks: 3, folder: parts)[0]
    #expect(last.records.map(\.step) == [4, 5, 6])
    #expect(last.weights == undisturbed.weights)
    #expect(try state(in: parts) == state(in: whole))
    #expect(before.isEmpty == loss.isElastic)
    if !loss.isElastic { #expect(before != (try state(in: whole))) }
  }
}
