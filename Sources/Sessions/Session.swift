package import Collectives
private import Foundation
internal import Kernels
package import Threads

/// What a command of several ranks needs before anything else: threads, memory of the launcher's
/// mistakes, and somebody to speak.
package final class Session {
  package let communicator: any Communicator
  package let console: Console
  package let pool: WorkerPool
  package let threads: Int
  /// Where the ranks run.
  package let map: RankMap

  /// Hosts that the ranks are on.
  package var hostCount: Int { Set(hostNames).count }

  /// The host of each rank.
  package var hostNames: [String] { map.places.map(\.host) }

  package enum Failure: Error, CustomStringConvertible {
    case launcher(String)

    package var description: String {
      switch self {
      case .launcher(let sentence): sentence
      }
    }
  }

  private init(
    communicator: any Communicator, console: Console, pool: WorkerPool, map: RankMap
  ) {
    self.communicator = communicator
    self.console = console
    self.pool = pool
    self.map = map
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
    let processors = HostProcessors.current
    let own = [communicator.hostName, processors.mask].joined(separator: "\n")
    let sharing = try communicator.allGather(value: own).count { $0 == own }
    let threads = threads ?? defaultThreads(processors, sharing: sharing)
    let map = try RankMap.gather(over: communicator, threads: threads, processors: processors)
    if let warning = processors.warning(threads: threads, sharing: sharing) {
      console.warn(warning)
    }
    return Session(
      communicator: communicator, console: console, pool: WorkerPool(count: threads), map: map)
  }

  /// `SLURM_CPUS_PER_TASK`, else the processors that this rank may use, divided by the ranks of its
  /// host that may use the same ones: bound ranks have their own, unbound ones share.
  private static func defaultThreads(_ processors: HostProcessors, sharing: Int) -> Int {
    if let text = ProcessInfo.processInfo.environment["SLURM_CPUS_PER_TASK"],
      let count = Int(text), count > 0
    {
      return min(count, processors.allowedCount)
    }
    return max(1, processors.allowedCount / max(1, sharing))
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
  }
}
