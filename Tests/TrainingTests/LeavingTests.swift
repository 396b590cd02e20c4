import Collectives
import Configuration
import Foundation
import RunSupport
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
  private final class WatchedCommunicator: WrappedCommunicator {
    let inner: any Communicator = SoloCommunicator()
    private(set) var wantedEnd: [Bool] = []

    func meet(at operation: CollectiveOperation, word: Int) throws -> Int {
      wantedEnd.append(progress.wantsEnd)
      return try inner.meet(at: operation, word: word)
    }
  }
}
