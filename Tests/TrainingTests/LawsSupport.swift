import Collectives
import Configuration
import Datasets
import Foundation
import Networks
import RunFolders
import Sessions
import TestSupport
import Testing
import Training

/// Runs that are small enough to be done many times, yet have everything in them: batch norm,
/// dropout, augmentation, microbatches that do not divide the batch, and a ragged tail batch.
enum SmallRun {
  static let models = ["iresnet18", "aix-resnet18"]

  /// 72 photos in batches of 21 (6 microbatches of 4 and 3) and a tail of 9 (3 of 3), 4 to the
  /// epoch; 10 steps.
  static func configuration(
    model: String = "iresnet18", _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    var configuration = RunConfiguration.demo
    configuration.data = .synthetic(SyntheticData(people: 12, photos: 6, size: 32))
    configuration.split = .all
    configuration.imageSize = 32
    configuration.model = Models.model(named: model)!
    configuration.width = 0.125
    configuration.embedding = 32
    configuration.dropout = 0.2
    configuration.batch = 21
    configuration.microbatch = 4
    configuration.length = .steps(10)
    configuration.evaluateEvery = .never
    configuration.checkpointEvery = .never
    configuration.keepBest = false
    configuration.watchdogSeconds = 0
    configuration.stallSeconds = 0
    change(&configuration)
    return configuration
  }

  /// How one rank's run went.
  struct Outcome: Sendable {
    var ending: Trainer.Ending
    /// The receipt of weights, loss head and batch-norm statistics.
    var weights: UInt64
    var records: [StepRecord]
    /// Bytes of one worker's memory.
    var workerBytes: Int
  }

  /// Trains on `ranks` ranks of `threads` threads each, in `folder` or in one that is removed;
  /// returns the outcomes by rank. With `speaks` rank 0 writes its log; `wrap` may stand between a
  /// rank and its communicator; `hook` may change the hooks of a rank.
  static func train(
    _ configuration: RunConfiguration, ranks: Int = 1, threads: Int = 1, folder: String? = nil,
    speaks: Bool = false,
    wrap: @escaping @Sendable (any Communicator) -> any Communicator = { $0 },
    hook: @escaping @Sendable (inout RunHooks, Int) -> Void = { _, _ in }
  ) throws -> [Outcome] {
    let out = folder ?? temporaryFolder()
    defer { if folder == nil { try? FileManager.default.removeItem(atPath: out) } }
    var requested = configuration
    requested.out = out
    requested.threads = threads
    let final = requested
    let body: @Sendable (any Communicator) throws -> Outcome = { communicator in
      try trainOneRank(final, over: wrap(communicator), speaks: speaks, hook: hook)
    }
    if ranks == 1 { return [try body(SoloCommunicator())] }
    return try ThreadCommunicator.run(size: ranks) { try body($0) }
  }

  private static func trainOneRank(
    _ configuration: RunConfiguration, over communicator: any Communicator, speaks: Bool,
    hook: (inout RunHooks, Int) -> Void
  ) throws -> Outcome {
    let session = try Session.start(
      communicator: communicator, threads: configuration.threads,
      console: Console(
        isSpeaker: speaks && communicator.rank == 0, isQuiet: true, isLaunched: false),
      launch: LaunchEnvironment(variables: [:]))
    defer { session.pool.end() }
    let records = Records()
    var trained: Trainer?
    // The trainer holds the hooks, which hold it: without this, no run's memory would ever go.
    defer { trained = nil }
    var asked = RunHooks()
    hook(&asked, communicator.rank)
    var hooks = asked
    hooks.onStart = {
      trained = $0
      try asked.onStart($0)
    }
    hooks.onStep = {
      records.all.append($1)
      asked.onStep($0, $1)
    }
    let ending = try TrainingJob.run(configuration, in: session, hooks: hooks)
    return Outcome(
      ending: ending, weights: try trained?.weightsHash ?? 0, records: records.all,
      workerBytes: trained?.memoryBytes.worker ?? 0)
  }

  /// Trains on one rank and in three other worlds, all of whose steps and weights must be the same
  /// bits, sound, and each step's others than those of the one before; returns what one rank found.
  static func expectSameBits(_ configuration: RunConfiguration, steps: Int) throws -> Outcome {
    let alone = try train(configuration)[0]
    let expected = alone.records.map(StepBits.init)
    #expect(alone.records.allSatisfy { $0.loss.isFinite && !$0.isSkipped })
    #expect(Set(alone.records.map(\.weightsHash)).count == steps)
    for (ranks, threads) in [(1, 2), (2, 1), (3, 2)] {
      let world = try train(configuration, ranks: ranks, threads: threads)
      for (rank, outcome) in world.enumerated() {
        #expect(
          outcome.records.map(StepBits.init) == expected && outcome.weights == alone.weights,
          "rank \(rank) of \(ranks) x \(threads) threads")
      }
    }
    return alone
  }

  private final class Records {
    var all: [StepRecord] = []
  }

  /// Makes all embeddings point one way, but for about `spread`: the last layer is a batch norm
  /// whose offset drowns the rest.
  static func collapse(_ trainer: Trainer, spread: Float) {
    let state = trainer.engine.state
    for description in state.descriptions {
      if description.name == "features.bias" {
        for i in description.range { state.parameters[i] = spread > 0 ? 1 / spread : 1 }
      } else if description.name == "fc.weight", spread == 0 {
        for i in description.range { state.parameters[i] = 0 }
      }
    }
  }

  static func temporaryFolder() -> String {
    NSTemporaryDirectory() + "laws-\(UUID().uuidString)"
  }

  /// The steps of `metrics.jsonl` in a run folder with their weights' hashes, in the file's order.
  static func metrics(in folder: String) throws -> [(step: Int, weightsHash: String)] {
    let text = try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return (
        (object?["step"] as? NSNumber)?.intValue ?? -1, object?["weights_hash"] as? String ?? ""
      )
    }
  }

  /// The checkpoint files of a run folder, oldest first.
  static func checkpoints(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints")
      .filter { $0.hasPrefix("step-") }.sorted().map { folder + "/checkpoints/" + $0 }
  }
}

/// What must be equal in every world: a step's numbers, bit for bit.
struct StepBits: Equatable, CustomStringConvertible {
  let step: Int
  let words: [UInt64]

  init(_ record: StepRecord) {
    step = record.step
    words =
      [record.gradientHash, record.weightsHash]
      + [
        record.loss, record.gradientNorm, record.accuracy, record.targetCosine, record.spread,
      ].map(\.bitPattern) + [record.samples, record.skippedSteps].map { UInt64($0) }
  }

  var description: String {
    "step \(step): \(words.map { String($0, radix: 16) }.joined(separator: " "))"
  }
}

/// A communicator between a rank and its own, to make things go wrong.
final class FaultyCommunicator: WrappedCommunicator {
  let inner: any Communicator
  /// Collectives so far, by kind.
  private(set) var exchanges = 0
  private(set) var exchangeRounds = 0
  private(set) var sums = 0
  private(set) var agreements = 0
  private(set) var others = 0
  /// Thrown by the next sum.
  var failure: (any Error)?
  /// Set when a collective has failed.
  var hasFailed: TestEvent?
  /// Set when so many agreements have been reached.
  var hasAgreed: (times: Int, event: TestEvent)?

  init(_ inner: any Communicator) { self.inner = inner }

  func meet(at operation: CollectiveOperation, word: Int) throws -> Int {
    switch operation {
    case .agreement: agreements += 1
    case .sum, .exchange:
      if let failure { throw failure }
      if case .sum = operation { sums += 1 } else { exchanges += 1 }
    default: others += 1
    }
    do {
      let word = try inner.meet(at: operation, word: word)
      if let hasAgreed, agreements >= hasAgreed.times { hasAgreed.event.set() }
      return word
    } catch {
      hasFailed?.set()
      throw error
    }
  }
  func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws {
    if case .exchange = operation, case .allToAll = transfer { exchangeRounds += 1 }
    try inner.transfer(transfer, in: operation)
  }
}

extension RunHooks {
  /// Makes the run end: after `step`, or amid the step that follows it.
  mutating func wantEnd(after step: Int, amidStep: Bool) {
    final class Flag: @unchecked Sendable { var isSet = false }
    let (stop, mayStop) = (TestStop(), Flag())
    self.stop = stop
    onStep = {
      guard $1.step == step else { return }
      if amidStep { mayStop.isSet = true } else { stop.wantsEnd = true }
    }
    onEvent = { event in
      guard case .microbatchBegins = event, mayStop.isSet else { return }
      stop.wantEndAmidStep()
    }
  }
}

/// Tells a run to end when a test says so. Made on the main thread of a rank.
final class TestStop: StopRequests, @unchecked Sendable {
  private let main = pthread_self()
  private let wanted = TestEvent()
  private let heard = TestEvent()

  var wantsEnd: Bool {
    get {
      guard wanted.isSet else { return false }
      if pthread_equal(main, pthread_self()) != 0 { heard.set() }
      return true
    }
    set { if newValue { wanted.set() } }
  }
  var wantsCheckpoint: Bool { false }
  func forgetCheckpoint() {}

  /// Called by a worker: wants the end, and holds the worker, and so the step, until the main
  /// thread has heard of it.
  func wantEndAmidStep() {
    wanted.set()
    heard.wait()
  }
}

/// The sudden end of a rank.
struct SuddenEnd: Error {}
