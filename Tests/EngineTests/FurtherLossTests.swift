import Configuration
import Determinism
import Engine
import Losses
import TestSupport
import Testing

/// Smoothed truths, margins by norms and sigmoids about a bias: the same bits in every world, whole
/// and divided.
@Suite struct FurtherLossTests {
  /// 2,101 classes of width 32: two blocks of 2,048, the last of which is short and ends within a
  /// vector.
  private static func run(
    _ loss: LossName, head: HeadPlacement = .whole, samples: Int = 12,
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> EngineRun {
    var configuration = EngineRun.configuration
    configuration.embedding = 32
    configuration.loss = loss
    configuration.margin = loss.traits.margin
    // Of a width of 32 cosines spread widely: at 64 gradients of many sigmoids leave the grid.
    configuration.scale = min(16, loss.traits.scale ?? 1)
    configuration.statisticsRate = 0.5
    configuration.normRange = [0.5, 20]
    configuration.head = head
    configuration.batch = samples
    change(&configuration)
    var run = EngineRun(objective: { $0.objective })
    run.configuration = configuration
    run.classCount = 2_101
    run.samples = samples
    run.steps = 2
    run.label = { step, slot in
      slot == 5
        ? 2_100
        : CounterRandom(seed: 9, purpose: .testing, step, slot / 2).integer(0, below: 2_101)
    }
    return run
  }

  private func expectSameBits(
    _ loss: LossName, unlike plain: LossName? = nil, samples: Int = 12,
    _ change: @escaping (inout RunConfiguration) -> Void = { _ in }
  ) throws {
    let alone = try Self.run(loss, samples: samples, change).outcomes(ranks: 1)[0]
    let other = try Self.run(plain ?? loss, samples: samples).outcomes(ranks: 1)[0]
    #expect(zip(alone.losses, other.losses).allSatisfy { $0 != $1 })
    #expect(alone.figures.allSatisfy { $0[3] == 0 }, "all steps are sound")
    let worlds: [(HeadPlacement, Int, Int)] = [
      (.whole, 3, 1), (.divided, 2, 2), (.divided, 3, 1), (.divided, 8, 1),
    ]
    for (head, ranks, threads) in worlds {
      let run = Self.run(loss, head: head, samples: samples, change)
      for outcome in try run.outcomes(ranks: ranks, threads: threads) {
        #expect(outcome.receipts == alone.receipts, "\(head), \(ranks) ranks")
        #expect(outcome.losses == alone.losses && outcome.loss == alone.loss)
      }
    }
  }

  /// 36 faces are more than a tile has room for.
  @Test func smoothedTruthsAreTheSameInEveryWorld() throws {
    try expectSameBits(.softmax) { $0.labelSmoothing = 0.1 }
    try expectSameBits(.curricularface, samples: 36) { $0.labelSmoothing = 0.1 }
  }

  @Test func marginsByNormsAreTheSameInEveryWorld() throws {
    try expectSameBits(.magface, unlike: .arcface)
    let weak = try Self.run(.magface) { $0.normWeight = 1 }.outcomes(ranks: 1)[0]
    let usual = try Self.run(.magface).outcomes(ranks: 1)[0]
    #expect(weak.losses[0] < usual.losses[0])
  }

  @Test func sigmoidsAndTheirBiasAreTheSameInEveryWorld() throws {
    try expectSameBits(.uniface, unlike: .cosface)
    // A bias that moves counts from the second step on.
    let fast = try Self.run(.uniface) { $0.biasRate = 2 }.outcomes(ranks: 1)[0]
    let still = try Self.run(.uniface) { $0.biasRate = 0 }.outcomes(ranks: 1)[0]
    #expect(fast.losses[0] == still.losses[0] && fast.losses[1] != still.losses[1])
    #expect(fast.loss != still.loss && !still.loss.names.isEmpty)
  }

  /// Three centres and tiles of which each has whole classes; 36 faces are more than a tile has
  /// room for.
  @Test func severalCentresAreTheSameInEveryWorld() throws {
    try expectSameBits(.arcface) { $0.subCentres = 3 }
    try expectSameBits(.curricularface, samples: 36) { $0.subCentres = 3 }
    try expectSameBits(.uniface) { $0.subCentres = 2 }
    try expectSameBits(.magface) { $0.subCentres = 7 }
  }

  /// A class takes part with all its centres, on one rank and on three.
  @Test(arguments: [IdleRows.keep, .decay]) func sampledCentresAreTheSameInEveryWorld(
    idleRows: IdleRows
  ) throws {
    func outcome(ranks: Int, share: Double = 0.3) throws -> EngineRun.Outcome {
      try Self.run(.arcface, head: .divided, samples: 36) {
        $0.subCentres = 3
        $0.sampleClasses = share
        $0.idleRows = idleRows
      }.outcomes(ranks: ranks)[0]
    }
    let (one, three) = (try outcome(ranks: 1), try outcome(ranks: 3))
    #expect(one.receipts == three.receipts && one.losses == three.losses)
    #expect(one.losses != (try outcome(ranks: 1, share: 0.5)).losses)
  }

  /// With some of the classes, on one rank and on three.
  @Test func sampledSigmoidsAreTheSameInEveryWorld() throws {
    func outcome(ranks: Int) throws -> EngineRun.Outcome {
      try Self.run(.uniface, head: .divided) { $0.sampleClasses = 0.3 }.outcomes(ranks: ranks)[0]
    }
    let (one, three) = (try outcome(ranks: 1), try outcome(ranks: 3))
    #expect(one.receipts == three.receipts && one.losses == three.losses)
    #expect(one.loss == three.loss)
  }
}
