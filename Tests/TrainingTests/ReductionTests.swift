import Collectives
import Configuration
import Foundation
import RunSupport
import Testing
import TestSupport
import Training

/// How gradients travel between ranks: a sharded optimizer, rounding, and the number of
/// collectives.
@Suite struct ReductionTests {
  /// Wide enough for several buckets and many blocks.
  private static func configuration(
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.width = 0.25
      $0.embedding = 3584
      $0.length = .steps(5)
      change(&$0)
    }
  }

  private static let alone = try! SmallRun.train(configuration())[0]

  private static let optimizers = [OptimizerName.sgd, .lars, .adamw]

  private static func configuration(optimizer: OptimizerName) -> RunConfiguration {
    configuration {
      $0.optimizer = optimizer
      $0.momentum = optimizer.traits.momentum ?? 0
      $0.learningRate = optimizer == .adamw ? 0.001 : 0.1
      // Low enough to clip every step.
      $0.clipNorm = 0.5
    }
  }

  private static let aloneByOptimizer = Dictionary(
    uniqueKeysWithValues: optimizers.map {
      ($0, try! SmallRun.train(configuration(optimizer: $0))[0])
    })

  @Test(arguments: [2, 3, 8], optimizers)
  func aShardedOptimizerGivesTheSameBits(ranks: Int, optimizer: OptimizerName) throws {
    let expected = try #require(Self.aloneByOptimizer[optimizer])
    #expect(expected.records.allSatisfy { $0.gradientNorm > 0.5 })
    let world = try SmallRun.train(
      Self.changed(Self.configuration(optimizer: optimizer)) { $0.shardsOptimizer = true },
      ranks: ranks, threads: ranks < 8 ? 2 : 1)
    for (rank, outcome) in world.enumerated() {
      #expect(outcome.records.map(StepBits.init) == expected.records.map(StepBits.init))
      #expect(outcome.weights == expected.weights, "rank \(rank) of \(ranks)")
    }
  }

  private static func changed(
    _ configuration: RunConfiguration, _ change: (inout RunConfiguration) -> Void
  ) -> RunConfiguration {
    var configuration = configuration
    change(&configuration)
    return configuration
  }

  @Test func ranksKeepTheirPartOfTheOptimizerAlone() throws {
    let kept = Kept()
    _ = try SmallRun.train(
      Self.configuration { $0.shardsOptimizer = true }, ranks: 3,
      hook: { hooks, rank in
        hooks.onStep = { trainer, record in
          guard record.step == 5 else { return }
          let state = trainer.engine.state
          let used = (0..<state.parameterCount).filter { state.vectorsPointer[$0] != 0 }
          let own = trainer.engine.ownRanges ?? []
          let isOwn = used.allSatisfy { index in own.contains { $0.contains(index) } }
          kept.add(used: used.count, of: state.parameterCount, isOwn: isOwn)
        }
      })
    #expect(kept.areOwn && kept.counts.count == 3)
    let total = kept.counts.reduce(0, +)
    // Momentum is 0 in few places: where a gradient is, or rounds to it on the grid.
    #expect(kept.parameterCount > 1 << 20)
    #expect(total > kept.parameterCount * 9 / 10, "\(kept.counts) of \(kept.parameterCount)")
    #expect(total <= kept.parameterCount)
    #expect(kept.counts.allSatisfy { $0 < total / 2 }, "\(kept.counts)")
  }

  private final class Kept: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var counts: [Int] = []
    private(set) var areOwn = true
    private(set) var parameterCount = 0

    func add(used: Int, of parameterCount: Int, isOwn: Bool) {
      lock.withLock {
        counts.append(used)
        self.parameterCount = parameterCount
        areOwn = areOwn && isOwn
      }
    }
  }

  /// Parts of one run by worlds of different sizes, sharded and not, in any order.
  @Test(arguments: [Reduction.exact, .bf16])
  func aRunGoesOnShardedOrNot(reduction: Reduction) throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let worlds = [(3, true), (2, false), (8, true), (1, true), (2, true)]
    var last: SmallRun.Outcome?
    for (turn, (ranks, isSharded)) in worlds.enumerated() {
      let outcomes = try SmallRun.train(
        Self.configuration {
          $0.reduction = reduction
          $0.length = .steps(5)
          $0.resume = .auto
          $0.shardsOptimizer = isSharded
        }, ranks: ranks, folder: folder,
        hook: { hooks, rank in
          guard turn < 4, rank == ranks - 1 else { return }
          let stop = TestStop()
          hooks.stop = stop
          hooks.onStep = { if $1.step == turn + 1 { stop.wantsEnd = true } }
        })
      #expect(outcomes.allSatisfy { $0.ending == (turn < 4 ? .interrupted : .finished) })
      #expect(outcomes[0].records.map(\.step) == [turn + 1])
      #expect(outcomes.allSatisfy { $0.weights == outcomes[0].weights })
      last = outcomes[0]
    }
    if reduction == .exact {
      #expect(last?.weights == Self.alone.weights)
    } else {
      let loss = try #require(last?.records.last?.loss)
      let exact = Self.alone.records.last!.loss
      #expect((loss - exact).magnitude < 0.05 * exact, "\(loss) instead of \(exact)")
      #expect(last?.weights != Self.alone.weights)
    }
  }

  /// So slow that a rounding does not grow into another course.
  private static let slow = configuration {
    $0.length = .steps(10)
    $0.dropout = 0
    $0.learningRate = 0.001
    $0.clipNorm = nil
  }

  private static let slowAndExact = try! SmallRun.train(slow, ranks: 3)

  @Test(arguments: [Reduction.fp32, .bf16], [false, true])
  func aLossySumKeepsReplicasEqualAndLearns(reduction: Reduction, isSharded: Bool) throws {
    let exact = Self.slowAndExact
    let lossy = try SmallRun.train(
      Self.changed(Self.slow) {
        $0.reduction = reduction
        $0.shardsOptimizer = isSharded
      }, ranks: 3)
    // Different in every step, and nearly equal: a float has 24 bits, a bfloat16 has 8.
    let norms = (exact[0].records[0].gradientNorm, lossy[0].records[0].gradientNorm)
    #expect((norms.0 - norms.1).magnitude < (reduction == .fp32 ? 1e-6 : 1e-2) * norms.0)
    for (a, b) in zip(exact[0].records, lossy[0].records) {
      #expect((a.loss - b.loss).magnitude < 0.02 * a.loss, "step \(a.step)")
      #expect(a.weightsHash != b.weightsHash, "step \(a.step)")
    }
    for outcome in lossy {
      #expect(outcome.records.map(\.weightsHash) == lossy[0].records.map(\.weightsHash))
      #expect(outcome.weights == lossy[0].weights)
    }
  }

  /// A step's collectives: one round of an exchange for a bucket, one sum, one agreement; sharded,
  /// one all-gather more. Buckets that are final together share the agreement of an exchange.
  @Test(arguments: [3, 21], [false, true])
  func collectivesOfAStepAreCounted(microbatch: Int, isSharded: Bool) throws {
    let counts = Counts()
    _ = try SmallRun.train(
      Self.configuration {
        // Accumulation: however many microbatches, one reduction a step.
        $0.microbatch = microbatch
        $0.shardsOptimizer = isSharded
      }, ranks: 2, wrap: { FaultyCommunicator($0) },
      hook: { hooks, rank in
        guard rank == 0 else { return }
        hooks.onStep = { trainer, record in
          let communicator = trainer.session.communicator as! FaultyCommunicator
          counts.add(
            [
              communicator.exchangeRounds, communicator.sums, communicator.agreements,
              communicator.others, communicator.exchanges,
            ], buckets: trainer.engine.reducer.layout.buckets.count)
        }
      })
    let steps = counts.differences
    #expect(steps.count == 4 && counts.buckets > 2)
    for step in steps {
      #expect(Array(step.dropLast()) == [counts.buckets, 1, 1, isSharded ? 1 : 0])
      #expect(step[4] >= 1 && step[4] <= counts.buckets)
    }
  }

  private final class Counts: @unchecked Sendable {
    private var all: [[Int]] = []
    private(set) var buckets = 0

    func add(_ counts: [Int], buckets: Int) {
      all.append(counts)
      self.buckets = buckets
    }

    var differences: [[Int]] {
      zip(all, all.dropFirst()).map { zip($0, $1).map { $1 - $0 } }
    }
  }

  @Test func bytesOnTheWireAreThoseOfTheForm() throws {
    func sent(_ change: @escaping (inout RunConfiguration) -> Void) throws -> Double {
      let trained = Total()
      let outcomes = try SmallRun.train(
        Self.configuration(change), ranks: 2,
        hook: { hooks, _ in hooks.onStart = { trained.set($0.engine.reducer.count) } })
      let bytes = outcomes.map { $0.records.last!.reduction.sentBytes }.reduce(0, +)
      return Double(bytes) / Double(trained.value)
    }
    // Of two ranks together: every element once there and, unless sharded, once back.
    #expect(try sent { _ in } == 10)
    #expect(try sent { $0.reduction = .fp32 } == 8)
    #expect(try sent { $0.reduction = .bf16 } == 4)
    #expect(try sent { $0.shardsOptimizer = true } == 6)
  }

  private final class Total: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var value = 0
    func set(_ value: Int) { lock.withLock { self.value = value } }
  }
}
