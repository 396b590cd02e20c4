import Assembly
import Configuration
import Determinism
import Engine
import Losses
import Optimizers
import State
import TestSupport
import Testing

/// A head divided over the ranks against the whole one: the same bits of everything.
@Suite struct DividedHeadTests {
  /// 4,999 classes of width 32: three blocks of 2,048, the last of which is short and ends within a
  /// vector; 72 faces are three times as many as a tile has room for.
  private static func run(
    _ head: HeadPlacement, loss: LossName = .arcface, passes: Int = 2,
    _ change: (inout EngineRun) -> Void = { _ in }
  ) -> EngineRun {
    var configuration = EngineRun.configuration
    configuration.embedding = 32
    configuration.loss = loss
    configuration.margin = loss.traits.margin
    // Of a width of 32 cosines spread widely: at 64 gradients of many sigmoids leave the grid.
    configuration.scale = loss == .uniface ? 16 : loss.traits.scale ?? 1
    configuration.head = head
    configuration.passes = passes
    configuration.batch = 72
    var run = EngineRun(objective: { $0.objective })
    run.configuration = configuration
    run.classCount = 4_999
    run.samples = 72
    run.steps = 2
    // Every block has some of them, the last class too, and some classes come twice.
    run.label = { step, slot in
      slot == 5
        ? 4_998
        : CounterRandom(seed: 9, purpose: .testing, step, slot / 2).integer(
          0, below: 4_999)
    }
    change(&run)
    return run
  }

  private static func check(
    _ outcomes: [EngineRun.Outcome], are whole: EngineRun.Outcome, _ what: String
  ) {
    for (rank, outcome) in outcomes.enumerated() {
      #expect(outcome.receipts == whole.receipts, "\(what), rank \(rank)")
      #expect(outcome.losses == whole.losses, "\(what), rank \(rank)")
      #expect(outcome.figures == whole.figures, "\(what), rank \(rank)")
      #expect(outcome.loss == whole.loss, "\(what), rank \(rank)")
    }
  }

  @Test(arguments: [1, 2, 3, 8]) func aDividedHeadGivesTheBitsOfTheWholeOne(ranks: Int) throws {
    let whole = try Self.run(.whole).outcomes(ranks: 1)[0]
    #expect(whole.losses[1] != whole.losses[0] && whole.figures.allSatisfy { $0[3] == 0 })
    for (threads, passes) in [(1, 2), (3, 1)] {
      Self.check(
        try Self.run(.divided, passes: passes).outcomes(ranks: ranks, threads: threads),
        are: whole, "\(ranks) ranks, \(threads) threads, \(passes) passes")
    }
  }

  @Test(arguments: LossName.allCases.filter(\.traits.hasClassWeights))
  func everyLossWithClassWeightsCanBeDivided(loss: LossName) throws {
    let whole = try Self.run(.whole, loss: loss).outcomes(ranks: 1)[0]
    Self.check(
      try Self.run(.divided, loss: loss).outcomes(ranks: 2, threads: 2), are: whole, "\(loss)")
  }

  @Test(arguments: [
    MarginSoftmaxConfiguration.Variant.monotone, .easy, .clamped,
  ]) func everyVariantCanBeDivided(variant: MarginSoftmaxConfiguration.Variant) throws {
    func change(_ run: inout EngineRun) {
      run.configuration.marginVariant = variant
      run.configuration.marginGradient = .straightThrough
    }
    let whole = try Self.run(.whole) { change(&$0) }.outcomes(ranks: 1)[0]
    Self.check(
      try Self.run(.divided) { change(&$0) }.outcomes(ranks: 2), are: whole, "\(variant)")
  }

  /// Norms are taken over the classes of all ranks: LARS and clipping need them before the update.
  @Test func normsAreThoseOfTheWholeHead() throws {
    let optimizers: [(any Optimizer, [StateVector])] = [
      (LARS(weightDecay: 1e-3), [StateVector(name: "momentum")]),
      (AdamW(weightDecay: 1e-3), AdamW(weightDecay: 0).stateNames.map { StateVector(name: $0) }),
    ]
    for (optimizer, vectors) in optimizers {
      for loss in [LossName.cosface, .softmax] {
        func change(_ run: inout EngineRun) {
          run.optimizer = optimizer
          run.vectors = vectors
          run.clipping = GradientClipping(maximumNorm: 0.01)
        }
        let whole = try Self.run(.whole, loss: loss) { change(&$0) }.outcomes(ranks: 1)[0]
        #expect(whole.receipts[0].norm > 0.01)
        for isSharded in [false, true] {
          let divided = try Self.run(.divided, loss: loss) {
            change(&$0)
            $0.isSharded = isSharded
          }.outcomes(ranks: 3)
          Self.check(divided, are: whole, "\(optimizer.stateNames), sharded: \(isSharded)")
          Self.checkCopy(divided[0], isOf: whole)
        }
      }
    }
  }

  /// What a checkpoint takes of parameters and vectors: all but the classes, which are divided.
  private static func checkCopy(_ first: EngineRun.Outcome, isOf whole: EngineRun.Outcome) {
    #expect(first.hasCopiedParameters && first.vectors.count == whole.vectors.count)
    let biases = first.networkCount + 4_999 * 32
    for (vector, expected) in zip(first.vectors, whole.vectors) {
      #expect(vector[..<first.networkCount] == expected[..<first.networkCount])
      #expect(vector[biases...] == expected[biases...])
    }
  }

  /// Batches may be smaller than the one that memory was taken for, down to one face a rank or
  /// none.
  @Test func aShortBatchIsNothingSpecial() throws {
    for samples in [4, 7, 33] {
      func change(_ run: inout EngineRun) { run.samples = samples }
      let whole = try Self.run(.whole) { change(&$0) }.outcomes(ranks: 1)[0]
      Self.check(
        try Self.run(.divided) { change(&$0) }.outcomes(ranks: 3), are: whole, "\(samples) faces")
    }
  }

  /// A gradient that leaves the grid on one rank's classes is found by all ranks.
  @Test func anUnsoundClassGradientIsFoundByAllRanks() throws {
    func change(_ run: inout EngineRun) {
      run.configuration.scale = 1e6
      run.steps = 1
    }
    let outcomes = try Self.run(.divided) { change(&$0) }.outcomes(ranks: 3)
    for outcome in outcomes { #expect(outcome.figures[0][3] > 0) }
  }

  @Test func blocksAreAFunctionOfTheWidth() {
    for (width, classes) in [(512, 128), (256, 256), (128, 512), (1024, 128), (32, 2_048)] {
      #expect(HeadBlocks(classes: 1_000_000, dimension: width).blockClasses == classes)
    }
    let blocks = HeadBlocks(classes: 1_000, dimension: 512)
    #expect(blocks.count == 8 && blocks.activeRanks(of: 3) == 3 && blocks.activeRanks(of: 9) == 8)
    for ranks in [1, 2, 3, 8, 9] {
      let parts = (0..<ranks).map { blocks.classes(of: $0, ranks: ranks) }
      #expect(parts.flatMap(Array.init) == Array(0..<1_000))
      #expect(parts.allSatisfy { $0.isEmpty || $0.lowerBound % 128 == 0 })
    }
  }
}
