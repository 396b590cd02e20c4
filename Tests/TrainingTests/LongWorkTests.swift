import Collectives
import Foundation
import Glibc
import Pace
import RunSupport
import Sessions
import TestSupport
import Testing
import Threads
import Training

/// What lasts before the first step can be left, and says how far it is.
@Suite struct LongWorkTests {
  private static func work(_ stop: TestStop, _ progress: RankProgress = RankProgress()) -> LongWork
  {
    LongWork(
      console: Console(isSpeaker: false, isQuiet: true, isLaunched: false), progress: progress,
      stop: stop)
  }

  @Test func aWorkGivesWhatItReturnsAndThrows() throws {
    let work = Self.work(TestStop())
    #expect(try work.run("counting") { _ in 7 } == 7)
    #expect(throws: SuddenEnd.self) { try work.run("failing") { _ in throw SuddenEnd() } }
  }

  /// The body never looks, and ends when it has been left.
  @Test(arguments: [false, true])
  func aWorkThatNeverLooksIsLeftAtOnce(byPeer: Bool) {
    let (stop, progress) = (TestStop(), RankProgress())
    let (left, ended) = (TestEvent(), TestEvent())
    #expect(throws: Interruption.self) {
      try Self.work(stop, progress).run("waiting") { _ in
        if byPeer { progress.hearEndOfPeer() } else { stop.wantsEnd = true }
        left.wait()
        ended.set()
      }
    }
    #expect(LongWork.isAbandoned && !ended.isSet)
    left.set()
  }

  @Test func aWorkThatIsToBeLeftDoesNotBegin() {
    let stop = TestStop()
    stop.wantsEnd = true
    #expect(throws: Interruption.self) { try Self.work(stop).run("nothing") { _ in exit(1) } }
  }

  @Test func theLineSaysWhatAndHowFar() {
    let meter = WorkMeter()
    #expect(LongWork.line("listing x", meter, unit: "photos", seconds: 2.4) == "listing x: 2 s")
    meter.add(1200)
    #expect(
      LongWork.line("listing x", meter, unit: "photos", seconds: 5)
        == "listing x: 1200 photos, 5 s")
    meter.expect(3400)
    #expect(
      LongWork.line("listing x", meter, unit: "photos", seconds: 5)
        == "listing x: 1200 of 3400 photos, 5 s")
  }

  /// One rank is told while people are drawn; the others hear of it when they meet it. In a process
  /// of its own, which `StartGuard` ends where the run does not leave by itself.
  @Test(arguments: [1, 3])
  func aRunThatIsToldToEndBeforeItsFirstStepLeavesNothing(ranks: Int) async {
    await #expect(processExitsWith: .success) { [ranks] in
      try FlaggedRun.withFolder { folder in
        let outcome = try FlaggedRun.train(FlaggedRun.small, in: folder, ranks: ranks) {
          hooks, rank in
          let stop = TestStop()
          stop.wantsEnd = rank == ranks - 1
          hooks.stop = stop
        }
        #expect(outcome.ending == .interrupted && outcome.steps.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: folder + "/config.yaml"))
        // As if nothing had been.
        #expect(try FlaggedRun.train(FlaggedRun.small, in: folder).steps.count == 12)
      }
    }
  }
}

/// The time that a run will take from here.
@Suite struct TimeLeftTests {
  @Test func stepsCountInTheMeanWithoutTheFirst() {
    var left = TimeLeft()
    #expect(left.seconds(steps: 10, evaluations: 0) == nil)
    left.add(step: 9)
    #expect(left.seconds(steps: 10, evaluations: 0) == 90)
    for seconds in [1.0, 3, 1, 3] { left.add(step: seconds) }
    #expect(left.seconds(steps: 10, evaluations: 0) == 20)
  }

  /// Throttled every fourth step, as under a quota: the estimate hardly moves.
  @Test func aStepThatIsHeldUpNowAndThenDoesNotMakeItJump() {
    var left = TimeLeft()
    left.add(step: 5)
    for step in 0..<200 {
      left.add(step: step % 4 == 0 ? 0.5 : 0.1)
      guard step >= 16 else { continue }
      let seconds = left.seconds(steps: 100, evaluations: 0)!
      #expect((18...22.6).contains(seconds), "after step \(step): \(seconds)")
    }
  }

  @Test func evaluationsCountAsTheLastOneDid() {
    var left = TimeLeft()
    left.add(step: 1)
    left.add(step: 2)
    #expect(left.seconds(steps: 10, evaluations: 3) == 20)
    left.add(evaluation: 40)
    #expect(left.seconds(steps: 10, evaluations: 3) == 140)
  }
}
