import Collectives
import Configuration
import Datasets
import Determinism
import Foundation
import Planning
import RunSupport
import State
import TestSupport
import Testing
import Training

/// Laws 1 and 3 of docs/design.md.
@Suite struct LawsOfWorld {
  @Test(arguments: SmallRun.models)
  func sameBitsForAnyWorld(model: String) throws {
    let configuration = SmallRun.configuration(model: model)
    let alone = try SmallRun.train(configuration)[0]
    let expected = alone.records.map(StepBits.init)
    #expect(expected.count == 10)
    #expect(alone.records.last?.samples == 10 * 21 - 2 * 12)
    #expect(alone.records.allSatisfy { $0.loss.isFinite && !$0.isSkipped })
    #expect(Set(alone.records.map(\.weightsHash)).count == 10)
    for ranks in [1, 2, 3, 4, 8] {
      for threads in [1, 2] where ranks * threads > 1 {
        let world = try SmallRun.train(configuration, ranks: ranks, threads: threads)
        for (rank, outcome) in world.enumerated() {
          #expect(
            outcome.records.map(StepBits.init) == expected,
            "rank \(rank) of \(ranks) x \(threads) threads")
          #expect(outcome.weights == alone.weights, "rank \(rank) of \(ranks) x \(threads)")
        }
      }
    }
    // Equal hashes mean something only where other numbers give others.
    let other = try SmallRun.train(SmallRun.configuration(model: model) { $0.seed = 2 })[0]
    #expect(other.weights != alone.weights)
  }

  /// Grouped convolutions, and the scaled residuals, pools and concatenations of Inception.
  @Test(arguments: ["mobilefacenet", "inception-resnet-v1"])
  func sameBitsForOtherLayers(model: String) throws {
    let configuration = SmallRun.configuration(model: model) {
      // The smallest that Inception's pools leave something of.
      $0.imageSize = model == "mobilefacenet" ? 48 : 80
      $0.batch = 8
      $0.microbatch = 3
      $0.length = .steps(3)
    }
    _ = try SmallRun.expectSameBits(configuration, steps: 3)
  }

  @Test func microbatchesDifferByAtMostOne() {
    for samples in 1...70 {
      for limit in 1...24 {
        let cut = Microbatches.cut(samples, microbatch: limit)
        #expect(cut.count == (samples + limit - 1) / limit)
        #expect(cut.first?.lowerBound == 0 && cut.last?.upperBound == samples)
        #expect(zip(cut, cut.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        let sizes = cut.map(\.count)
        #expect(sizes.max()! <= limit && sizes.max()! - sizes.min()! <= 1)
      }
    }
  }

  /// That what is shared out is whole microbatches is shown by `MicrobatchTests`.
  @Test(arguments: [1, 2, 3, 4, 8])
  func microbatchesAreSharedOutEvenly(ranks: Int) throws {
    let outcomes = try SmallRun.train(
      SmallRun.configuration { $0.length = .steps(4) }, ranks: ranks)
    for outcome in outcomes {
      for record in outcome.records {
        let counts = record.microbatches
        #expect(counts.count == ranks)
        #expect(counts.reduce(0, +) == (record.step % 4 == 0 ? 3 : 6), "step \(record.step)")
        #expect(counts.max()! - counts.min()! <= 1, "step \(record.step): \(counts)")
      }
    }
  }

  @Test func oneRanksGradientMovesAllRanks() throws {
    let configuration = SmallRun.configuration { $0.length = .steps(5) }
    let undisturbed = try SmallRun.train(configuration)[0].records
    var disturbed: [UInt64] = []
    for culprit in 0..<3 {
      let world = try SmallRun.train(
        configuration, ranks: 3,
        hook: { hooks, rank in
          guard rank == culprit else { return }
          // The sums of the next step, where one of them is due to change.
          let due = Due()
          hooks.onStep = { if $1.step == 2 { due.reducer = $0.engine.reducer } }
          hooks.onEvent = { event in
            guard case .reduction(let parameters) = event, let reducer = due.reducer else { return }
            due.reducer = nil
            reducer.ownSums[parameters.lowerBound] += 0.5
          }
        })
      for (rank, outcome) in world.enumerated() {
        let changed = zip(outcome.records, undisturbed).map { $0.weightsHash != $1.weightsHash }
        #expect(changed == [false, false, true, true, true], "rank \(rank)")
        #expect(outcome.weights == world[0].weights, "rank \(rank)")
      }
      disturbed.append(world[0].weights)
    }
    #expect(Set(disturbed).count == 1, "it matters which rank a gradient comes from")
  }

  private final class Due: @unchecked Sendable {
    var reducer: GradientReducer?
  }

  @Test(arguments: [2, 3])
  func replicasThatPartEndTheRun(ranks: Int) {
    #expect {
      try SmallRun.train(
        SmallRun.configuration { $0.length = .steps(5) }, ranks: ranks,
        hook: { hooks, rank in
          guard rank == 1 else { return }
          hooks.onStep = { if $1.step == 2 { $0.engine.state.parameters[7] += 0.25 } }
        })
    } throws: { error in
      // Every rank says it.
      "\(error)".components(separatedBy: "the weights of the ranks differ after step 3").count
        == ranks + 1
    }
  }

  /// As far up as down, so that a sum over the ranks alone could not tell.
  @Test(arguments: [2, 3])
  func replicasThatPartByAsMuchUpAsDownEndTheRun(ranks: Int) {
    let error = #expect(throws: ThreadWorldError.self) {
      try SmallRun.train(
        SmallRun.configuration { $0.length = .steps(5) }, ranks: ranks,
        hook: { hooks, rank in
          let change: Float = rank == 0 ? 0.25 : rank == 1 ? -0.25 : 0
          hooks.onStep = { if $1.step == 2 { $0.engine.state.parameters[7] += change } }
        })
    }
    let failures = error?.errors.map { "\($0.error)" } ?? []
    #expect(
      failures.count == ranks
        && failures.allSatisfy { $0.contains("the weights of the ranks differ after step 3") },
      "\(failures)")
  }

  @Test func memoryIsBoundedByTheMicrobatch() throws {
    let small = try SmallRun.train(SmallRun.configuration { $0.length = .steps(1) })[0]
    let large = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(1)
        $0.batch = 63
      })[0]
    #expect(small.workerBytes == large.workerBytes)
    #expect(small.workerBytes > 0)
  }

  @Test(arguments: [(21, 1), (71, 4)])
  func batchNormOverOneSampleIsRefused(batch: Int, microbatch: Int) {
    // 71 of 72 photos leave a tail of one.
    let configuration = SmallRun.configuration {
      $0.batch = batch
      $0.microbatch = microbatch
    }
    #expect {
      try SmallRun.train(configuration)
    } throws: { error in
      guard case PlanError.microbatchOfOne = error else { return false }
      return true
    }
  }
}

extension SmallRun {
  /// Trains on one rank and in three other worlds, all of whose steps and weights must be the same
  /// bits, sound, and each step's others than those of the one before; returns what one rank found.
  static func expectSameBits(_ configuration: RunConfiguration, steps: Int) throws -> Outcome {
    let alone = try train(configuration)[0]
    let expected = alone.records.map(StepBits.init)
    #expect(alone.records.allSatisfy { $0.loss.isFinite && !$0.isSkipped })
    #expect(Set(alone.records.map(\.weightsHash)).count == steps)
    for (ranks, threads) in [(1, 2), (2, 1), (3, 2)] {
      let world = try train(configuration, ranks: ranks, threads: threads)
      for (rank, outcome) in world.enumerated() {
        #expect(
          outcome.records.map(StepBits.init) == expected && outcome.weights == alone.weights,
          "rank \(rank) of \(ranks) x \(threads) threads")
      }
    }
    return alone
  }
}
