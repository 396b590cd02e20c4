import Collectives
import Configuration
import Foundation
import Sessions
import TestSupport
import Testing
import Training

/// A rank that leaves before the first step says so until its peers have come.
@Suite struct LeavingTests {
  /// The peers learn of it from the heartbeat, which asks `progress` now and then and may do so
  /// after this rank has thrown all away and waits for them.
  @Test func aRankThatWaitsToLeaveStillWantsTheEnd() throws {
    let watched = WatchedCommunicator()
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let session = try Session.start(
      communicator: watched, threads: 1,
      console: Console(isSpeaker: false, isQuiet: true, isLaunched: false),
      launch: LaunchEnvironment(variables: [:]))
    defer { session.pool.end() }
    let asked = SmallRun.configuration { $0.out = folder + "/run" }
    let stop = TestStop()
    stop.wantsEnd = true
    var hooks = RunHooks()
    hooks.stop = stop
    #expect(try TrainingJob.run(asked, in: session, hooks: hooks) == .interrupted)
    #expect(watched.wantedEnd.last == true, "\(watched.wantedEnd)")
    #expect(!watched.progress.wantsEnd)
  }

  /// One rank, which notes at every meeting whether it was said to want the end.
  private final class WatchedCommunicator: Communicator {
    private let inner = SoloCommunicator()
    private(set) var wantedEnd: [Bool] = []

    var rank: Int { inner.rank }
    var size: Int { inner.size }
    var hostName: String { inner.hostName }
    var localRank: Int { inner.localRank }
    var localSize: Int { inner.localSize }
    var progress: RankProgress { inner.progress }

    func whileWaiting<Result>(
      _ check: @escaping () throws -> Void, _ body: () throws -> Result
    ) rethrows -> Result {
      try inner.whileWaiting(check, body)
    }

    func meet(at operation: CollectiveOperation, word: Int) throws -> Int {
      wantedEnd.append(progress.wantsEnd)
      return inner.meet(at: operation, word: word)
    }

    func transfer(_ transfer: Transfer, in operation: CollectiveOperation) throws {
      inner.transfer(transfer, in: operation)
    }
  }
}
