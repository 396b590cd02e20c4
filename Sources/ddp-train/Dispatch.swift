internal import Collectives
internal import Configuration
internal import Faults
private import Foundation
private import Glibc
private import MPICollectives
private import Sessions
internal import Tasks
internal import Training

/// The way from a command to the ranks: the one place where the program starts MPI.
enum Dispatch {
  /// Exit code of a run that was told to stop and has more to do, for batch scripts that requeue.
  static let moreToDo: Int32 = 85
  /// Exit code of a command line or configuration that is wrong.
  private static let wrongOptions: Int32 = 64

  /// Trains; the exit code is 0, or `moreToDo` when stopped in time with more to do.
  static func train(_ request: RunRequest, injecting faults: [InjectedFault]) -> Int32 {
    // From here on a signal asks, and kills nobody.
    StopSignals.install()
    let code = MPIWorld.run(wantsEnd: { StopSignals().wantsEnd ? moreToDo : nil }) {
      do {
        try JobRequest(together: "train", lines: request.commonLines).agree(over: $0)
        let ending = try TrainingJob.run(
          request, over: $0, injecting: faults, moreToDo: moreToDo)
        return ending == .finished ? 0 : moreToDo
      } catch let error as ConfigurationError where $0.size == 1 {
        // Of a run that goes on it shows beside the run's own options alone.
        let line = Array("ddp-train: \(error)\n".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        return wrongOptions
      }
    }
    if LongWork.isAbandoned { leave(code) }
    return code
  }

  /// Ends the process as it is: what was left behind may still run, in memory that the exit
  /// handlers would take away.
  private static func leave(_ code: Int32) -> Never {
    fflush(nil)
    _exit(code)
  }

  /// What this process is asked for, by the words of its command line.
  private static var asked: JobRequest {
    let words = CommandLine.arguments.dropFirst()
    return JobRequest(together: words.first ?? "", words: Array(words.dropFirst()))
  }

  /// Whether this process is to do `command`, which is for one: of ranks that ask for the same only
  /// the first, which says so. Ends the job where they do not all ask for such work.
  static func isForThisProcess(_ command: String) -> Bool {
    guard LaunchEnvironment.current.startsMPI, LaunchedRank.rank != nil else { return true }
    let words = Array(CommandLine.arguments.dropFirst())
    let request = JobRequest(
      alone: command, words: words, in: FileManager.default.currentDirectoryPath)
    let skipped: Int32 = 1
    return MPIWorld.run {
      let ranks = try request.agree(over: $0)
      guard ranks.first == $0.rank else { return skipped }
      if ranks.count > 1 {
        StandardOutput.complain(
          "ddp-train: \(command) is work for one process: of \(ranks.count) ranks that ask for the "
            + "same the first one does it")
      }
      return 0
    } != skipped
  }

  /// Runs `body` on every rank; the exit code.
  static func run(_ body: (any Communicator) throws -> Void) -> Int32 {
    MPIWorld.run {
      try asked.agree(over: $0)
      try body($0)
      return 0
    }
  }

  /// Prints the lines that `body` gives on the first rank; the exit code, `moreToDo` where it gives
  /// none because it was told to stop.
  ///
  /// With `hearsSignals` a signal asks to stop, as in training.
  static func answer(
    hearsSignals: Bool = false, _ body: (any Communicator) throws -> [String]?
  ) -> Int32 {
    if hearsSignals { StopSignals.install() }
    let code = MPIWorld.run(
      wantsEnd: { hearsSignals && StopSignals().wantsEnd ? moreToDo : nil }
    ) {
      try asked.agree(over: $0)
      if hearsSignals {
        StartGuard.arm($0.progress, stop: StopSignals(), rank: $0.rank, moreToDo)
      }
      guard let lines = try body($0) else { return moreToDo }
      for line in lines { StandardOutput.print(line) }
      return 0
    }
    if LongWork.isAbandoned { leave(code) }
    return code
  }

  /// Prints the lines of the answer that `body` gives; the exit code, 1 where some photo could not
  /// be used.
  static func task(_ body: (any Communicator) throws -> TaskAnswer) -> Int32 {
    MPIWorld.run {
      try asked.agree(over: $0)
      let answer = try body($0)
      for line in answer.lines { StandardOutput.print(line) }
      return answer.isGood ? 0 : 1
    }
  }
}
