import CheckpointParts
import Checkpoints
import Configuration
import Datasets
import Foundation
import Losses
import Planning
import RunSupport
import TestSupport
import Testing
import Training

/// Runs whose people have several centres each (`--sub-centres`).
@Suite struct SubCentreRunTests {
  /// 300 people of three centres at width 512 are three blocks of 384 rows.
  private static func configuration(
    _ head: HeadPlacement, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.data = .synthetic(SyntheticData(people: 300, photos: 1, size: 16))
      $0.embedding = 512
      $0.subCentres = 3
      $0.head = head
      $0.length = .steps(8)
      $0.checkpointEvery = .steps(2)
      $0.resume = .auto
      change(&$0)
    }
  }

  private static func inFolder<Result>(_ body: (String) throws -> Result) rethrows -> Result {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }

  /// From three ranks to two, to one with a whole head, and divided again; stopped after a step or
  /// amid one.
  @Test(arguments: [1, 0.2]) func aRunGoesOnInAnyWorld(share: Double) throws {
    func configuration(_ head: HeadPlacement) -> RunConfiguration {
      Self.configuration(share < 1 ? .auto : head) { $0.sampleClasses = share }
    }
    let undisturbed = try SmallRun.train(configuration(.whole))[0]
    try Self.inFolder { folder in
      let turns: [(ranks: Int, head: HeadPlacement, last: Int, isAmidStep: Bool)] = [
        (3, .divided, 2, true), (2, .divided, 4, false), (1, .whole, 6, true),
        (2, .divided, 8, false),
      ]
      for turn in turns {
        let outcomes = try SmallRun.train(
          configuration(turn.head), ranks: turn.ranks, folder: folder,
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
      let checkpoint = try Checkpoint(path: SmallRun.checkpoints(in: folder).last!)
      #expect(try checkpoint.classWeights()?.count == 300 * 3 * 512)
      #expect(checkpoint.classCount == 300)
    }
  }

  /// Another number of centres is another run, refused by name, and its network a beginning.
  @Test func anotherNumberOfCentresIsRefusedByName() throws {
    try Self.inFolder { folder in
      _ = try SmallRun.train(Self.configuration(.whole) { $0.length = .steps(2) }, folder: folder)
      #expect {
        try SmallRun.train(Self.configuration(.whole) { $0.subCentres = 1 }, folder: folder)
      } throws: {
        "\($0)".contains("sub-centres was 3, is 1")
      }
      func run(_ start: HeadStart) throws -> [SmallRun.Outcome] {
        try SmallRun.train(
          Self.configuration(.whole) {
            $0.subCentres = 1
            $0.resume = .none
            $0.initialWeights = folder
            $0.headStart = start
            $0.length = .steps(1)
          })
      }
      for start in [HeadStart.drawn, .centres] {
        #expect(try run(start)[0].records.count == 1)
      }
      #expect { try run(.trained) } throws: {
        "\($0)".contains("has 3 centres of each person") && "\($0)".contains("--head-start centres")
      }
    }
  }

  @Test func centresMatter() throws {
    let losses = try [1, 2, 3].map { (count: Int) in
      try SmallRun.train(
        Self.configuration(.whole) {
          $0.subCentres = count
          $0.resume = .none
          $0.length = .steps(1)
        })[0].records[0].loss
    }
    #expect(Set(losses).count == 3)
  }
}
