import Checkpoints
import Collectives
import Configuration
import Foundation
import RunFolders
import RunSupport
import Testing
import Training

/// What a run was asked for and no checkpoint holds yet: the next start of its folder takes it, or
/// says what is in the way, before anything of the folder is touched.
@Suite struct CarriedRequestTests {
  private static let small = FlaggedRun.small.merging(["steps": "4"]) { $1 }

  private struct Killed: Error {}

  /// Starts a run that ends after it has written its configuration and before its first step.
  private static func startInVain(
    _ flags: [String: String], changes: [String] = [], in folder: String
  ) {
    #expect(throws: Killed.self) {
      try FlaggedRun.train(flags, changes: changes, in: folder) { hooks, _ in
        hooks.onStart = { _ in throw Killed() }
      }
    }
  }

  private static func edit(_ folder: String, _ old: String, _ new: String) throws {
    let path = folder + "/config.yaml"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    #expect(text.contains(old))
    try text.replacing(old, with: new).write(toFile: path, atomically: true, encoding: .utf8)
  }

  private static func metrics(_ folder: String) throws -> String {
    try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8)
  }

  @Test(arguments: [1, 2])
  func aLengthAndAChangeAreCarriedOnByTheNextStartAlone(ranks: Int) throws {
    let asked = ["resume": "auto", "steps": "8"]
    let straight = try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      let trained = try FlaggedRun.train(asked, changes: ["lr=0.01"], in: folder)
      return (trained.weights, try FlaggedRun.newest(folder).changes)
    }
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      Self.startInVain(asked, changes: ["lr=0.01"], in: folder)
      // As often as it takes.
      Self.startInVain(["resume": "auto"], in: folder)
      let carried = try FlaggedRun.train(["resume": "auto"], in: folder, ranks: ranks)
      #expect(carried.steps == Array(5...8) && carried.weights == straight.0)
      #expect(try FlaggedRun.newest(folder).changes == straight.1)
      let sentence = "changed from step 4: lr 0.01 (was 0.1)"
      #expect(try FlaggedRun.log(folder).count { $0 == sentence } == 3)
    }
  }

  @Test func whatIsGivenNowStandsAboveWhatWasAsked() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      Self.startInVain(["resume": "auto", "steps": "12"], changes: ["lr=0.01"], in: folder)
      let on = try FlaggedRun.train(
        ["resume": "auto", "steps": "6"], changes: ["lr=0.02"], in: folder)
      #expect(on.steps == [5, 6])
      let changes = try FlaggedRun.newest(folder).changes
      #expect(changes.map(\.new) == ["6", "0.02"] && changes.map(\.old) == ["4", "0.1"])
    }
  }

  @Test func aLengthWrittenByHandIsTaken() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      try Self.edit(folder, "\nsteps: 4\n", "\nsteps: 6\n")
      #expect(try FlaggedRun.train(["resume": "auto"], in: folder).steps == [5, 6])
      #expect(try FlaggedRun.newest(folder).changes.map(\.name) == ["steps"])
    }
  }

  @Test func mathematicsWrittenByHandAreRefusedByNameAndNothingIsCut() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      let before = try Self.metrics(folder)
      try Self.edit(folder, "\nlr: 0.1\n", "\nlr: 0.01\n")
      let message = FlaggedRun.error {
        try FlaggedRun.train(["resume": "auto", "steps": "8"], in: folder)
      }
      #expect(message.contains("lr was 0.1, is 0.01") && message.contains("config.yaml says"))
      #expect(message.contains("--change lr=0.01"), "\(message)")
      #expect(try Self.metrics(folder) == before)
      let kept = try String(contentsOfFile: folder + "/config.yaml", encoding: .utf8)
      #expect(kept.contains("\nlr: 0.01\n"))
      // Asked for, or set back, it goes on.
      let taken = try FlaggedRun.train(
        ["resume": "auto", "steps": "5"], changes: ["lr=0.01"], in: folder)
      #expect(taken.steps == [5])
    }
  }

  @Test func aCheckpointThatIsNamedGoesOnAsItIs() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      Self.startInVain(["resume": "auto", "steps": "8"], changes: ["lr=0.01"], in: folder)
      let checkpoint = try SmallRun.checkpoints(in: folder).last!
      #expect(try FlaggedRun.train(["resume": checkpoint], in: folder).steps.isEmpty)
      let warning = try FlaggedRun.log(folder).first { $0.contains("is left aside") }
      #expect(warning?.contains("lr 0.01 (was 0.1)") == true, "\(warning ?? "")")
    }
  }

  @Test func aRunFromElsewhereBeginsThereAgain() throws {
    try FlaggedRun.withFolder { first in
      try FlaggedRun.train(Self.small, in: first)
      let asked = ["resume": first, "steps": "8"]
      let straight = try FlaggedRun.withFolder {
        try FlaggedRun.train(asked, in: $0).weights
      }
      try FlaggedRun.withFolder { folder in
        Self.startInVain(asked, in: folder)
        Self.startInVain(["resume": "auto"], in: folder)
        // Others may train on in the first folder meanwhile.
        try FlaggedRun.train(["resume": "auto", "steps": "6"], in: first)
        let carried = try FlaggedRun.train(["resume": "auto"], in: folder)
        #expect(carried.steps == Array(5...8) && carried.weights == straight)
      }
    }
  }

  @Test func aFolderThatHasLostItsCheckpointsIsRefused() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      let before = try Self.metrics(folder)
      try FileManager.default.removeItem(atPath: folder + "/checkpoints")
      for flags in [["resume": "auto"], Self.small.merging(["resume": "auto"]) { $1 }] {
        let message = FlaggedRun.error { try FlaggedRun.train(flags, in: folder) }
        #expect(message.contains("has lost its checkpoints"), "\(message)")
        #expect(try Self.metrics(folder) == before)
      }
    }
  }

  @Test func aRunThatHadNoCheckpointYetBeginsAnew() throws {
    try FlaggedRun.withFolder { folder in
      Self.startInVain(Self.small, in: folder)
      let steps = try FlaggedRun.train(["resume": "auto"], in: folder).steps
      #expect(steps == Array(1...4))
    }
  }

  @Test func aConfigurationWithoutOptionsIsRefused() throws {
    try FlaggedRun.withFolder { folder in
      Self.startInVain(Self.small, in: folder)
      try "# nothing\n".write(
        toFile: folder + "/config.yaml", atomically: true, encoding: .utf8)
      let message = FlaggedRun.error { try FlaggedRun.train(["resume": "auto"], in: folder) }
      #expect(message.contains("config.yaml has no options"), "\(message)")
    }
  }

  @Test func aChangeBehindTheLastStepIsRefused() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      let message = FlaggedRun.error {
        try FlaggedRun.train(["resume": "auto"], changes: ["lr=0.01"], in: folder)
      }
      #expect(message.contains("stands at step 4, the last one: lr=0.01 would change nothing"))
      // Said again of what is so already, it does no harm.
      #expect(
        try FlaggedRun.train(["resume": "auto"], changes: ["lr=0.1"], in: folder).steps.isEmpty)
    }
  }

  @Test func aChangeIsGivenOnce() {
    let twice = FlaggedRun.error {
      _ = try FlaggedRun.request(["resume": "x"], changes: ["lr=0.01", "lr=0.02"])
    }
    #expect(twice == "--change lr: is given twice; remove one of them")
    let beside = FlaggedRun.error {
      _ = try FlaggedRun.request(["resume": "x", "lr": "0.02"], changes: ["lr=0.01"])
    }
    #expect(beside == "--change lr: --lr is given too; remove one of them")
  }

  @Test func dropLastMayChangeOnTheWay() throws {
    let begun = Self.small.merging(["epochs": "2"]) { $1 }.filter { $0.key != "steps" }
    func run(ranks: Int) throws -> UInt64 {
      try FlaggedRun.withFolder { folder in
        try FlaggedRun.train(begun, in: folder) { hooks, _ in
          let stop = TestStop()
          hooks.stop = stop
          hooks.onStep = { if $1.step == 2 { stop.wantsEnd = true } }
        }
        // 42 of 72 are done; of the 30 that are left 21 make a batch, then 3 of 21 an epoch.
        let resumed = try FlaggedRun.train(
          ["resume": "auto"], changes: ["drop-last=true"], in: folder, ranks: ranks)
        #expect(resumed.steps == Array(3...6))
        #expect(try FlaggedRun.newest(folder).progress.samples == 126)
        return resumed.weights
      }
    }
    #expect(try run(ranks: 1) == run(ranks: 3))
  }

  @Test func aLongerRunSaysAlreadyInItsWarmUpThatRatesWillBeOthers() throws {
    try FlaggedRun.withFolder { folder in
      var begun = Self.small
      begun["steps"] = nil
      begun["epochs"] = "8"
      begun["warmup-epochs"] = "4"
      begun["schedule"] = "cosine"
      @Sendable func stop(at step: Int) -> @Sendable (inout RunHooks, Int) -> Void {
        { hooks, _ in
          let stop = TestStop()
          hooks.stop = stop
          hooks.onStep = { if $1.step == step { stop.wantsEnd = true } }
        }
      }
      try FlaggedRun.train(begun, in: folder, hook: stop(at: 2))
      try FlaggedRun.train(["resume": "auto", "epochs": "16"], in: folder, hook: stop(at: 3))
      let line = try #require(
        FlaggedRun.log(folder).first { $0.contains("the learning rate was") })
      #expect(line.contains("as it would have, and becomes another one later"), "\(line)")
      #expect(line.contains("cosine now ends at step 64, not 32"), "\(line)")
    }
  }

  @Test func aLengthInAnotherUnitIsOneChange() {
    let before = SmallRun.configuration { $0.length = .steps(6) }
    let after = SmallRun.configuration { $0.length = .epochs(2) }
    #expect(
      after.changes(from: before, at: 6)
        == [ConfigurationChange(step: 6, name: "epochs", old: "6 steps", new: "2")])
  }

  @Test func relativePathsAreToldByTheirOptions() {
    let configuration = SmallRun.configuration {
      $0.data = .folder("photos")
      $0.split = .people(file: "/lists/train.txt")
      $0.pairs = ["pairs.txt", "/lists/other.txt"]
      $0.prometheus = "run.prom"
    }
    #expect(configuration.relativePlaces.map(\.option) == ["data", "pairs", "prometheus"])
    #expect(configuration.relativePlaces.map(\.path) == ["photos", "pairs.txt", "run.prom"])
  }

  @Test func aRefusedResumeLeavesNoFolders() throws {
    try FlaggedRun.withFolder { folder in
      let message = FlaggedRun.error {
        try FlaggedRun.train(["resume": "auto"], in: folder + "/deep/er")
      }
      #expect(message.contains("holds no run to go on with"))
      #expect(!FileManager.default.fileExists(atPath: folder))
    }
  }

  @Test func whatAKilledProcessWasWritingIsRemoved() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small, in: folder)
      try FileManager.default.createDirectory(
        atPath: folder + "/tensorboard", withIntermediateDirectories: true)
      let left = ["report.html.123.tmp", "tensorboard/projector_config.pbtxt.9.tmp"]
      let others = ["report.html.tmp", "notes.12.tmp"]
      for name in left + others {
        try "".write(toFile: "\(folder)/\(name)", atomically: false, encoding: .utf8)
      }
      try FlaggedRun.train(["resume": "auto"], in: folder)
      for name in left { #expect(!FileManager.default.fileExists(atPath: "\(folder)/\(name)")) }
      for name in others { #expect(FileManager.default.fileExists(atPath: "\(folder)/\(name)")) }
    }
  }
}
