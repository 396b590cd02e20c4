import Collectives
import Testing

/// The watch of one rank, and a clock that the test moves.
private struct Case {
  var watch: RingWatch
  var limits = WatchLimits(silenceSeconds: 20, stallSeconds: 300)
  var now = 1000.0
  var own = RankState(phase: .compute, step: 5)
  var isEnding = false
  var findings: [RingWatch.Finding] = []

  init(rank: Int = 1, size: Int = 4) {
    watch = RingWatch(rank: rank, size: size, at: 1000)
  }

  /// Passes `seconds` in looks of half a second; `peers` tells what the neighbours say at a look.
  mutating func pass(
    _ seconds: Double, ownWorks: Bool = true, peers: (Int) -> [Int: RankState] = { _ in [:] }
  ) {
    for i in 0..<Int(seconds * 2) {
      now += 0.5
      if ownWorks { own.ticks += 1 }
      for (rank, state) in peers(i) {
        if let finding = watch.heard(state, from: rank, limits: limits, at: now) {
          findings.append(finding)
        }
      }
      findings += watch.look(own: own, limits: limits, isEnding: isEnding, at: now)
    }
  }
}

private func working(_ i: Int, step: Int = 5) -> RankState {
  RankState(phase: .compute, step: step, ticks: i)
}

@Suite struct RingWatchTests {
  @Test func neighboursAreThoseOfTheRing() {
    #expect(RingWatch(rank: 0, size: 1, at: 0).neighbourRanks == [])
    #expect(RingWatch(rank: 1, size: 2, at: 0).neighbourRanks == [0])
    #expect(Set(RingWatch(rank: 0, size: 5, at: 0).neighbourRanks) == [1, 4])
  }

  @Test func whoBeatsIsNeverReported() {
    var test = Case()
    test.pass(1000) { [0: working($0), 2: working($0)] }
    #expect(test.findings == [])
  }

  @Test func theNextRankIsNamedWhenSilentAndThePreviousALittleLater() {
    var test = Case()
    test.pass(3) { [0: working($0), 2: working($0, step: 6)] }
    test.pass(20) { [0: working($0 + 9)] }
    #expect(test.findings == [])
    test.pass(0.5) { [0: working($0 + 99)] }
    #expect(
      test.findings == [.silent(rank: 2, seconds: 20.5, last: working(5, step: 6))])
    #expect(test.findings.allSatisfy { $0.endsJob })
    var other = Case()
    other.pass(3) { [0: working($0), 2: working($0)] }
    other.pass(22) { [2: working($0 + 9)] }
    #expect(other.findings == [])
    other.pass(0.5) { [2: working($0 + 99)] }
    #expect(other.findings == [.silent(rank: 0, seconds: 22.5, last: working(5))])
  }

  @Test func aShortCutIsReportedAndNothingMore() {
    var test = Case()
    test.pass(3) { [0: working($0), 2: working($0)] }
    test.pass(12) { [0: working($0 + 9)] }
    test.pass(30) { [0: working($0 + 99), 2: working($0)] }
    #expect(test.findings == [.returned(rank: 2, seconds: 12.5)])
    #expect(!test.findings[0].endsJob)
  }

  @Test func aJobThatIsSuspendedAsAWholeGoesOn() {
    var test = Case()
    test.pass(3) { [0: working($0), 2: working($0)] }
    // The whole job stood still for an hour; messages come before or after the first look.
    test.now += 3600
    test.pass(10) { $0 < 4 ? [:] : [0: working($0 + 9), 2: working($0 + 9)] }
    #expect(test.findings == [])
  }

  @Test func aRankWithoutProgressEndsTheJobByPhase() {
    for (phase, limit) in [(RunPhase.compute, 300.0), (.checkpoint, 600), (.start, 3600)] {
      var test = Case()
      test.own.phase = phase
      test.pass(limit, ownWorks: false) { [0: working($0), 2: working($0)] }
      #expect(test.findings == [], "\(phase)")
      test.pass(1, ownWorks: false) { [0: working($0 + 99_999), 2: working($0 + 99_999)] }
      #expect(test.findings.first?.endsJob == true, "\(phase)")
      guard case .stalled(_, let state) = test.findings.first else {
        Issue.record("\(test.findings)")
        continue
      }
      #expect(state.phase == phase && state.step == 5)
    }
  }

  @Test func whoWaitsForAWorkingRankReportsItOnceInAWhile() {
    var test = Case()
    test.own.isWaiting = true
    test.pass(1000, ownWorks: false) { [0: working($0), 2: working($0)] }
    let slow = test.findings.compactMap { finding -> Int? in
      guard case .slow(let rank, _, _) = finding else { return nil }
      return rank
    }
    // After 20 s, and then every 300 s; a wait is no stall.
    #expect(slow == [2, 2, 2, 2] && test.findings.count == 4, "\(test.findings)")
  }

  @Test func aPeerThatWaitsTooIsNotSlow() {
    var test = Case()
    test.own.isWaiting = true
    var waiting = working(1)
    waiting.isWaiting = true
    test.pass(1000, ownWorks: false) { [0: working($0), 2: waiting] }
    #expect(test.findings == [])
  }

  @Test func whileTheJobEndsTheMissingRankIsNamedOnce() {
    var test = Case()
    test.pass(30) { [0: working($0), 2: working($0)] }
    test.isEnding = true
    test.pass(5) { [0: working($0 + 99)] }
    #expect(test.findings == [.missing(rank: 2, seconds: 2, last: working(59))])
  }

  @Test func whoHasLeftIsNotMissed() {
    var test = Case()
    test.pass(3) { [0: working($0), 2: working($0)] }
    test.watch.parted(2)
    #expect(!test.watch.isAlone)
    test.pass(100) { [0: working($0 + 9)] }
    #expect(test.findings == [])
    test.watch.parted(0)
    #expect(test.watch.isAlone)
  }

  @Test func nothingEndsWithoutLimits() {
    var test = Case()
    test.limits = WatchLimits(silenceSeconds: nil, stallSeconds: nil)
    test.pass(5000, ownWorks: false)
    #expect(test.findings == [])
  }

  @Test func statesComeBackFromWords() {
    for phase in RunPhase.allCases {
      for isWaiting in [false, true] {
        let state = RankState(phase: phase, step: 123_456_789, ticks: 987, isWaiting: isWaiting)
        #expect(RankState(words: state.words) == state)
      }
    }
    #expect(RankState(words: [99, 0, 0]) == nil)
    #expect(RankState(words: [0, 0]) == nil)
    #expect("\(RankState(phase: .compute, step: 41))" == "compute of step 41")
    #expect("\(RankState(phase: .start))" == "start")
  }

  @Test func progressTellsReadingFromComputing() {
    let progress = RankProgress()
    progress.enter(.compute, step: 7)
    let before = progress.state
    #expect(before == RankState(phase: .compute, step: 7, ticks: before.ticks))
    progress.reading { #expect(progress.state.phase == .read) }
    progress.waiting { #expect(progress.state.isWaiting) }
    #expect(!progress.state.isWaiting && progress.state.ticks > before.ticks)
    #expect(!progress.wantsEnd)
    progress.askingEnd({ true }) { #expect(progress.wantsEnd) }
    #expect(!progress.wantsEnd)
  }

  @Test func patienceIsThatOfThePhase() {
    let progress = RankProgress()
    #expect(progress.limits == WatchLimits() && progress.failureFile == nil)
    #expect(progress.patienceSeconds == 3600)
    progress.watch(limits: WatchLimits(silenceSeconds: nil, stallSeconds: 7), failureFile: "why")
    progress.enter(.compute)
    #expect(progress.patienceSeconds == 7 && progress.failureFile == "why")
    progress.enter(.checkpoint)
    #expect(progress.patienceSeconds == 14)
    progress.watch(limits: WatchLimits(silenceSeconds: nil, stallSeconds: nil))
    #expect(progress.patienceSeconds == nil && progress.failureFile == nil)
  }
}
