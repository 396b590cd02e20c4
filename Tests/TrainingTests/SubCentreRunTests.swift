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
  /// Blocks of 384 rows, of three centres of each of 128 people.
  private static func configuration(
    _ head: HeadPlacement, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.ofThreeBlocks {
      $0.subCentres = 3
      $0.head = head
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
      let turns: [(head: HeadPlacement, turn: SmallRun.Turn)] = [
        (.divided, .init(ranks: 3, until: 2, amidStep: true)),
        (.divided, .init(ranks: 2, until: 4)), (.whole, .init(ranks: 1, until: 6, amidStep: true)),
        (.divided, .init(ranks: 2, until: 8)),
      ]
      for (head, turn) in turns {
        let outcomes = try SmallRun.train(configuration(head), turn: turn, folder: folder)
        #expect(SmallRun.stand(outcomes, at: turn, as: undisturbed))
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
