import CheckpointParts
import Checkpoints
import Collectives
import Comparison
import Configuration
import Datasets
import Foundation
import Interchange
import Interop
import Measuring
import RunSupport
import TestSupport
import Testing
import Training

/// Checkpoints with a divided head as files: compared, and copied without the parts of the head.
@Suite struct DividedFilesTests {
  /// 300 people at width 512 are three blocks of 128.
  private static func train(
    _ head: HeadPlacement, ranks: Int, in folder: String,
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) throws -> String {
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.data = .synthetic(SyntheticData(people: 300, photos: 1, size: 16))
        $0.embedding = 512
        $0.head = head
        $0.length = .steps(2)
        $0.checkpointEvery = .steps(1)
        $0.keep = 9
        change(&$0)
      }, ranks: ranks, folder: folder, speaks: true)
    return folder + "/checkpoints/step-000000002.safetensors"
  }

  private static func withFolder(_ body: (String) throws -> Void) throws {
    let folder = SmallRun.temporaryFolder()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private static func compare(
    _ first: String, _ second: String
  ) throws -> (text: String, isAlike: Bool) {
    let (lines, isAlike) = try CompareRequest(first: first, second: second).run()
    return (lines.joined(separator: "\n"), isAlike)
  }

  @Test func aHeadInPartsIsComparedAsTheWholeOne() throws {
    try Self.withFolder { folder in
      let whole = try Self.train(.whole, ranks: 1, in: folder + "/whole")
      let three = try Self.train(.divided, ranks: 3, in: folder + "/three")
      let two = try Self.train(.divided, ranks: 2, in: folder + "/two")
      let own = try Self.compare(whole, whole).text
      #expect(own.hasPrefix("tensors: 0 differ, "))
      for (first, second) in [(whole, three), (three, whole), (three, two)] {
        let found = try Self.compare(first, second)
        #expect(found.isAlike && found.text == own, "\(found.text)")
      }
    }
  }

  /// After the first step another rate of the head shows in the head alone.
  @Test func aHeadInPartsThatDiffersIsNamed() throws {
    try Self.withFolder { folder in
      let name = "/checkpoints/step-000000001.safetensors"
      let one = folder + "/one"
      _ = try Self.train(.divided, ranks: 3, in: one)
      for (other, head, ranks) in [("two", HeadPlacement.divided, 2), ("whole", .whole, 1)] {
        let other = folder + "/" + other
        _ = try Self.train(head, ranks: ranks, in: other) { $0.headLearningRate = 0.05 }
        for (first, second) in [(one, other), (other, one)] {
          let files = try Self.compare(first + name, second + name)
          #expect(!files.isAlike && files.text.hasPrefix("tensors: 1 differ, "), "\(files.text)")
          #expect(files.text.contains("\n  head.weight: "), "\(files.text)")
          #expect(files.text.contains(" of 153600 elements, by up to "), "\(files.text)")
        }
        let runs = try Self.compare(one, other).text
        #expect(runs.contains("\ntensors after step 1: 1 differ, "), "\(runs)")
      }
    }
  }

  @Test func theDivisionIsAReasonWhereSumsAreRounded() throws {
    try Self.withFolder { folder in
      for head in [HeadPlacement.whole, .divided] {
        _ = try Self.train(head, ranks: 2, in: "\(folder)/\(head)") { $0.reduction = .bf16 }
      }
      let found = try Self.compare(folder + "/whole", folder + "/divided")
      let reason =
        "\nhead under a --reduce that rounds: whole from step 0 | divided from step 0\n"
      #expect(!found.isAlike && found.text.contains(reason), "\(found.text)")
      #expect(!found.text.contains("may be at fault"))
    }
  }

  /// The network is whole in a checkpoint that was copied without the parts of its head, also in
  /// what was behind the link `best.safetensors`.
  @Test func aCopyWithoutPartsHasTheNetwork() throws {
    try Self.withFolder { folder in
      // 270 people train, 30 are held out with two photos each.
      let path = try Self.train(.divided, ranks: 3, in: folder + "/run") {
        $0.data = .synthetic(SyntheticData(people: 300, photos: 2, size: 16))
        $0.split = .peopleRandom(fraction: 0.9)
      }
      let copy = folder + "/best.safetensors"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      for source in [path, copy] {
        _ = try ExportRequest(
          checkpoint: source, format: .safetensors, out: "\(source).exported"
        ).run()
      }
      #expect(try Self.compare(path + ".exported", copy + ".exported").isAlike)
      var evaluation = EvaluateRequest(source: .checkpoint(copy), quiet: true)
      evaluation.threads = 1
      try evaluation.run(over: SoloCommunicator())
      // A folder that has none with its parts gives the newest.
      let (found, _) = try CheckpointStore.open(folder + "/run", needsHead: false)
      #expect(found.path.hasSuffix("step-000000002.safetensors"))
      let parts = try FileManager.default.contentsOfDirectory(atPath: folder + "/run/checkpoints")
        .filter { $0.contains(".head-") }
      for part in parts {
        try FileManager.default.removeItem(atPath: folder + "/run/checkpoints/" + part)
      }
      let (bare, refused) = try CheckpointStore.open(folder + "/run", needsHead: false)
      #expect(bare.path.hasSuffix("step-000000002.safetensors") && refused.isEmpty)
      #expect(throws: CheckpointError.self) { try CheckpointStore.open(folder + "/run") }
    }
  }

  @Test func aCopyWithoutPartsGivesTheSameFirstWeights() throws {
    try Self.withFolder { folder in
      let path = try Self.train(.divided, ranks: 3, in: folder + "/run")
      let copy = folder + "/alone.safetensors"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      let own = try Self.train(.whole, ranks: 1, in: folder + "/own") { $0.initialWeights = path }
      let bare = try Self.train(.divided, ranks: 2, in: folder + "/bare") {
        $0.initialWeights = copy
      }
      #expect(try Self.compare(own, bare).isAlike)
      let lines = try FlaggedRun.log(folder + "/bare").filter { $0.contains("first weights: ") }
      #expect(lines.count == 1 && lines[0].hasSuffix(" of its network alone"), "\(lines)")
    }
  }

  @Test func whereTheHeadIsNeededTheMissingPartIsNamed() throws {
    try Self.withFolder { folder in
      let path = try Self.train(.divided, ranks: 3, in: folder + "/run")
      let copy = folder + "/alone.safetensors"
      try FileManager.default.copyItem(atPath: path, toPath: copy)
      let part = folder + "/step-000000002.head-1-of-3.safetensors"
      let expected = CheckpointError.missingPart(path: copy, part: part)
      #expect(
        "\(expected)" == "\(copy) lacks \(part): that is a part of its divided head, which belongs "
          + "beside the checkpoint; copy it there too")
      #expect(throws: expected) { try Checkpoint(path: copy) }
      #expect(throws: expected) { try InspectRequest(checkpoint: copy).run() }
      #expect(throws: expected) { try Self.compare(copy, path) }
      #expect(throws: expected) { try Checkpoint(path: copy, needsHead: false).classWeights() }
      #expect(throws: expected) {
        try Self.train(.divided, ranks: 1, in: folder + "/on") { $0.resume = .path(copy) }
      }
    }
  }
}
