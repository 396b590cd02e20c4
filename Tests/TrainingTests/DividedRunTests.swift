import CheckpointParts
import Checkpoints
import Configuration
import Datasets
import Determinism
import Foundation
import Interchange
import RunSupport
import TestSupport
import Testing
import Training

/// Runs with a head that is divided over the ranks: what a step's tests cannot see, from the data
/// to the checkpoint.
@Suite struct DividedRunTests {
  private static func configuration(
    _ head: HeadPlacement, _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.ofThreeBlocks {
      $0.head = head
      $0.length = .steps(6)
      change(&$0)
    }
  }

  private static let undisturbed = try! SmallRun.train(configuration(.whole))[0]

  private static func files(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints")) ?? []).sorted()
  }

  @Test func weightsAndMetricsAreThoseOfTheWholeHead() throws {
    for (ranks, threads, passes) in [(1, 2, 2), (2, 1, 1), (5, 1, 2)] {
      let outcomes = try SmallRun.train(
        Self.configuration(.divided) { $0.passes = passes }, ranks: ranks, threads: threads)
      for outcome in outcomes {
        #expect(outcome.weights == Self.undisturbed.weights)
        for (own, whole) in zip(outcome.records, Self.undisturbed.records) {
          #expect(own.weightsHash == whole.weightsHash && own.gradientHash == whole.gradientHash)
          #expect(own.loss == whole.loss && own.accuracy == whole.accuracy)
          #expect(own.gradientNorm == whole.gradientNorm && own.spread == whole.spread)
        }
      }
    }
  }

  /// From three ranks to two, to one with a whole head, and divided again.
  @Test(arguments: [OptimizerName.sgd, .adamw]) func aRunGoesOnInAnyWorldWholeOrDivided(
    optimizer: OptimizerName
  ) throws {
    func configuration(_ head: HeadPlacement) -> RunConfiguration {
      Self.configuration(head) {
        $0.optimizer = optimizer
        $0.momentum = optimizer.traits.momentum ?? 0
        $0.learningRate = 0.01
        $0.length = .steps(8)
      }
    }
    let whole = try SmallRun.train(configuration(.whole))[0]
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let turns: [(head: HeadPlacement, turn: SmallRun.Turn)] = [
      (.divided, .init(ranks: 3, until: 2, amidStep: true)), (.divided, .init(ranks: 2, until: 4)),
      (.whole, .init(ranks: 1, until: 6, amidStep: true)),
      (.auto, .init(ranks: 2, until: 7, amidStep: true)), (.divided, .init(ranks: 1, until: 8)),
    ]
    for (head, turn) in turns {
      let outcomes = try SmallRun.train(configuration(head), turn: turn, folder: folder)
      #expect(SmallRun.stand(outcomes, at: turn, as: whole))
      let checkpoint = try Checkpoint(path: SmallRun.checkpoints(in: folder).last!)
      // What `auto` takes is for the model of a step to say.
      if head != .auto { #expect(checkpoint.head.isDivided == (head == .divided)) }
      if turn.last == 8 {
        #expect(outcomes[0].weights == whole.weights)
        #expect(try checkpoint.weightsHash() == whole.weights)
      }
    }
  }

  /// Every rank writes its rows; what is no longer kept goes with its parts.
  @Test func partsStandBesideTheirCheckpoint() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(Self.configuration(.divided) { $0.keep = 1 }, ranks: 2, folder: folder)
    #expect(
      Self.files(in: folder) == [
        "step-000000006.head-1-of-2.safetensors", "step-000000006.head-2-of-2.safetensors",
        "step-000000006.safetensors",
      ])
    let checkpoint = try Checkpoint(path: SmallRun.checkpoints(in: folder).last!)
    #expect(checkpoint.file.entry(named: "head.weight") == nil)
    #expect(try checkpoint.classWeights()?.count == 300 * 512)
  }

  /// A part that is torn, gone or of another checkpoint makes the one before the last that is good.
  @Test(arguments: ["torn", "gone", "other"]) func aBadPartIsRefused(damage: String) throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(Self.configuration(.divided), ranks: 2, folder: folder)
    let path = folder + "/checkpoints/step-000000006.head-2-of-2.safetensors"
    let other = folder + "/checkpoints/step-000000004.head-2-of-2.safetensors"
    switch damage {
    case "torn":
      var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      bytes[bytes.count - 9] ^= 4
      try Data(bytes).write(to: URL(fileURLWithPath: path))
    case "gone": try FileManager.default.removeItem(atPath: path)
    default:
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.copyItem(atPath: other, toPath: path)
    }
    #expect(throws: (any Error).self) {
      try Checkpoint(path: folder + "/checkpoints/step-000000006.safetensors")
    }
    let (good, refused) = CheckpointStore.newestGood(in: folder + "/checkpoints")
    #expect(good?.progress.step == 4 && refused.count == 1)
    let outcomes = try SmallRun.train(Self.configuration(.divided), ranks: 3, folder: folder)
    #expect(outcomes[0].weights == Self.undisturbed.weights && outcomes[0].records.count == 2)
  }

  /// What is too many to be kept is drawn as it is read: the same photos.
  @Test func facesDrawnAsTheyAreReadAreTheSame() throws {
    let faces = SyntheticFaces(people: 60_000, photosPerPerson: 2, size: 32, seed: 4)
    #expect(faces.count > DrawnPhotos.keptCount)
    let source = DrawnPhotos(faces)
    #expect(source.count == 120_000)
    let buffer = ByteBuffer()
    for photo in [0, 1, 77_777, 119_999] {
      try source.read(photo, into: buffer)
      #expect(Array(buffer.bytes) == faces.jpeg(person: photo / 2, photo: photo % 2))
      #expect(source.name(of: photo) == faces.path(person: photo / 2, photo: photo % 2))
    }
  }
}
