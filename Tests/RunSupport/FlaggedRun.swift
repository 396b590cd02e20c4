package import Checkpoints
import Collectives
package import Configuration
import Foundation
import RunFolders
import Sessions
import TestSupport
import Threads
package import Training

/// Runs that are begun and resumed by flags, as on a command line.
package enum FlaggedRun {
  /// A small run with batch norm, dropout and a ragged tail: 72 photos in batches of 21, 4 steps to
  /// the epoch.
  package static let small = [
    "data": "synthetic:people=12,photos=6,size=32", "split": "all", "image-size": "32",
    "width": "0.125", "embedding": "32", "dropout": "0.2", "batch": "21", "microbatch": "4",
    "steps": "12", "evaluate-every": "0", "checkpoint-every": "4", "keep": "9",
    "keep-best": "false", "watchdog": "0", "stall": "0",
  ]

  /// What `body` throws, as a user reads it; "no error" where it throws nothing.
  package static func error(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  package static func request(_ flags: [String: String], changes: [String] = []) throws
    -> RunRequest
  {
    try RunRequest(
      file: nil, flags: flags.sorted { $0.key < $1.key }.map { .flag($0.key, $0.value) },
      changes: changes.map { try ConfigurationAssignment(change: $0) })
  }

  /// Trains in `folder`; the ending and weights of rank 0. `hook` may change the hooks of a rank.
  @discardableResult package static func train(
    _ flags: [String: String], changes: [String] = [], in folder: String, ranks: Int = 1,
    hook: @escaping @Sendable (inout RunHooks, Int) -> Void = { _, _ in }
  ) throws -> (ending: Trainer.Ending, weights: UInt64, steps: [Int]) {
    let request = try request(
      flags.merging(["out": folder, "quiet": "true"]) { _, new in new }, changes: changes)
    let body: @Sendable (any Communicator) throws -> (Trainer.Ending, UInt64, [Int]) = {
      let session = try Session.start(
        communicator: $0, threads: 1,
        console: Console(isSpeaker: $0.rank == 0, isQuiet: true, isLaunched: false),
        launch: LaunchEnvironment(variables: [:]))
      defer { session.pool.end() }
      var trained: Trainer?
      // As in SmallRun.trainOneRank: the trainer holds the hooks, which hold it.
      defer { trained = nil }
      let steps = Steps()
      var asked = RunHooks()
      hook(&asked, $0.rank)
      var hooks = asked
      hooks.onStart = {
        trained = $0
        try asked.onStart($0)
      }
      hooks.onStep = {
        steps.all.append($1.step)
        asked.onStep($0, $1)
      }
      let ending = try TrainingJob.run(request, in: session, hooks: hooks)
      return (ending, try trained?.weightsHash ?? 0, steps.all)
    }
    let found =
      try ranks == 1 ? body(SoloCommunicator()) : ThreadCommunicator.run(size: ranks, body)[0]
    return (found.0, found.1, found.2)
  }

  private final class Steps {
    var all: [Int] = []
  }

  /// The newest checkpoint of `folder`.
  package static func newest(_ folder: String) throws -> Checkpoint {
    try Checkpoint(path: SmallRun.checkpoints(in: folder).last!)
  }

  /// The lines of the log without their times.
  package static func log(_ folder: String) throws -> [String] {
    try String(contentsOfFile: folder + "/log.txt", encoding: .utf8).split(separator: "\n")
      .map { String($0.dropFirst(20)) }
  }

  /// Runs `body` with a path for a run folder, which is removed afterwards.
  package static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    return try body(folder)
  }
}
