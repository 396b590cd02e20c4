import Configuration
import Engine
import Losses
import TestSupport
import Testing

/// Margins that depend on statistics of the whole batch, or are drawn: the same bits in every
/// world, with the state of the loss, whole and divided.
@Suite struct AdaptiveMarginTests {
  private static func run(
    _ loss: LossName, head: HeadPlacement = .whole, rate: Double = 0.5, deviation: Double = 0.3
  ) -> EngineRun {
    var configuration = EngineRun.configuration
    configuration.loss = loss
    configuration.margin = loss.traits.margin
    configuration.scale = loss.traits.scale ?? 1
    configuration.normConcentration = 3
    configuration.statisticsRate = rate
    configuration.marginDeviation = deviation
    configuration.head = head
    configuration.batch = 18
    var run = EngineRun(objective: { $0.objective })
    run.configuration = configuration
    return run
  }

  private static let losses: [LossName] = [.adaface, .curricularface]

  @Test(arguments: losses) func statisticsAreTheSameInEveryWorld(loss: LossName) throws {
    let alone = try Self.run(loss).outcomes(ranks: 1)[0]
    let slow = try Self.run(loss, rate: 1e-6).outcomes(ranks: 1)[0]
    #expect(!alone.loss.names.isEmpty && alone.loss != slow.loss)
    for head in [HeadPlacement.whole, .divided] {
      for (ranks, threads) in [(1, 2), (2, 1), (3, 2), (8, 1)] {
        for outcome in try Self.run(loss, head: head).outcomes(ranks: ranks, threads: threads) {
          #expect(outcome.receipts == alone.receipts, "\(head), \(ranks) ranks")
          #expect(outcome.losses == alone.losses && outcome.loss == alone.loss)
        }
      }
    }
  }

  /// The first step is that of the first state; what moves it counts from the second on.
  @Test(arguments: losses) func theStateIsUsedFromTheNextStepOn(loss: LossName) throws {
    let fast = try Self.run(loss).outcomes(ranks: 1)[0]
    let slow = try Self.run(loss, rate: 1e-6).outcomes(ranks: 1)[0]
    #expect(fast.receipts[0] == slow.receipts[0] && fast.losses[0] == slow.losses[0])
    #expect(fast.losses[1] != slow.losses[1])
  }

  /// Margins of a deviation are others than ArcFace's or CosFace's, in every step anew.
  @Test(arguments: [(LossName.elasticArcFace, LossName.arcface), (.elasticCosFace, .cosface)])
  func drawnMarginsAreTheSameInEveryWorld(loss: LossName, plain: LossName) throws {
    let alone = try Self.run(loss).outcomes(ranks: 1)[0]
    let undeviating = try Self.run(loss, deviation: 0).outcomes(ranks: 1)[0]
    let other = try Self.run(plain).outcomes(ranks: 1)[0]
    #expect(undeviating.receipts == other.receipts && undeviating.losses == other.losses)
    #expect(zip(alone.losses, other.losses).allSatisfy { $0 != $1 })
    for head in [HeadPlacement.whole, .divided] {
      for (ranks, threads) in [(1, 2), (2, 1), (3, 2), (8, 1)] {
        for outcome in try Self.run(loss, head: head).outcomes(ranks: ranks, threads: threads) {
          #expect(outcome.receipts == alone.receipts, "\(head), \(ranks) ranks")
          #expect(outcome.losses == alone.losses)
        }
      }
    }
  }
}
