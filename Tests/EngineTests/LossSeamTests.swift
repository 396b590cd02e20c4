import Engine
import Kernels
import Losses
import Synchronization
import TestSupport
import Testing

/// ArcFace whose margin shrinks with the mean length of the embeddings, which it keeps from step to
/// step: a loss with a state.
private func lengthAware(_ head: any LossHead) -> WrappedHead {
  WrappedHead(
    head, state: LossState(["length": 1]), stateSumCount: 1,
    moved: { state, means in
      var state = state
      state["length"] = 0.9 * state["length"] + 0.1 * means[0]
      return state
    },
    prepare: { microbatch, sums in
      sums[0] = 0
      for row in 0..<microbatch.rows {
        sums[0] += ReductionKernel.sumOfSquares(
          of: microbatch.embeddings + row * microbatch.width, count: microbatch.width
        ).squareRoot()
      }
      return microbatch.marginFactor / Float(1 + microbatch.state["length"])
    })
}

/// Half the mean over the samples of the squared distances to all faces of their person: a loss of
/// the whole batch that is not triplets.
private final class AttractionLoss: BatchLoss, EvaluatedBatch, @unchecked Sendable {
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
      correctCount: 0, targetCosine: 0, spread: 1, evaluated: self)
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
    let run = EngineRun(objective: { .samples(lengthAware(EngineRun.head(of: $0))) })
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
