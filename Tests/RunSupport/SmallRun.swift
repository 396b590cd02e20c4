package import Collectives
package import Configuration
import Datasets
import Engine
import Foundation
import Networks
package import RunFolders
import Sessions
import State
package import TestSupport
import Threads
package import Training

/// Runs that are small enough to be done many times, yet have everything in them: batch norm,
/// dropout, augmentation, microbatches that do not divide the batch, and a ragged tail batch.
package enum SmallRun {
  package static let models = ["iresnet18", "aix-resnet18"]

  /// 72 photos in batches of 21 (6 microbatches of 4 and 3) and a tail of 9 (3 of 3), 4 to the
  /// epoch; 10 steps.
  package static func configuration(
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
  package struct Outcome: Sendable {
    package var ending: Trainer.Ending
    /// The receipt of weights, loss head and batch-norm statistics.
    package var weights: UInt64
    package var records: [StepRecord]
    /// Bytes of one worker's memory.
    package var workerBytes: Int
  }

  /// Trains on `ranks` ranks of `threads` threads each, in `folder` or in one that is removed;
  /// returns the outcomes by rank. With `speaks` rank 0 writes its log; `wrap` may stand between a
  /// rank and its communicator; `hook` may change the hooks of a rank.
  package static func train(
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

  private final class Records {
    var all: [StepRecord] = []
  }

  /// Makes all embeddings point one way, but for about `spread`: the last layer is a batch norm
  /// whose offset drowns the rest.
  package static func collapse(_ trainer: Trainer, spread: Float) {
    let state = trainer.engine.state
    for description in state.descriptions {
      if description.name == "features.bias" {
        for i in description.range { state.parameters[i] = spread > 0 ? 1 / spread : 1 }
      } else if description.name == "fc.weight", spread == 0 {
        for i in description.range { state.parameters[i] = 0 }
      }
    }
  }

  package static func temporaryFolder() -> String {
    NSTemporaryDirectory() + "laws-\(UUID().uuidString)"
  }

  /// The steps of `metrics.jsonl` in a run folder with their weights' hashes, in the file's order.
  package static func metrics(in folder: String) throws -> [(step: Int, weightsHash: String)] {
    let text = try String(contentsOfFile: folder + "/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map { line in
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return (
        (object?["step"] as? NSNumber)?.intValue ?? -1, object?["weights_hash"] as? String ?? ""
      )
    }
  }

  /// The checkpoint files of a run folder, oldest first.
  package static func checkpoints(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints")
      .filter { $0.hasPrefix("step-") }.sorted().map { folder + "/checkpoints/" + $0 }
  }
}

/// What must be equal in every world: a step's numbers, bit for bit.
package struct StepBits: Equatable, CustomStringConvertible {
  package let step: Int
  package let words: [UInt64]

  package init(_ record: StepRecord) {
    step = record.step
    words =
      [record.gradientHash, record.weightsHash]
      + [
        record.loss, record.gradientNorm, record.accuracy, record.targetCosine, record.spread,
      ].map(\.bitPattern) + [record.samples, record.skippedSteps].map { UInt64($0) }
  }

  package var description: String {
    "step \(step): \(words.map { String($0, radix: 16) }.joined(separator: " "))"
  }
}

/// A communicator between a rank and its own, to make things go wrong.
package final class FaultyCommunicator: WrappedCommunicator {
  package let inner: any Communicator
  /// Collectives so far, by kind.
  package private(set) var exchanges = 0
  package private(set) var exchangeRounds = 0
  package private(set) var sums = 0
  package private(set) var agreements = 0
  package private(set) var others = 0
  /// Thrown by the next sum.
  package var failure: (any Error)?
  /// Set when a collective has failed.
  package var hasFailed: TestEvent?
  /// Set when so many agreements have been reached.
  package var hasAgreed: (times: Int, event: TestEvent)?

  package init(_ inner: any Communicator) { self.inner = inner }

  package func meet(at operation: CollectiveOperation, word: Int) throws -> Int {
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
  package func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws {
    if case .exchange = operation, case .allToAll = transfer { exchangeRounds += 1 }
    try inner.transfer(transfer, in: operation)
  }
}

extension RunHooks {
  /// Makes the run end: after `step`, or amid the step that follows it.
  package mutating func wantEnd(after step: Int, amidStep: Bool) {
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
package final class TestStop: StopRequests, @unchecked Sendable {
  package init() {}

  private let main = pthread_self()
  private let wanted = TestEvent()
  private let heard = TestEvent()

  package var wantsEnd: Bool {
    get {
      guard wanted.isSet else { return false }
      if pthread_equal(main, pthread_self()) != 0 { heard.set() }
      return true
    }
    set { if newValue { wanted.set() } }
  }
  package var wantsCheckpoint: Bool { false }
  package func forgetCheckpoint() {}

  /// Called by a worker: wants the end, and holds the worker, and so the step, until the main
  /// thread has heard of it.
  package func wantEndAmidStep() {
    wanted.set()
    heard.wait()
  }
}

/// The sudden end of a rank.
package struct SuddenEnd: Error {
  package init() {}
}
