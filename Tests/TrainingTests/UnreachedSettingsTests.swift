import Collectives
import Configuration
import Datasets
import Foundation
import Inputs
import Planning
import RunSupport
import Sessions
import Testing
import Training

/// Settings that never come into force, or measure nothing, are named.
@Suite struct UnreachedSettingsTests {
  /// What is said of a run of 72 photos in steps of 18, four to the epoch, for three epochs.
  private func sentences(_ change: (inout RunConfiguration) -> Void) throws -> [String] {
    let configuration = SmallRun.configuration {
      $0.batch = 18
      $0.length = .epochs(3)
      $0.warmupEpochs = 0
      $0.checkpointEvery = RunConfiguration.demo.checkpointEvery
      change(&$0)
    }
    let communicator = SoloCommunicator()
    let session = try Session.start(
      communicator: communicator, threads: 1,
      console: Console(isSpeaker: false, isQuiet: true, isLaunched: false),
      launch: LaunchEnvironment(variables: [:]))
    defer { session.pool.end() }
    let data = try TrainingData.open(
      configuration, communicator: communicator, pool: session.pool)
    return try TrainingPlan(configuration, session: session, data: data, folder: nil).unreached
  }

  /// The one sentence, which begins with the option.
  private func only(_ change: (inout RunConfiguration) -> Void) throws -> String {
    let all = try sentences(change)
    #expect(all.count == 1, "\(all)")
    return all.first ?? ""
  }

  @Test func aRunWhoseSettingsAllComeIntoForceIsQuiet() throws {
    #expect(try sentences { _ in } == [])
    #expect(
      try sentences {
        $0.split = .peopleRandom(fraction: 0.5)
        $0.evaluateEvery = .epochs(1)
        $0.keepEvery = .epochs(2)
        $0.checkpointEvery = .steps(5)
        $0.splitSeed = 7
        $0.warmupEpochs = 1
        $0.schedule = .step
        $0.milestones = [.epochs(1), .epochs(2)]
        $0.marginWarmupEpochs = 1
      } == [])
  }

  @Test func aFlipTestOfNoEvaluationIsNamed() throws {
    #expect(
      try only { $0.flipTest = true }
        .hasPrefix("flip-test true: no evaluation of this run uses it, since evaluate-every is 0"))
  }

  @Test func anEvaluationOfNothingIsNamed() throws {
    #expect(
      try only { $0.evaluateEvery = .epochs(1) }
        .hasPrefix("evaluate-every 1e measures nothing: split all holds no photo out"))
    #expect(
      try only { $0.pairs = ["missing.txt"] }
        == "pairs missing.txt: never measured, since evaluate-every is 0")
    #expect(
      try only {
        $0.evaluateEvery = .epochs(1)
        $0.split = .peopleRandom(fraction: 0.99)
      }.hasPrefix("evaluate-every 1e verifies nothing"))
  }

  @Test func aWarmUpLongerThanTheRunIsNamed() throws {
    #expect(
      try only { $0.warmupEpochs = 30 }
        .hasPrefix("warmup-epochs 30 is longer than the run: the rate never becomes lr 0.1"))
    #expect(
      try only {
        $0.warmupEpochs = 3
        $0.schedule = .cosine
      }.contains("is the whole run: schedule cosine never begins"))
    #expect(
      try only { $0.marginWarmupEpochs = 3 }
        .hasPrefix("margin-warmup-epochs 3 is as long as the run: the margin never becomes"))
  }

  @Test func milestonesBeyondTheEndAreNamed() throws {
    func step(_ milestones: [Interval], gamma: Double = 0.1) -> (inout RunConfiguration) -> Void {
      {
        $0.schedule = .step
        $0.milestones = milestones
        $0.gamma = gamma
      }
    }
    #expect(
      try only(step([.epochs(4), .epochs(6)]))
        .hasPrefix("milestones 4e,6e: 2 of 2 lie beyond the end and never come"))
    #expect(try only(step([.epochs(2), .epochs(3)])).contains("1 of 2 lie beyond"))
    #expect(try only(step([.steps(12)])).contains("1 of 1 lie beyond"))
    #expect(try sentences(step([.steps(11)])) == [])
    #expect(try only(step([.epochs(1)], gamma: 1)) == "gamma 1: milestones change nothing")
    #expect(
      try only {
        step([.steps(2)])(&$0)
        $0.warmupEpochs = 1
      }.contains("a milestone lies within warmup-epochs 1"))
  }

  @Test func intervalsLongerThanTheRunAreNamed() throws {
    #expect(try only { $0.keepEvery = .epochs(5) }.contains("keeps nothing"))
    #expect(try only { $0.checkpointEvery = .steps(13) }.contains("only its end is kept"))
    #expect(
      try only {
        $0.split = .peopleRandom(fraction: 0.5)
        $0.evaluateEvery = .epochs(50)
      }.contains("measured at the end alone"))
    #expect(
      try only {
        $0.loss = .triplet
        $0.margin = [0.2]
        $0.mining = MiningSchedule(stages: [
          .init(mode: .semiHard, start: .never), .init(mode: .hardest, start: .epochs(9)),
        ])
      }.contains("hardest never begins"))
  }

  @Test func settingsWithoutEffectAreNamed() throws {
    #expect(try only { $0.splitSeed = 9 } == "split-seed 9 does nothing: split all draws nothing")
    #expect(
      try only {
        $0.decaysNormAndBias = true
        $0.weightDecay = 0
      } == "decay-norm-and-bias true does nothing: weight-decay is 0")
    #expect(
      try only {
        $0.schedule = .cosine
        $0.minimumLearningRate = $0.learningRate
      }.contains("schedule cosine changes nothing"))
  }
}
