package import Collectives
private import Foundation
internal import Kernels
package import Threads

/// What a command of several ranks needs before anything else: threads, memory of the launcher's
/// mistakes, and somebody to speak.
package final class Session {
  /// What the ranks of the job do together.
  package let communicator: any Communicator
  /// Where lines are said: on the first rank alone.
  package let console: Console
  /// The compute threads of this rank.
  package let pool: WorkerPool
  /// How many there are.
  package let threads: Int
  /// Where the ranks run.
  package let map: RankMap
  /// What limits this rank beside the host.
  private let group: ControlGroup

  /// Hosts that the ranks are on.
  package var hostCount: Int { Set(hostNames).count }

  /// The host of each rank.
  package var hostNames: [String] { map.places.map(\.host) }

  /// Why a session cannot begin.
  package enum Failure: Error, CustomStringConvertible {
    case launcher(String)

    package var description: String {
      switch self {
      case .launcher(let sentence): sentence
      }
    }
  }

  private init(
    communicator: any Communicator, console: Console, pool: WorkerPool, map: RankMap,
    group: ControlGroup
  ) {
    self.communicator = communicator
    self.console = console
    self.pool = pool
    self.map = map
    self.group = group
    threads = pool.count
  }

  /// Starts the workers of every rank; a collective. `threads` nil takes this rank's share of the
  /// processors. Throws `Failure` where the launcher started processes that do not see each other.
  package static func start(
    communicator: any Communicator, threads: Int?, quiet: Bool
  ) throws -> Session {
    try start(
      communicator: communicator, threads: threads,
      console: Console(
        isSpeaker: communicator.rank == 0, isQuiet: quiet,
        isLaunched: LaunchEnvironment.current.launcher != .none), launch: .current)
  }

  /// The same, speaking through `console`, for ranks that were started as `launch` says.
  package static func start(
    communicator: any Communicator, threads: Int?, console: Console, launch: LaunchEnvironment
  ) throws -> Session {
    if let mistake = launch.mistake(worldSize: communicator.size) {
      throw Failure.launcher(mistake)
    }
    BLASRuntime.configureSingleThread()
    if BLASRuntime.threadCount != 1 {
      console.warn(
        "OpenBLAS keeps \(BLASRuntime.threadCount) threads a product, which compete with the compute "
          + "threads; install the pthread build (libopenblas0-pthread) or set OPENBLAS_NUM_THREADS=1"
      )
    }
    if let note = communicator.transportNote { console.say(note) }
    let share = try ProcessorShare(over: communicator)
    let wanted = threads
    let threads = wanted ?? defaultThreads(share)
    let map = try RankMap.gather(
      over: communicator, threads: threads, processors: share.processors)
    let bindings = wanted == nil ? RankBinding.warnings(share.bindings) : []
    for warning in bindings + [share.warning(threads: threads)].compactMap(\.self) {
      console.warn(warning)
    }
    return Session(
      communicator: communicator, console: console, pool: WorkerPool(count: threads), map: map,
      group: share.group)
  }

  /// `SLURM_CPUS_PER_TASK`, else this rank's share of the processors; never more than the time that
  /// a control group leaves.
  private static func defaultThreads(_ share: ProcessorShare) -> Int {
    if let text = ProcessInfo.processInfo.environment["SLURM_CPUS_PER_TASK"],
      let count = Int(text), count > 0
    {
      return min(count, share.processors.allowedCount, share.wholeProcessors ?? count)
    }
    return share.threads
  }

  /// The machine in a few lines, for the log and the report.
  package var machine: [String] {
    [
      "\(communicator.size) rank\(communicator.size == 1 ? "" : "s") x \(threads) "
        + "thread\(threads == 1 ? "" : "s") on \(hostCount) host\(hostCount == 1 ? "" : "s"), "
        + "\(communicator.localSize) on \(communicator.hostName)",
      "processor: \(WorldCheck.processor), "
        + "\(RegisterWidth.chosen.instructionSet) kernels",
    ]
      + (group.processors.map { ["control group: time of \(Self.text($0)) processors"] } ?? [])
  }

  private static func text(_ processors: Double) -> String {
    processors == processors.rounded() ? "\(Int(processors))" : Console.fixed(processors, 2)
  }
}
