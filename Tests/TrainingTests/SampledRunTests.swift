import CheckpointParts
import Checkpoints
import Configuration
import Datasets
import Foundation
import Losses
import RunSupport
import TestSupport
import Testing
import Training

/// Runs in whose steps some of the classes take part.
@Suite struct SampledRunTests {
  private static func configuration(
    _ idleRows: IdleRows, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.ofThreeBlocks {
      $0.head = .auto
      $0.sampleClasses = 0.2
      $0.idleRows = idleRows
      change(&$0)
    }
  }

  /// From three ranks to two and to one, stopped after a step or amid one.
  @Test(arguments: IdleRows.allCases) func aRunGoesOnInAnyWorld(
    idleRows: IdleRows
  ) throws {
    let undisturbed = try SmallRun.train(Self.configuration(idleRows))[0]
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let turns = [
      SmallRun.Turn(ranks: 3, until: 2, amidStep: true),
      SmallRun.Turn(ranks: 2, threads: 2, until: 4),
      SmallRun.Turn(ranks: 1, threads: 2, until: 6, amidStep: true),
      SmallRun.Turn(ranks: 5, until: 8),
    ]
    for turn in turns {
      let outcomes = try SmallRun.train(
        Self.configuration(idleRows), turn: turn, folder: folder)
      #expect(SmallRun.stand(outcomes, at: turn, as: undisturbed))
      if turn.last == 8 { #expect(outcomes[0].weights == undisturbed.weights) }
    }
  }

  /// The choice is the seed's, and another share is another run.
  @Test func seedAndShareMatter() throws {
    let one = try SmallRun.train(Self.configuration(.keep) { $0.length = .steps(2) })[0]
    let other = try SmallRun.train(
      Self.configuration(.keep) {
        $0.length = .steps(2)
        $0.sampleClasses = 0.3
      })[0]
    let all = try SmallRun.train(
      Self.configuration(.keep) {
        $0.length = .steps(2)
        $0.sampleClasses = 1
      })[0]
    #expect(Set([one.weights, other.weights, all.weights]).count == 3)
    #expect(one.records[0].loss < other.records[0].loss)
    #expect(other.records[0].loss < all.records[0].loss)
  }

  /// A whole head never sees the people of a batch together.
  @Test func aWholeHeadIsRefused() {
    #expect {
      try RunConfiguration.resolve(flags: [.flag("sample-classes", "0.1")])
    } throws: {
      "\($0)".contains("give head divided")
    }
  }
}
