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
  /// 300 people at width 512 are three blocks of 128.
  private static func configuration(
    _ idleRows: IdleRows, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.data = .synthetic(SyntheticData(people: 300, photos: 1, size: 16))
      $0.embedding = 512
      $0.head = .auto
      $0.sampleClasses = 0.2
      $0.idleRows = idleRows
      $0.length = .steps(8)
      $0.checkpointEvery = .steps(2)
      $0.resume = .auto
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
    let turns: [(ranks: Int, threads: Int, last: Int, isAmidStep: Bool)] = [
      (3, 1, 2, true), (2, 2, 4, false), (1, 2, 6, true), (5, 1, 8, false),
    ]
    for turn in turns {
      let outcomes = try SmallRun.train(
        Self.configuration(idleRows), ranks: turn.ranks, threads: turn.threads, folder: folder,
        hook: { hooks, rank in
          guard rank == turn.ranks - 1, turn.last < 8 else { return }
          hooks.wantEnd(after: turn.last, amidStep: turn.isAmidStep)
        })
      #expect(
        outcomes.allSatisfy {
          $0.records.last?.step == turn.last
            && $0.records.last?.weightsHash == undisturbed.records[turn.last - 1].weightsHash
        })
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
