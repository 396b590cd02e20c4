import Collectives
import Configuration
import Datasets
import Engine
import Glibc
internal import RunFolders
import Sessions
import TestSupport
internal import Threads
import Training

/// The laws of the whole program over real ranks: a small run against the same run alone.
let trainingChecks: [Check] = [
  Check("training gives the weights of one process alone") { communicator, expect in
    let expected = try alone(communicator)
    let run = try train(over: communicator)
    expect(run.ending == .finished, "ended \(run.ending)")
    expect(run.receipt == expected, "\(run.receipt) instead of \(expected)")
  },
  Check("a sharded optimizer gives them too, and goes on from the other's checkpoint") {
    communicator, expect in
    let expected = try alone(communicator)
    let run = try train(over: communicator) { $0.shardsOptimizer = true }
    expect(run.receipt == expected, "\(run.receipt) instead of \(expected)")
    let folder = try temporaryFolder(communicator)
    _ = try train(
      over: communicator, folder: folder, change: { $0.shardsOptimizer = true },
      hook: { if communicator.rank == 0 { stop(&$0, after: 4, amidStep: true) } })
    let resumed = try train(over: communicator, folder: folder)
    expect(resumed.records.first?.step == 5, "went on at \(resumed.records.first?.step ?? 0)")
    let weights = resumed.receipt.split(separator: " ").last
    expect(weights == expected.split(separator: " ").last, "other weights after a resume")
  },
  Check("rounded sums keep the ranks alike") { communicator, expect in
    for reduction in [Reduction.fp32, .bf16] {
      let run = try train(over: communicator) { $0.reduction = reduction }
      let receipts = try communicator.allGather(Array(run.receipt.utf8))
      expect(Set(receipts).count == 1, "\(reduction): \(Set(receipts).count) different receipts")
      expect(run.records.count == stepCount && run.records.allSatisfy { $0.loss.isFinite }, "loss")
    }
  },
  Check("microbatches are shared out evenly") { communicator, expect in
    let run = try train(over: communicator)
    expect(run.records.count == stepCount, "\(run.records.count) steps")
    for record in run.records {
      let counts = record.microbatches
      // 6 microbatches of the batch of 21, 3 of the tail of 9.
      expect(counts.count == communicator.size, "\(counts.count) ranks")
      expect(counts.reduce(0, +) == (record.step % 4 == 0 ? 3 : 6), "\(counts)")
      expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1, "\(counts)")
    }
  },
  Check("one rank told to end, after a step or amid one, ends all; then they go on") {
    communicator, expect in
    let expected = try alone(communicator)
    for (told, isAmid) in [
      (0, true), (min(communicator.size - 1, 2), true), (communicator.size / 2, false),
    ] {
      let folder = try temporaryFolder(communicator)
      let stopped = try train(
        over: communicator, folder: folder,
        hook: { if communicator.rank == told { stop(&$0, after: 4, amidStep: isAmid) } })
      expect(stopped.ending == .interrupted, "told rank \(told): \(stopped.ending)")
      expect(stopped.records.count == 4, "told rank \(told): \(stopped.records.count) steps")
      let resumed = try train(over: communicator, folder: folder)
      expect(resumed.records.first?.step == 5, "went on at \(resumed.records.first?.step ?? 0)")
      let weights = resumed.receipt.split(separator: " ").last
      expect(weights == expected.split(separator: " ").last, "told rank \(told): other weights")
    }
  },
]

private let stepCount = 10

private struct Run {
  var ending = Trainer.Ending.finished
  var records: [StepRecord] = []
  var weights: UInt64 = 0
  /// The hashes after every step, then that of weights, loss head and statistics.
  var receipt: String {
    (records.map(\.weightsHash) + [weights]).map { String($0, radix: 16) }.joined(separator: " ")
  }
}

/// The receipt of the run in one process, computed by rank 0 without MPI.
private func alone(_ communicator: any Communicator) throws -> String {
  var receipt = ""
  if communicator.rank == 0 {
    let solo = SoloCommunicator()
    receipt = try train(over: solo, folder: try temporaryFolder(solo)).receipt
  }
  let bytes = try communicator.broadcast(Array(receipt.utf8), from: 0)
  return String(decoding: bytes, as: UTF8.self)
}

private func train(
  over communicator: any Communicator, folder: String? = nil,
  change: (inout RunConfiguration) -> Void = { _ in },
  hook: (inout RunHooks) -> Void = { _ in }
) throws -> Run {
  var configuration = try RunConfiguration.resolve(
    flags: [.flag("image-size", "32")])
  configuration.data = .synthetic(SyntheticData(people: 12, photos: 6, size: 32))
  configuration.split = .all
  configuration.width = 0.125
  configuration.embedding = 32
  configuration.dropout = 0.2
  configuration.batch = 21
  configuration.microbatch = 4
  configuration.threads = 2
  configuration.length = .steps(stepCount)
  configuration.evaluateEvery = .never
  configuration.checkpointEvery = .never
  configuration.resume = .auto
  change(&configuration)
  configuration.out = try folder ?? temporaryFolder(communicator)
  let session = try Session.start(
    communicator: communicator, threads: configuration.threads,
    console: Console(isSpeaker: false, isQuiet: true, isLaunched: false),
    launch: LaunchEnvironment(variables: [:]))
  defer { session.pool.end() }
  var run = Run()
  var trained: Trainer?
  var asked = RunHooks()
  hook(&asked)
  var hooks = asked
  hooks.onStart = { trained = $0 }
  hooks.onStep = {
    run.records.append($1)
    asked.onStep($0, $1)
  }
  run.ending = try TrainingJob.run(configuration, in: session, hooks: hooks)
  run.weights = try trained?.weightsHash ?? 0
  return run
}

/// Makes a run with `hooks` stop: after `step`, or amid the step that follows it.
private func stop(_ hooks: inout RunHooks, after step: Int, amidStep: Bool) {
  let flags = StopFlags()
  hooks.stop = flags
  hooks.onStep = {
    if $1.step == step {
      if amidStep { flags.mayStop = true } else { flags.wantsEnd = true }
    }
  }
  hooks.onEvent = { event in
    guard case .microbatchBegins = event, flags.mayStop else { return }
    flags.wantEndAmidStep()
  }
}

/// Made on the main thread of a rank.
private final class StopFlags: StopRequests, @unchecked Sendable {
  private let main = pthread_self()
  private let wanted = TestEvent()
  private let heard = TestEvent()
  var mayStop = false
  var wantsEnd: Bool {
    get {
      guard wanted.isSet else { return false }
      if pthread_equal(main, pthread_self()) != 0 { heard.set() }
      return true
    }
    set { if newValue { wanted.set() } }
  }

  /// Wants the end and holds the worker, and so the step, until the main thread has heard of it.
  func wantEndAmidStep() {
    wanted.set()
    heard.wait()
  }
  var wantsCheckpoint: Bool { false }
  func forgetCheckpoint() {}
}

/// A name that no run has, the same on all ranks; removed with the job's scratch folder.
private func temporaryFolder(_ communicator: any Communicator) throws -> String {
  let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
  let own = "\(parent)/mpi-check-\(getpid())-\(monotonicMicroseconds())"
  return String(
    decoding: try communicator.broadcast(Array(own.utf8), from: 0), as: UTF8.self)
}
