import Checkpoints
import Collectives
import Configuration
import Datasets
import Foundation
import Interchange
import Resumption
import RunFolders
import RunSupport
import State
import Testing
import Training

/// Runs that go on with what they are, and with what is given on top.
@Suite struct ResumeTests {
  private static let small = FlaggedRun.small

  @Test func resumeAloneTakesTheRunsOwnConfiguration() throws {
    let straight = try FlaggedRun.withFolder {
      try FlaggedRun.train(Self.small.merging(["lr": "0.07"]) { $1 }, in: $0).weights
    }
    try FlaggedRun.withFolder { folder in
      let begun = Self.small.merging(["lr": "0.07"]) { $1 }
      try FlaggedRun.train(begun, in: folder) { hooks, _ in
        let stop = TestStop()
        hooks.stop = stop
        hooks.onStep = { if $1.step == 5 { stop.wantsEnd = true } }
      }
      let resumed = try FlaggedRun.train(["resume": "auto"], in: folder, ranks: 2)
      #expect(resumed.steps == Array(6...12))
      #expect(resumed.weights == straight)
    }
  }

  /// A checkpoint that is given alone says in which folder the run goes on.
  @Test func aCheckpointAloneGoesOnInItsOwnFolder() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small.merging(["steps": "4"]) { $1 }, in: folder)
      let path = try SmallRun.checkpoints(in: folder).last!
      for given in [path, folder, folder + "/checkpoints"] {
        var asked = try FlaggedRun.request(["resume": given]).configuration
        #expect(asked.out == nil)
        asked.dryRun = true
        let claim = try RunFolderClaim.take(asked, communicator: SoloCommunicator())
        #expect(claim.folder.path == folder, "\(given)")
      }
    }
  }

  @Test func autoWithoutAFolderIsRefused() {
    let message = FlaggedRun.error { _ = try FlaggedRun.request(["resume": "auto", "steps": "4"]) }
    #expect(message.hasPrefix("--resume: auto goes on in a run folder"))
  }

  @Test func nothingToResumeIsSaid() throws {
    try FlaggedRun.withFolder { folder in
      let message = FlaggedRun.error { try FlaggedRun.train(["resume": "auto"], in: folder) }
      #expect(message.contains("holds no run to go on with"))
      // With options it is the first start of a job that will be started again.
      let whole = Self.small.merging(["resume": "auto", "steps": "2"]) { $1 }
      let steps = try FlaggedRun.train(whole, in: folder).steps
      #expect(steps == [1, 2])
    }
  }

  @Test func whatChangesTheMathematicsIsRefusedByNameAndTakenWhenAsked() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small.merging(["steps": "4"]) { $1 }, in: folder)
      let given = ["resume": "auto", "lr": "0.01", "steps": "8"]
      let message = FlaggedRun.error { try FlaggedRun.train(given, in: folder) }
      #expect(
        message.contains("lr was 0.1, is 0.01") && message.contains("--change lr=0.01"),
        "\(message)")
      let other = FlaggedRun.error {
        try FlaggedRun.train(["resume": "auto", "width": "0.25", "steps": "8"], in: folder)
      }
      #expect(other.contains("width was 0.125, is 0.25") && !other.contains("--change"), "\(other)")
      let taken = try FlaggedRun.train(
        ["resume": "auto", "steps": "8"], changes: ["lr=0.02"], in: folder)
      #expect(taken.steps == Array(5...8))
      #expect(try FlaggedRun.newest(folder).configuration.learningRate == 0.02)
    }
  }

  /// Each with what the checkpoint then holds.
  @Test(arguments: [
    ["lr=0.01"], ["schedule=constant", "lr=0.03"], ["margin=0.2", "scale=24"],
    ["weight-decay=0.01"],
    ["clip-norm=0.5"], ["gradient-grid=-30"], ["batch=13"], ["batch=30", "microbatch=5"],
    ["augment=none", "dropout=auto"],
  ])
  func aChangeIsTheSameForAnyRanksAndAfterAFurtherResume(changes: [String]) throws {
    func run(_ worlds: [Int], stops: [Int]) throws -> (
      weights: UInt64, changes: [ConfigurationChange]
    ) {
      try FlaggedRun.withFolder { folder in
        try FileManager.default.copyItem(atPath: Self.begun.folder, toPath: folder)
        var last: UInt64 = 0
        for (turn, ranks) in worlds.enumerated() {
          last = try FlaggedRun.train(
            ["resume": "auto"], changes: turn == 0 ? changes : [], in: folder, ranks: ranks
          ) { hooks, _ in
            guard turn < stops.count else { return }
            Self.stop(&hooks, after: stops[turn])
          }.weights
        }
        return (last, try FlaggedRun.newest(folder).changes)
      }
    }
    let straight = try run([1], stops: [])
    let elsewhere = try run([3, 2], stops: [8])
    #expect(straight.weights == elsewhere.weights)
    #expect(straight.changes == elsewhere.changes)
    #expect(straight.changes.allSatisfy { $0.step == 6 && $0.old != $0.new })
    let names = Set(straight.changes.map(\.name))
    #expect(names.isSuperset(of: changes.map { String($0.prefix { $0 != "=" }) }))
    #expect(straight.weights != Self.begun.weightsWithoutAChange)
  }

  /// A run of three epochs that was stopped after its sixth step, to be copied, and the weights
  /// that it has where it goes on without a change. The folder goes with the process.
  private static let begun: (folder: String, weightsWithoutAChange: UInt64) = {
    atexit { try? FileManager.default.removeItem(atPath: ResumeTests.begunFolder) }
    let flags = small.merging(["epochs": "3"]) { $1 }.filter { $0.key != "steps" }
    try! FlaggedRun.train(flags, in: begunFolder) { hooks, _ in stop(&hooks, after: 6) }
    let straight = try! FlaggedRun.withFolder { try FlaggedRun.train(flags, in: $0) }
    return (begunFolder, straight.weights)
  }()

  private static let begunFolder = SmallRun.temporaryFolder()

  private static func stop(_ hooks: inout RunHooks, after step: Int) {
    let stop = TestStop()
    hooks.stop = stop
    hooks.onStep = { if $1.step == step { stop.wantsEnd = true } }
  }

  /// After a change of the batch each photo still comes once in the epoch.
  @Test func anotherBatchGoesOnWithTheRestOfTheEpoch() throws {
    let begun = Self.small.merging(["epochs": "2"]) { $1 }.filter { $0.key != "steps" }
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(begun, in: folder) { hooks, _ in
        let stop = TestStop()
        hooks.stop = stop
        hooks.onStep = { if $1.step == 2 { stop.wantsEnd = true } }
      }
      // 42 of 72 are done; 30 are left, then 72 more: 4 + 8 steps of 9.
      let resumed = try FlaggedRun.train(["resume": "auto"], changes: ["batch=9"], in: folder)
      #expect(resumed.steps == Array(3...14))
      #expect(try FlaggedRun.newest(folder).progress.samples == 144)
    }
  }

  @Test func whatNoRunCanChangeIsNotTaken() {
    for (change, part) in [
      ("width=1", "width cannot change in the middle of a run"), ("lr", "is not NAME=VALUE"),
      ("evaluate-every=1e", "give --evaluate-every itself"), ("lrr=1", "did you mean 'lr'"),
    ] {
      let message = FlaggedRun.error { _ = try ConfigurationAssignment(change: change) }
      #expect(message.contains(part), "\(message)")
    }
    let begins = FlaggedRun.error { _ = try FlaggedRun.request(Self.small, changes: ["lr=1"]) }
    #expect(begins.contains("only a run that goes on can change"))
    for name in ConfigurationOption.changeable {
      #expect(ConfigurationOption.named(name)?.isMathematical == true, "\(name)")
    }
  }

  @Test func anotherLengthSaysBothRatesAndTheChoice() throws {
    try FlaggedRun.withFolder { folder in
      let begun = Self.small.merging(["steps": "4", "schedule": "cosine", "lr": "0.1"]) { $1 }
      try FlaggedRun.train(begun, in: folder)
      try FlaggedRun.train(["resume": "auto", "steps": "8"], in: folder)
      let line = try #require(
        FlaggedRun.log(folder).first { $0.contains("the learning rate was") })
      // 4 steps an epoch, half an epoch of warm-up; step 4 is at (1 + cos(pi / 2)) / 2 of 0.1, and
      // step 5 of 8 at (1 + cos(pi / 3)) / 2.
      #expect(line.contains("steps was 4, is 8"), "\(line)")
      #expect(line.contains("was 0.05 in step 4 and goes on at 0.075"), "\(line)")
      #expect(line.contains("--change schedule=constant --change lr=0.05"), "\(line)")
      #expect(try FlaggedRun.newest(folder).changes.map(\.name) == ["steps"])
      // The choice is taken: the rate stays.
      try FlaggedRun.train(
        ["resume": "auto", "steps": "10"], changes: ["schedule=constant", "lr=0.05"], in: folder)
      let rates = try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8)
        .split(separator: "\n").suffix(2)
      #expect(rates.allSatisfy { $0.contains("\"lr\":0.05,") })
    }
  }

  @Test func aConstantRateSaysNothingOfALongerRun() throws {
    try FlaggedRun.withFolder { folder in
      let begun = Self.small.merging(["steps": "4", "schedule": "constant"]) { $1 }
      try FlaggedRun.train(begun, in: folder)
      try FlaggedRun.train(["resume": "auto", "steps": "6"], in: folder)
      #expect(try !FlaggedRun.log(folder).contains { $0.contains("the learning rate was") })
    }
  }

  @Test func otherBytesUnderTheSameNamesAreRefusedUnlessAskedFor() throws {
    try FlaggedRun.withFolder { data in
      try FlaggedRun.withFolder { folder in
        try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 5).writeFolder(to: data)
        try FlaggedRun.train(
          Self.small.merging(["data": data, "steps": "4"]) { $1 }, in: folder)
        try FileManager.default.removeItem(atPath: data)
        try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 6).writeFolder(to: data)
        let message = FlaggedRun.error {
          try FlaggedRun.train(["resume": "auto", "steps": "8"], in: folder)
        }
        #expect(message.contains("other bytes") && message.contains("--change data="), "\(message)")
        let taken = try FlaggedRun.train(
          ["resume": "auto", "steps": "8"], changes: ["data=\(data)"], in: folder)
        #expect(taken.steps == Array(5...8))
        #expect(try FlaggedRun.newest(folder).changes.map(\.name).contains("data"))
        // From here on these are the run's own.
        try FlaggedRun.train(["resume": "auto", "steps": "9"], in: folder)
      }
    }
  }

  /// Checkpoints of before have no sample and no set; they go on.
  @Test func aCheckpointWithoutTheNewKeysGoesOn() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small.merging(["steps": "4"]) { $1 }, in: folder)
      let file = try FlaggedRun.newest(folder).file
      let tensors = try file.entries.map { entry in
        try entry.type == .float32
          ? SafetensorsTensor(
            name: entry.name, shape: entry.shape, floats: file.floats(entry.name))
          : SafetensorsTensor(name: entry.name, shape: entry.shape, bytes: file.bytes(entry.name))
      }
      try SafetensorsFile.write(
        tensors: tensors,
        metadata: file.metadata.filter {
          ![Checkpoint.dataSampleKey, "best-set"].contains($0.key)
        },
        to: file.path)
      #expect(try FlaggedRun.newest(folder).dataSample == nil)
      #expect(try FlaggedRun.train(["resume": "auto", "steps": "6"], in: folder).steps == [5, 6])
    }
  }

  @Test func aRunWhoseEveryStepIsSkippedFails() throws {
    try FlaggedRun.withFolder { folder in
      let flags = Self.small.merging(["steps": "9", "gradient-grid": "-100"]) { $1 }
      let message = FlaggedRun.error { try FlaggedRun.train(flags, in: folder) }
      #expect(message.contains("none of the 9 steps moved the weights"), "\(message)")
      let checkpoints = try SmallRun.checkpoints(in: folder)
      #expect(checkpoints.isEmpty)
    }
  }

  @Test func skippedStepsStandBesideTheReceipt() throws {
    try FlaggedRun.withFolder { folder in
      let kept = Kept()
      try FlaggedRun.train(Self.small, in: folder) { hooks, _ in
        hooks.onStep = { trainer, record in
          let parameters = trainer.engine.state.parameters
          if record.step == 3 {
            kept.value = parameters[0]
            parameters[0] = .nan
          } else if record.step == 4 {
            parameters[0] = kept.value
          }
        }
      }
      #expect(try FlaggedRun.newest(folder).progress.skippedSteps == 1)
      let log = try FlaggedRun.log(folder)
      let place = try #require(log.firstIndex(of: "skipped: 1 of 12 steps"))
      #expect(log[place + 1].hasPrefix("weights: "))
      let page = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
      #expect(page.contains("1 steps skipped"))
    }
  }

  private final class Kept: @unchecked Sendable {
    var value: Float = 0
  }

  @Test func aDivergedRunsMessageIsAWayOn() throws {
    try FlaggedRun.withFolder { folder in
      try FlaggedRun.train(Self.small.merging(["steps": "4"]) { $1 }, in: folder)
      // Nothing fits a grid so fine.
      let message = FlaggedRun.error {
        try FlaggedRun.train(
          ["resume": "auto", "steps": "40"], changes: ["gradient-grid=-100"], in: folder)
      }
      #expect(message.contains("in 10 steps in a row"), "\(message)")
      let checkpoint = try SmallRun.checkpoints(in: folder).last!
      #expect(message.contains("--resume \(checkpoint) --change lr=VALUE"), "\(message)")
      let on = try FlaggedRun.train(
        ["resume": checkpoint, "steps": "8"], changes: ["lr=0.01"], in: folder)
      #expect(on.steps == Array(5...8))
    }
  }
}
