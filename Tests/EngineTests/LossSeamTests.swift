import Engine
import Kernels
import Losses
import Synchronization
import Testing

/// ArcFace whose margin shrinks with the mean length of the embeddings, which it keeps from step to
/// step: a loss with a state.
private struct LengthAwareHead: LossHead {
  let inner: MarginSoftmaxHead
  var classes: Int { inner.classes }
  var dimension: Int { inner.dimension }
  var parameterCount: Int { inner.parameterCount }
  var parameters: [HeadParameter] { inner.parameters }
  let initialState = LossState(["length": 1])
  let stateSumCount = 1

  func distribution(
    of parameter: HeadParameter, _ initialization: HeadInitialization
  ) -> HeadDistribution { inner.distribution(of: parameter, initialization) }

  func scratchCount(rows: Int) -> Int { inner.scratchCount(rows: rows) }

  func run(
    _ embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>, rows: Int,
    weights: UnsafePointer<Float>, marginFactor: Float, state: LossState,
    into embeddingGradient: UnsafeMutablePointer<Float>,
    weightGradient: UnsafeMutablePointer<Float>, stateSums: UnsafeMutablePointer<Double>,
    scratch: UnsafeMutablePointer<Float>
  ) -> LossValue {
    stateSums[0] = 0
    for row in 0..<rows {
      stateSums[0] += ReductionKernel.sumOfSquares(
        of: embeddings + row * dimension, count: dimension
      ).squareRoot()
    }
    return inner.run(
      embeddings, labels: labels, rows: rows, weights: weights,
      marginFactor: marginFactor / Float(1 + state["length"]), into: embeddingGradient,
      weightGradient: weightGradient, scratch: scratch)
  }

  func move(_ state: inout LossState, by means: UnsafePointer<Double>) {
    state["length"] = 0.9 * state["length"] + 0.1 * means[0]
  }
}

/// Half the mean over the samples of the squared distances to all faces of their person: a loss of
/// the whole batch that is not triplets.
private final class AttractionLoss: BatchLoss, @unchecked Sendable {
  let width: Int
  private var rows: [[Double]] = []
  private var labels: [Int32] = []
  private let evaluations = Mutex(0)
  var bytes: Int { 0 }
  var workerBytes: Int { 0 }

  init(width: Int) { self.width = width }

  func evaluate(
    _ batch: StepBatch, embeddings: UnsafePointer<Float>, labels: UnsafePointer<Int32>,
    by crew: BatchCrew
  ) throws -> BatchOutcome? {
    let count = batch.samples.count
    rows = (0..<count).map { row in (0..<width).map { Double(embeddings[row * width + $0]) } }
    self.labels = (0..<count).map { labels[$0] }
    guard rows.allSatisfy({ $0.allSatisfy(\.isFinite) }) else { return nil }
    let words = try crew.gather(count) { [self] _, row, words in
      words.append(attraction(of: row).bitPattern)
    }
    #expect(words.count == count)
    let loss = words.reduce(0) { $0 + Double(bitPattern: $1) } / Double(count)
    return BatchOutcome(
      loss: loss, gradientScale: 1 / Double(count), active: Array(batch.microbatches.indices),
      correctCount: 0, targetCosine: 0, spread: 1)
  }

  private func attraction(of row: Int) -> Double {
    var sum = 0.0
    for other in rows.indices where labels[other] == labels[row] {
      for i in 0..<width {
        sum += (rows[row][i] - rows[other][i]) * (rows[row][i] - rows[other][i])
      }
    }
    return sum / 2
  }

  func gradients(
    at slots: Range<Int>, on worker: Int, into gradients: UnsafeMutablePointer<Float>
  ) {
    for slot in slots {
      for i in 0..<width {
        var sum = 0.0
        for other in rows.indices where labels[other] == labels[slot] {
          sum += 2 * (rows[slot][i] - rows[other][i])
        }
        gradients[(slot - slots.lowerBound) * width + i] = Float(sum)
      }
    }
  }
}

private struct AttractionObjective: BatchObjective {
  let batch = 18
  let passes: Int
  func makeLoss(width: Int, workers: Int) -> any BatchLoss { AttractionLoss(width: width) }
  func memory(width: Int, workers: Int) -> (batch: Int, worker: Int) { (0, 0) }
}

@Suite struct LossSeamTests {
  @Test func theStateOfALossIsTheSameInEveryWorld() throws {
    let run = EngineRun(objective: { factory in
      guard case .samples(let head as MarginSoftmaxHead) = factory.objective else {
        fatalError("the demo's loss is ArcFace")
      }
      return .samples(LengthAwareHead(inner: head))
    })
    let alone = try run.outcomes(ranks: 1)[0]
    #expect(alone.loss["length"] != 1 && alone.receipts.count == 3)
    for (ranks, threads) in [(1, 2), (2, 1), (3, 2)] {
      for outcome in try run.outcomes(ranks: ranks, threads: threads) {
        #expect(outcome.receipts == alone.receipts && outcome.loss == alone.loss)
      }
    }
    // The state is used: without it the weights are others.
    let plain = try EngineRun(objective: { $0.objective }).outcomes(ranks: 1)[0]
    #expect(plain.receipts[0] != alone.receipts[0] && plain.loss == LossState())
  }

  @Test func aLossOfTheWholeBatchIsTheSameInEveryWorld() throws {
    func run(passes: Int) -> EngineRun {
      EngineRun(objective: { _ in .wholeBatch(AttractionObjective(passes: passes)) })
    }
    let alone = try run(passes: 2).outcomes(ranks: 1)[0]
    #expect(alone.losses[2] < alone.losses[0])
    for passes in [1, 2] {
      for (ranks, threads) in [(1, 2), (2, 1), (3, 2)] {
        for outcome in try run(passes: passes).outcomes(ranks: ranks, threads: threads) {
          #expect(outcome.receipts == alone.receipts && outcome.losses == alone.losses)
        }
      }
    }
  }
}
