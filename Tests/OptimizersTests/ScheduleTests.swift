import Foundation
import Optimizers
import Testing

@Suite struct ScheduleTests {
  private func rates(_ schedule: Schedule, _ count: Int, base: Double = 0.1) -> [Double] {
    (0..<count).map { schedule.rate(at: $0, base: base) }
  }

  private func agree(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-15 }
  }

  /// The numbers of insightface's PolynomialLRWarmup, read off by running it.
  @Test func polynomialIsThatOfInsightface() {
    let plain = Schedule(.polynomial(power: 1), totalSteps: 10)
    #expect(agree(rates(plain, 10), (0..<10).map { 0.1 - 0.01 * Double($0) }))
  }

  @Test func linearWarmUpMovesAtOnceAndReachesTheBase() {
    let schedule = Schedule(.polynomial(power: 2), totalSteps: 8, warmUpSteps: 4)
    #expect(
      agree(
        rates(schedule, 9),
        [0.025, 0.05, 0.075, 0.1, 0.1, 0.1 * 0.5625, 0.1 * 0.25, 0.1 * 0.0625, 0]))
  }

  @Test func stepsFallAtTheMilestones() {
    let schedule = Schedule(.step(milestones: [3, 5], gamma: 0.1), totalSteps: 6, warmUpSteps: 1)
    #expect(agree(rates(schedule, 7), [0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]))
    let floored = Schedule(
      .step(milestones: [3, 5], gamma: 0.1), totalSteps: 6, floorRate: 0.004)
    #expect(agree(rates(floored, 6), [0.1, 0.1, 0.1, 0.01, 0.01, 0.004]))
  }

  @Test func cosineFallsToItsFloor() {
    let schedule = Schedule(.cosine, totalSteps: 6, warmUpSteps: 2, floorRate: 0.02)
    let expected = (0...4).map { 0.02 + 0.08 * (1 + cos(Double.pi * Double($0) / 4)) / 2 }
    #expect(agree(rates(schedule, 9), [0.05, 0.1] + expected + [0.02, 0.02]))
  }

  @Test func constantStaysAndEndsAreSafe() {
    #expect(
      rates(Schedule(.constant, totalSteps: 3, floorRate: 1), 5) == [0.1, 0.1, 0.1, 0.1, 0.1])
    let all: [Schedule.Decay] = [
      .constant, .cosine, .polynomial(power: 0.5), .step(milestones: [], gamma: 0.1),
    ]
    for decay in all {
      // Warm-up as long as the run, and longer.
      for warmUp in [5, 9] {
        let schedule = Schedule(decay, totalSteps: 5, warmUpSteps: warmUp)
        #expect(rates(schedule, 12).allSatisfy { $0.isFinite && $0 >= 0 && $0 <= 0.1 })
        #expect(schedule.rate(at: warmUp - 1, base: 0.1) == 0.1)
      }
    }
  }

  @Test func headAndBackboneHaveRatesOfTheirOwn() {
    let schedule = Schedule(.constant, totalSteps: 10, warmUpSteps: 2)
    let rates = schedule.rates(at: 0, base: LearningRates(backbone: 0.2, head: 0.8))
    #expect(rates == LearningRates(backbone: 0.1, head: 0.4))
  }
}
