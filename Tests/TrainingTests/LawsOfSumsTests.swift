import Checkpoints
import Collectives
import Comparison
import Configuration
import Datasets
import Determinism
import Foundation
import Interchange
import Kernels
import Networks
import Planning
import RunSupport
import State
import Synchronization
import TestSupport
import Testing
import Threads
import Training

/// Law 2 of docs/design.md: gradients are summed exactly.
@Suite struct LawsOfSums {
  /// Layers as a model has them: one without parameters, one of several pieces.
  private static let layers = [0..<5, 5..<5, 5..<70_005, 70_005..<70_100]
  private static let grid = SummationGrid(exponent: -36)
  private static let microbatches = 7
  private static let extraCount = 3

  /// The gradient of one microbatch: magnitudes from 1e-12 to 1e2 of both signs.
  private static func gradient(_ microbatch: Int) -> [Float] {
    let random = CounterRandom(seed: 5, purpose: .testing, microbatch)
    return (0..<layers.last!.upperBound).map { i in
      let exponent = Float(random.integer(2 * i, below: 15)) - 12
      var scale: Float = 1
      for _ in 0..<Int(exponent.magnitude) { scale *= exponent < 0 ? 0.1 : 10 }
      return scale * Float(2 * random.uniform(2 * i + 1) - 1)
    }
  }

  private static func extras(_ microbatch: Int) -> [Double] {
    (0..<extraCount).map { Double(microbatch + 1) * 0.3 + Double($0) }
  }

  /// The sum of the addends, each rounded to the nearest multiple of the spacing, as integers.
  private static let expected: [Double] = {
    var sums = [Int64](repeating: 0, count: layers.last!.upperBound)
    for microbatch in 0..<microbatches {
      for (i, value) in gradient(microbatch).enumerated() {
        sums[i] += Int64((Double(value) * 0x1p36).rounded(.toNearestOrEven))
      }
    }
    return sums.map { Double($0) * 0x1p-36 }
  }()

  /// A power of two, so that multiplying by it rounds nothing.
  private static let scale = 0x1p-3

  private static func makeReducer(rank: Int, ranks: Int) -> GradientReducer {
    GradientReducer(
      layerRanges: layers, extraCount: extraCount, gradientGrid: grid,
      extraGrid: SummationGrid(exponent: -30), bucketBytes: 1024, rank: rank, ranks: ranks)
  }

  /// One step: the ranks' shares of the microbatches, added by `threads` workers in the order of
  /// `order`; what `spoil` does to a microbatch's gradient comes first.
  private static func reduce(
    ranks: Int, threads: Int, order: @escaping @Sendable (Int) -> Int = { $0 },
    spoil: @escaping @Sendable (Int, inout [Float]) -> Void = { _, _ in }
  ) throws -> [(sums: [Float], extras: [Double], isSound: Bool)] {
    try ThreadCommunicator.run(size: ranks, seed: UInt64(ranks)) { communicator in
      let reducer = makeReducer(rank: communicator.rank, ranks: communicator.size)
      let share = Microbatches.share(
        of: microbatches, rank: communicator.rank, size: communicator.size)
      let pool = WorkerPool(count: threads)
      defer { pool.end() }
      var result: (sums: [Float], extras: [Double], isSound: Bool) = ([], [], false)
      var scratch = [Float](repeating: 0, count: 65_536)
      // Twice, so that what a step leaves behind would show in the next.
      for _ in 0..<2 {
        reducer.begin(localMicrobatches: share.count, of: microbatches)
        let next = SharedCounter()
        pool.start { _ in
          while true {
            let item = next.next()
            if item >= share.count { return }
            let microbatch = share.lowerBound + order(item) % share.count
            var gradient = gradient(microbatch)
            spoil(microbatch, &gradient)
            gradient.withUnsafeBufferPointer { values in
              for range in layers.reversed() where !range.isEmpty {
                reducer.add(values.baseAddress! + range.lowerBound, of: range)
              }
            }
            reducer.finishMicrobatch(extras: extras(microbatch))
          }
        }
        let isSound = try reducer.reduce(over: communicator, scale: scale, onWait: {})
        pool.wait()
        try reducer.reduceExtras(over: communicator)
        var sums: [Float] = []
        for bucket in reducer.layout.buckets.reversed() {
          for start in stride(from: bucket.lowerBound, to: bucket.upperBound, by: scratch.count) {
            let range = start..<min(start + scratch.count, bucket.upperBound)
            sums += UnsafeBufferPointer(
              start: reducer.gradient(of: range, scratch: &scratch), count: range.count)
          }
        }
        result = (
          sums,
          Array(UnsafeBufferPointer(start: reducer.extras, count: extraCount)), isSound
        )
      }
      return result
    }
  }

  @Test(arguments: [1, 2, 3, 4, 8], [1, 2])
  func gradientsAreSummedExactly(ranks: Int, threads: Int) throws {
    let forward = try Self.reduce(ranks: ranks, threads: threads)
    let backward = try Self.reduce(ranks: ranks, threads: threads, order: { 1_000_006 - $0 })
    for outcome in forward + backward {
      #expect(outcome.isSound)
      // Not in the macro, which would look for the shortest way from one array to the other.
      let isExact = outcome.sums == Self.expected.map { Float($0 * Self.scale) }
      #expect(isExact)
      for (i, sum) in outcome.extras.enumerated() {
        #expect((sum - (28 * 0.3 + 7 * Double(i))).magnitude < 7 * 0x1p-31)
      }
      #expect(outcome.extras == forward[0].extras)
    }
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity, 1e30])
  func whatIsOutOfRangeOnOneRankIsFound(value: Float) throws {
    let outcomes = try Self.reduce(
      ranks: 3, threads: 2,
      spoil: { microbatch, gradient in
        if microbatch == 6 { gradient[40_000] = value }
      })
    #expect(outcomes.map(\.isSound) == [true, true, false])
  }

  @Test func theRangeHasRoomForEveryAddend() throws {
    // 7 addends may reach a seventh of the 2^52 spacings that a double adds exactly.
    let limit = Float(0x1p16 / 7).nextDown
    for (factor, isSound) in [(Float(1), true), (1.01, false)] {
      let outcomes = try Self.reduce(
        ranks: 2, threads: 1, spoil: { _, gradient in gradient[2] = limit * factor })
      #expect(outcomes.allSatisfy { $0.isSound == isSound })
      if isSound {
        let sum = 7 * (Double(limit) * 0x1p36).rounded(.toNearestOrEven) * 0x1p-36
        #expect(outcomes.allSatisfy { $0.sums[2] == Float(sum * Self.scale) })
      }
    }
  }

  @Test(arguments: 0..<3)
  func anUnsoundGradientSkipsTheStepOnAllRanks(culprit: Int) throws {
    let outcomes = try SmallRun.train(
      SmallRun.configuration { $0.length = .steps(6) }, ranks: 3,
      hook: { hooks, rank in
        if rank == culprit { poison(&hooks, steps: 2...3) }
      })
    for outcome in outcomes {
      #expect(outcome.records.map(\.isSkipped) == [false, true, true, false, false, false])
      #expect(outcome.records.map(\.skippedSteps) == [0, 1, 2, 2, 2, 2])
      #expect(outcome.records.allSatisfy { $0.isSkipped || $0.loss.isFinite })
      #expect(outcome.weights == outcomes[0].weights)
      #expect(outcome.records.map(\.weightsHash) == outcomes[0].records.map(\.weightsHash))
    }
  }

  @Test func whatLeavesTheGridSkipsTheStep() throws {
    // 2^52 spacings of 2^-70 end at 4e-6, far below any gradient.
    let failure = #expect(throws: TrainingFailure.self) {
      try SmallRun.train(
        SmallRun.configuration {
          $0.gradientGrid = .exponent(-70)
          $0.length = .steps(12)
        })
    }
    guard case .diverged(let steps, _, let checkpoint) = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
    #expect(steps == 10 && checkpoint == nil)
  }

  /// A run that ends has its weights on disk, whatever became of its last steps; one whose every
  /// step is skipped ends with an error (ResumeTests).
  @Test func skippedStepsAtTheEndLeaveACheckpoint() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let outcome = try SmallRun.train(
      SmallRun.configuration { $0.length = .steps(3) }, folder: folder,
      hook: { hooks, _ in poison(&hooks, steps: 2...3) })[0]
    #expect(outcome.records.map(\.isSkipped) == [false, true, true])
    let last = try Checkpoint(path: folder + "/checkpoints/step-000000003.safetensors")
    #expect(try last.weightsHash() == outcome.weights)
    #expect(last.progress.updates == 1)
  }

  /// The checkpoint that a run ends with is made of all ranks' parts, after skipped steps too: the
  /// same tensors as of one rank alone, momentum among them, and the run goes on from it.
  @Test(arguments: [2, 3]) func skippedStepsAtTheEndOfAShardedRunLeaveItWhole(ranks: Int) throws {
    let folders = (0..<2).map { _ in SmallRun.temporaryFolder() }
    defer { for folder in folders { try? FileManager.default.removeItem(atPath: folder) } }
    func configuration(_ steps: Int, isSharded: Bool) -> RunConfiguration {
      SmallRun.configuration {
        $0.length = .steps(steps)
        $0.schedule = .constant
        $0.shardsOptimizer = isSharded
        $0.resume = .auto
      }
    }
    let alone = try SmallRun.train(
      configuration(4, isSharded: false), folder: folders[0],
      hook: { hooks, _ in poison(&hooks, steps: 3...4) })[0]
    let sharded = try SmallRun.train(
      configuration(4, isSharded: true), ranks: ranks, folder: folders[1],
      hook: { hooks, rank in if rank == ranks - 1 { poison(&hooks, steps: 3...4) } })
    for outcome in sharded + [alone] {
      #expect(outcome.records.map(\.isSkipped) == [false, false, true, true])
      #expect(outcome.weights == alone.weights)
    }
    let paths = folders.map { $0 + "/checkpoints/step-000000004.safetensors" }
    let comparison = try TensorComparison(paths[0], paths[1])
    #expect(comparison.isAlike, "\(comparison.lines(title: "tensors"))")
    let file = try SafetensorsFile(path: paths[1])
    let momentum = file.entries.map(\.name).filter { $0.hasPrefix("optimizer.momentum/") }
    #expect(
      try !momentum.isEmpty && momentum.allSatisfy { try file.floats($0).contains { $0 != 0 } })
    let more = try folders.map {
      try SmallRun.train(configuration(6, isSharded: false), folder: $0)[0]
    }
    #expect(more[0].weights == more[1].weights && more[0].records.map(\.step) == [5, 6])
  }

  @Test func tenSkippedStepsEndTheRunAndNameTheCheckpoint() throws {
    let configuration = SmallRun.configuration {
      $0.length = .steps(30)
      $0.checkpointEvery = .steps(3)
    }
    let error = #expect(throws: ThreadWorldError.self) {
      try SmallRun.train(
        configuration, ranks: 3,
        hook: { hooks, rank in
          if rank == 2 { poison(&hooks, steps: 5...100) }
        })
    }
    let failures = (error?.errors ?? []).compactMap { $0.error as? TrainingFailure }
    #expect(failures.count == 3)
    for failure in failures {
      // Steps 5 to 14 are skipped: what is written in such a streak would be no way back.
      #expect("\(failure)".contains("in 10 steps in a row"))
      #expect("\(failure)".contains("/checkpoints/step-000000003.safetensors"), "\(failure)")
    }
  }
}

/// Makes a weight of this rank alone NaN during `steps`, and puts it back.
private func poison(_ hooks: inout RunHooks, steps: ClosedRange<Int>) {
  var kept = Float.nan
  hooks.onStep = { trainer, record in
    let weights = trainer.engine.state.parameters
    if record.step + 1 == steps.lowerBound {
      kept = weights[3]
      weights[3] = .nan
    } else if record.step == steps.upperBound {
      weights[3] = kept
    }
  }
}
