import CheckpointParts
import Checkpoints
import Collectives
import Configuration
import Datasets
import Determinism
import Foundation
import Glibc
import Interchange
import Kernels
import Networks
import Resumption
import RunSupport
import Testing
import TestSupport
import Training

/// Law 4 of docs/design.md: stopping is free.
@Suite struct LawsOfStopping {
  private static let steps = 12
  private static func configuration(
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.length = .steps(steps)
      $0.resume = .auto
      change(&$0)
    }
  }

  private static let undisturbed: [SmallRun.Outcome] = try! SmallRun.train(configuration())

  private static func expectWholeMetrics(in folder: String) throws {
    let metrics = try SmallRun.metrics(in: folder)
    #expect(metrics.map(\.step) == Array(1...steps))
    #expect(
      metrics.map(\.weightsHash) == undisturbed[0].records.map { Hash64.text($0.weightsHash) })
  }

  /// Two stops at steps drawn from `seed`, three worlds.
  @Test(arguments: [1, 2, 3, 4], [false, true])
  func stoppingIsFree(seed: Int, amidStep: Bool) throws {
    let random = CounterRandom(seed: 77, purpose: .testing, seed, amidStep ? 1 : 0)
    let first = 1 + random.integer(0, below: 5)
    let second = first + 1 + random.integer(1, below: 4)
    let worlds = [(1, 2), (2, 1), (3, 2), (4, 1), (1, 1)]
    let start = random.integer(2, below: worlds.count)
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (turn, stop) in [first, second].enumerated() {
      let (ranks, threads) = worlds[(start + turn) % worlds.count]
      // One rank is told; the others learn of it.
      let told = random.integer(3 + turn, below: ranks)
      let outcomes = try SmallRun.train(
        Self.configuration(), ranks: ranks, threads: threads, folder: folder,
        hook: { hooks, rank in
          if rank == told { hooks.wantEnd(after: stop, amidStep: amidStep) }
        })
      #expect(outcomes.allSatisfy { $0.ending == .interrupted })
      let checkpoint = try Checkpoint(path: SmallRun.checkpoints(in: folder).last!)
      #expect(checkpoint.progress.step == stop)
    }
    let (ranks, threads) = worlds[(start + 2) % worlds.count]
    let outcomes = try SmallRun.train(
      Self.configuration(), ranks: ranks, threads: threads, folder: folder)
    #expect(
      outcomes.allSatisfy { $0.ending == .finished && $0.weights == Self.undisturbed[0].weights })
    #expect(outcomes[0].records.count == Self.steps - second)
    try Self.expectWholeMetrics(in: folder)
    let last = try Checkpoint(path: SmallRun.checkpoints(in: folder).last!)
    #expect(try last.weightsHash() == Self.undisturbed[0].weights)
  }

  /// Ends as a killed process does: nothing is written any more. 0 is no checkpoint at all.
  @Test(arguments: [0, 2])
  func suddenEndIsFree(checkpointEvery: Int) throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let configuration = Self.configuration {
      $0.checkpointEvery = checkpointEvery == 0 ? .never : .steps(checkpointEvery)
    }
    #expect(throws: ThreadWorldError.self) {
      try SmallRun.train(
        configuration, ranks: 2, folder: folder, wrap: { FaultyCommunicator($0) },
        hook: { hooks, _ in hooks.onStep = { if $1.step == 7 { end($0) } } })
    }
    if checkpointEvery == 2 {
      // The thread that writes in the background does not die with these ranks.
      let newest = folder + "/checkpoints/step-000000006.safetensors"
      for _ in 0..<1000 where !FileManager.default.fileExists(atPath: newest) { usleep(10_000) }
    }
    // A line that was cut off as it was written.
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/metrics.jsonl"))
    try file.seekToEnd()
    try file.write(contentsOf: Data("{\"step\":8,\"epo".utf8))
    try file.close()
    let outcome = try SmallRun.train(configuration, ranks: 3, folder: folder)[0]
    #expect(outcome.records.count == (checkpointEvery == 0 ? 12 : 6))
    #expect(outcome.weights == Self.undisturbed[0].weights)
    try Self.expectWholeMetrics(in: folder)
  }

  /// A run folder with checkpoints after steps 3 and 6, of 12.
  private static func stoppedRun() throws -> String {
    let folder = SmallRun.temporaryFolder()
    _ = try SmallRun.train(
      configuration { $0.checkpointEvery = .steps(3) }, folder: folder,
      hook: { hooks, _ in hooks.wantEnd(after: 6, amidStep: false) })
    return folder
  }

  @Test func damagedCheckpointsAreRefused() throws {
    let folder = try Self.stoppedRun()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let paths = try SmallRun.checkpoints(in: folder)
    #expect(
      paths.map { ($0 as NSString).lastPathComponent } == [
        "step-000000003.safetensors", "step-000000006.safetensors",
      ])
    let newest = paths[1]
    let whole = try Data(contentsOf: URL(fileURLWithPath: newest))
    let headerCount = whole.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(try Checkpoint(path: newest).progress.step == 6)
    let random = CounterRandom(seed: 3, purpose: .testing)
    func refuses(_ bytes: Data, _ what: String) throws {
      try bytes.write(to: URL(fileURLWithPath: newest))
      #expect(throws: (any Error).self, "\(what)") { _ = try Checkpoint(path: newest) }
    }
    // One bit in the length, in 60 places of the header with its metadata, in 60 of the tensors.
    for byte in 0..<8 { try refuses(whole.flipped(at: byte, bit: byte), "length byte \(byte)") }
    for draw in 0..<60 {
      let place = 8 + random.integer(2 * draw, below: headerCount)
      try refuses(whole.flipped(at: place, bit: draw % 8), "header byte \(place)")
      let tensor =
        8 + headerCount + random.integer(2 * draw + 1, below: whole.count - 8 - headerCount)
      try refuses(whole.flipped(at: tensor, bit: draw % 8), "tensor byte \(tensor)")
    }
    for count in [0, 7, 8, 8 + headerCount / 2, 8 + headerCount, whole.count / 2, whole.count - 1] {
      try refuses(whole.prefix(count), "cut to \(count) bytes")
    }
    try refuses(whole + Data([0]), "a byte too many")
    // Step 7 stands in metrics.jsonl by then; the run goes back to step 3 and loses nothing.
    let outcome = try SmallRun.train(Self.configuration(), ranks: 2, folder: folder)[0]
    #expect(outcome.records.first?.step == 4)
    #expect(outcome.weights == Self.undisturbed[0].weights)
    try Self.expectWholeMetrics(in: folder)
  }

  @Test func aFolderOfDamagedCheckpointsIsRefused() throws {
    let folder = try Self.stoppedRun()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for path in try SmallRun.checkpoints(in: folder) {
      try Data("torn".utf8).write(to: URL(fileURLWithPath: path))
    }
    let error = #expect(throws: CheckpointError.self) {
      try SmallRun.train(Self.configuration(), folder: folder)
    }
    guard case .nothingGood(_, let reasons) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reasons.count == 2)
  }

  static let changes: [(String, @Sendable (inout RunConfiguration) -> Void)] = [
    ("lr", { $0.learningRate = 0.05 }), ("batch", { $0.batch = 24 }),
    ("microbatch", { $0.microbatch = 5 }), ("seed", { $0.seed = 9 }),
    ("dropout", { $0.dropout = 0.1 }), ("margin", { $0.margin = [0.4] }),
    ("model", { $0.model = Models.model(named: "iresnet10")! }),
    ("augment", { $0.augment = .none }), ("precision", { $0.precision = .bfloat16 }),
    ("gradient-grid", { $0.gradientGrid = .exponent(-35) }),
    ("data", { $0.data = .synthetic(SyntheticData(people: 13, photos: 6, size: 32)) }),
  ]

  @Test func otherMathematicsAreRefusedByName() throws {
    let folder = try Self.stoppedRun()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (key, change) in Self.changes {
      let error = #expect(throws: ResumeError.self, "\(key)") {
        try SmallRun.train(Self.configuration(change), folder: folder)
      }
      guard case .otherMathematics(_, let keys) = error else {
        Issue.record("\(key): \(String(describing: error))")
        continue
      }
      #expect(keys.count == 1 && keys[0].hasPrefix("\(key) was "), "\(keys)")
    }
    // Nothing of that has harmed the run.
    let outcome = try SmallRun.train(Self.configuration(), folder: folder)[0]
    #expect(outcome.weights == Self.undisturbed[0].weights)
  }

  @Test func theLengthMayChange() throws {
    func configuration(_ steps: Int) -> RunConfiguration {
      Self.configuration {
        $0.length = .steps(steps)
        $0.schedule = .constant
      }
    }
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let long = try SmallRun.train(configuration(9))[0]
    #expect(try SmallRun.train(configuration(5), folder: folder)[0].ending == .finished)
    let extended = try SmallRun.train(configuration(9), ranks: 2, folder: folder)[0]
    #expect(extended.records.map(\.step) == [6, 7, 8, 9])
    #expect(extended.weights == long.weights)
  }

  @Test func aRunsFolderIsKept() throws {
    let folder = try Self.stoppedRun()
    let other = SmallRun.temporaryFolder()
    defer {
      try? FileManager.default.removeItem(atPath: folder)
      try? FileManager.default.removeItem(atPath: other)
    }
    func error(_ mode: ResumeMode) -> ResumeError? {
      #expect(throws: ResumeError.self) {
        try SmallRun.train(Self.configuration { $0.resume = mode }, folder: folder)
      }
    }
    let paths = try SmallRun.checkpoints(in: folder)
    #expect(error(.none) == .runExists(folder: folder))
    #expect(error(.path(paths[0])) == .runExists(folder: folder))
    #expect(error(.path(other)) == .missing(path: other))
    // From its own newest it goes on; from an older one elsewhere.
    let there = try SmallRun.train(
      Self.configuration { $0.resume = .path(paths[0]) }, folder: other)[0]
    let here = try SmallRun.train(
      Self.configuration { $0.resume = .path(paths[1]) }, folder: folder)[0]
    #expect(there.records.first?.step == 4 && here.records.first?.step == 7)
    #expect(there.weights == Self.undisturbed[0].weights)
    #expect(here.weights == Self.undisturbed[0].weights)
  }

  /// Stopped before its first own step, a run that came from elsewhere keeps where it stood.
  @Test func aRunThatCameFromElsewhereIsKeptToo() throws {
    let folder = try Self.stoppedRun()
    let other = SmallRun.temporaryFolder()
    defer {
      try? FileManager.default.removeItem(atPath: folder)
      try? FileManager.default.removeItem(atPath: other)
    }
    let outcome = try SmallRun.train(
      Self.configuration { $0.resume = .path(folder) }, folder: other,
      hook: { hooks, _ in
        let stop = TestStop()
        hooks.stop = stop
        hooks.onEvent = { if case .microbatchBegins = $0 { stop.wantEndAmidStep() } }
      })[0]
    #expect(outcome.ending == .interrupted && outcome.records.isEmpty)
    let kept = try Checkpoint(path: #require(SmallRun.checkpoints(in: other).last))
    #expect(kept.progress.step == 6)
  }
}

/// Law 7 of docs/design.md, as far as threads can show it; scripts/test-runs has the processes.
@Suite struct LawsOfFailure {
  @Test(arguments: 0..<3)
  func nothingHangsWhenARankFails(culprit: Int) throws {
    let error = #expect(throws: ThreadWorldError.self) {
      try SmallRun.train(
        SmallRun.configuration(), ranks: 3, threads: 2, wrap: { FaultyCommunicator($0) },
        hook: { hooks, rank in
          if rank == culprit { hooks.onStep = { if $1.step == 4 { end($0) } } }
        })
    }
    #expect(error?.errors.first?.rank == culprit)
    #expect(error?.errors.first?.error is SuddenEnd)
    #expect(error?.errors.count == 3)
    #expect(error?.errors.dropFirst().allSatisfy { $0.error is PeerGone } == true)
  }

  /// Every photo of the training part is bad for one rank: its worker throws while it loads.
  @Test func nothingHangsWhenPhotosVanishForOneRank() throws {
    let photos = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: photos) }
    try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 1).writeFolder(to: photos)
    let configuration = SmallRun.configuration { $0.data = .folder(photos) }
    let error = #expect(throws: ThreadWorldError.self) {
      try SmallRun.train(
        configuration, ranks: 3, threads: 2,
        hook: { hooks, rank in
          hooks.onStart = { trainer in
            if rank == 2 { try FileManager.default.removeItem(atPath: photos) }
            try trainer.session.communicator.barrier()
          }
        })
    }
    #expect(error?.errors.count == 3)
    let cause = error?.errors.first.map { "\($0.error)" } ?? ""
    #expect(cause.contains("jpg"), "\(cause)")
  }

  /// The silent rank comes when its peer has given up: no time has to be guessed.
  @Test func aSilentRankIsNamedWithinTheDeadline() throws {
    let hasGivenUp = TestEvent()
    let error = #expect(throws: ThreadWorldError.self) {
      try SmallRun.train(
        SmallRun.configuration { $0.stallSeconds = 1 }, ranks: 2,
        wrap: {
          let communicator = FaultyCommunicator($0)
          if $0.rank == 0 { communicator.hasFailed = hasGivenUp }
          return communicator
        },
        hook: { hooks, rank in
          if rank == 1 { hooks.onStep = { if $1.step == 3 { hasGivenUp.wait() } } }
        })
    }
    #expect(hasGivenUp.isSet)
    guard
      case .timedOut(_, let seconds, let absent) = error?.errors.first?.error
        as? CollectiveError
    else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(absent == ["rank 1 on thread-host"] && seconds >= 1)
  }
}

/// Makes the rank of `trainer` end all of a sudden, at its next collective.
private func end(_ trainer: Trainer) {
  (trainer.session.communicator as! FaultyCommunicator).failure = SuddenEnd()
}

extension Data {
  fileprivate func flipped(at place: Int, bit: Int) -> Data {
    var copy = self
    copy[startIndex + place] ^= 1 << UInt8(bit)
    return copy
  }
}
