import Engine
import Optimizers
import State
import Testing

@Suite struct StateVectorTests {
  /// AdamW keeps two vectors, and AdaGrad begins with another value than 0.
  private static let optimizers: [any Optimizer & Sendable] = [
    AdamW(weightDecay: 0.01), AdaGrad(weightDecay: 0, initialAccumulator: 0.1),
  ]

  private func run(_ optimizer: any Optimizer, isSharded: Bool) -> EngineRun {
    EngineRun(
      objective: { $0.objective }, optimizer: optimizer,
      vectors: optimizer.stateNames.map {
        StateVector(name: $0, initial: optimizer.initialState)
      }, isSharded: isSharded)
  }

  @Test(arguments: [0, 1])
  func partsOfAllRanksMakeTheWholeVectors(number: Int) throws {
    let optimizer = Self.optimizers[number]
    let alone = try run(optimizer, isSharded: false).outcomes(ranks: 1)[0]
    #expect(alone.vectors.count == optimizer.stateNames.count)
    #expect(alone.vectors.allSatisfy { $0.contains { $0 != optimizer.initialState } })
    for ranks in [2, 3] {
      let sharded = try run(optimizer, isSharded: true).outcomes(ranks: ranks)
      #expect(sharded.allSatisfy { $0.receipts == alone.receipts })
      #expect(sharded[0].vectors == alone.vectors && sharded[1].vectors.isEmpty)
      #expect(sharded[0].hasCopiedParameters)
    }
  }

  @Test func theAverageOfShardedWeightsIsThatOfWholeOnes() throws {
    var whole = EngineRun(objective: { $0.objective }, average: WeightAverage(decay: 0.5))
    whole.vectors.append(.average)
    let alone = try whole.outcomes(ranks: 1)[0]
    #expect(alone.vectors[1].contains { $0 != 0 } && alone.vectors[1] != alone.vectors[0])
    var sharded = whole
    sharded.isSharded = true
    for ranks in [2, 3] {
      let outcomes = try sharded.outcomes(ranks: ranks)
      #expect(outcomes[0].vectors == alone.vectors)
      #expect(outcomes.allSatisfy { $0.receipts == alone.receipts })
      // Lent to every rank, and given back.
      #expect(outcomes.allSatisfy { $0.average == alone.vectors[1] && $0.keepsItsParts })
    }
  }

  @Test func whatRanksRoundAwayIsSummed() throws {
    var run = EngineRun(objective: { $0.objective }, reduction: .bf16)
    run.vectors.append(StateVector(name: "residual", residence: .addend))
    let outcomes = try run.outcomes(ranks: 2)
    #expect(outcomes[0].receipts == outcomes[1].receipts)
    #expect(outcomes[0].vectors.count == 2)
    #expect(outcomes[0].vectors[1].contains { $0 != 0 } && outcomes[0].hasCopiedParameters)
  }
}
