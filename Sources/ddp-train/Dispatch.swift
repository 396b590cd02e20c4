internal import Collectives
internal import Configuration
private import MPICollectives
private import Networks
private import Sessions
internal import Tasks
internal import Training

/// The way from a command to the ranks: the one place where the program starts MPI.
enum Dispatch {
  /// The names of the networks that `--model` takes.
  static let modelNames = Models.names

  /// Exit code of a run that was told to stop and has more to do, for batch scripts that requeue.
  static let moreToDo: Int32 = 85

  /// Trains; the exit code is 0, or `moreToDo` when stopped in time with more to do.
  static func train(_ configuration: RunConfiguration, injecting faults: [InjectedFault]) -> Int32 {
    // From here on a signal asks, and kills nobody.
    StopSignals.install()
    return MPIWorld.run {
      try TrainingJob.run(configuration, over: $0, injecting: faults) == .finished ? 0 : moreToDo
    }
  }

  /// Runs `body` on every rank; the exit code.
  static func run(_ body: (any Communicator) throws -> Void) -> Int32 {
    MPIWorld.run {
      try body($0)
      return 0
    }
  }

  /// Prints the lines that `body` gives on the first rank; the exit code, `moreToDo` where it gives
  /// none because it was told to stop.
  static func answer(_ body: (any Communicator) throws -> [String]?) -> Int32 {
    MPIWorld.run {
      guard let lines = try body($0) else { return moreToDo }
      for line in lines { StandardOutput.print(line) }
      return 0
    }
  }

  /// Prints the lines of the answer that `body` gives; the exit code, 1 where some photo could not
  /// be used.
  static func task(_ body: (any Communicator) throws -> TaskAnswer) -> Int32 {
    MPIWorld.run {
      let answer = try body($0)
      for line in answer.lines { StandardOutput.print(line) }
      return answer.isGood ? 0 : 1
    }
  }
}
