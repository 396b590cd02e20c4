import Collectives
import CStuckMPI
import Glibc

/// A way for one rank to go wrong, asked for on the command line; scripts/test-mpi judges the end.
enum Fault: String, CaseIterable {
  /// The rank throws, its peers wait for it.
  case fail = "--fail-on-rank"
  /// The rank dies of SIGKILL.
  case kill = "--kill-rank"
  /// The rank stops before a collective.
  case stop = "--stop-rank"
  /// The rank stops at some point in a series of large sums.
  case stopAmid = "--stop-amid-rank"
  /// The rank's main thread stops, while its process lives.
  case hang = "--hang-rank"
  /// The rank's main thread does not come back from a call of MPI.
  case stick = "--stick-rank"
  /// The rank works on, longer than peers wait for a silent one; nothing ends.
  case slow = "--slow-rank"
  /// The rank stops its launcher, then itself: nobody is there to abort the job.
  case stopLauncher = "--stop-launcher-rank"
  /// The rank makes another collective than its peers.
  case stray = "--stray-rank"
  /// The rank returns from the run while its peers still work.
  case leave = "--leave-rank"
}

/// What the failing rank throws.
struct DeliberateFailure: Error, CustomStringConvertible {
  var description: String { "deliberate failure" }
}

/// Goes wrong on `faulty`; the other ranks work on. Returns only where nobody noticed.
func provoke(_ fault: Fault, on faulty: Int, in communicator: any Communicator) throws {
  try communicator.barrier()
  // Who stops amid a transfer is waited for since before that, and is to be known by its silence.
  communicator.progress.watch(
    limits: WatchLimits(silenceSeconds: 3, stallSeconds: fault == .stopAmid ? 5 : 3))
  communicator.progress.enter(.compute, step: 7)
  // Until the neighbours have heard it.
  usleep(300_000)
  let isFaulty = communicator.rank == faulty
  switch fault {
  case .fail where isFaulty: throw DeliberateFailure()
  case .kill where isFaulty: raise(SIGKILL)
  case .stop where isFaulty: raise(SIGSTOP)
  case .hang where isFaulty: sleep(100)
  case .stick where isFaulty: cstuck_block_this_thread()
  case .slow where isFaulty:
    for _ in 0..<80 {
      communicator.progress.tick()
      usleep(100_000)
    }
  case .stopLauncher where isFaulty:
    kill(getppid(), SIGSTOP)
    raise(SIGSTOP)
  case .stray where isFaulty: _ = try communicator.allGather([UInt8]())
  case .leave where isFaulty: return
  case .stopAmid:
    if isFaulty {
      // A timer's signal arrives wherever the rank is by then.
      signal(SIGALRM) { _ in raise(SIGSTOP) }
      alarm(1)
    }
    var values = [Double](repeating: 0, count: 2_621_440)
    while true {
      try values.withUnsafeMutableBufferPointer { try communicator.allReduceSum($0) }
    }
  default: break
  }
  _ = try communicator.agreeOnMaximum(communicator.rank)
}
