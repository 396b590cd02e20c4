import CheckpointParts
import Checkpoints
import Collectives
import Configuration
import Datasets
import Foundation
import Interchange
import Losses
import Networks
import Planning
import RunFolders
import RunSupport
import Testing
import TestSupport
import Training

/// The laws of docs/design.md in triplet training.
@Suite struct LawsOfTriplets {
  /// Batches of 24 of 72 photos: 4 people x 4 photos and 8 others, in 6 microbatches.
  static func configuration(
    mining: MiningSchedule = .always(.semiHard), steps: Int = 6,
    _ change: (inout RunConfiguration) -> Void = { _ in }
  ) -> RunConfiguration {
    SmallRun.configuration {
      $0.loss = .triplet
      $0.margin = [0.2]
      $0.scale = 1
      $0.batch = 24
      $0.peoplePerBatch = 4
      $0.photosPerPerson = 4
      $0.mining = mining
      $0.optimizer = .adagrad
      $0.momentum = 0
      $0.learningRate = 0.02
      $0.length = .steps(steps)
      change(&$0)
    }
  }

  static func stages(_ stages: (MiningMode, Int)...) -> MiningSchedule {
    MiningSchedule(
      stages: stages.map {
        .init(mode: $0.0, start: $0.1 == 0 ? .never : .steps($0.1))
      })
  }

  /// Every mode for two steps, from easy to hard.
  private static let everyMode = stages(
    (.randomSemiHard, 0), (.semiHard, 2), (.violating, 4), (.hardest, 6), (.batchHard, 8),
    (.all, 10), (.offline, 12))

  struct TripletBits: Equatable {
    let step: StepBits
    var triplets: TripletFigures?

    init(_ record: StepRecord) {
      step = StepBits(record)
      triplets = record.triplets
      triplets?.miningSeconds = 0
    }
  }

  @Test(arguments: [2, 1])
  func sameBitsForAnyWorldAndBothPasses(passes: Int) throws {
    let steps = 14
    let reference = try SmallRun.train(
      Self.configuration(mining: Self.everyMode, steps: steps))[0]
    let expected = reference.records.map(TripletBits.init)
    #expect(expected.count == steps)
    #expect(
      reference.records.map { $0.triplets?.mode } == [
        .randomSemiHard, .randomSemiHard, .semiHard, .semiHard, .violating, .violating, .hardest,
        .hardest, .batchHard, .batchHard, .all, .all, .offline, .offline,
      ])
    #expect(reference.records.allSatisfy { $0.loss.isFinite && $0.triplets!.triplets > 0 })
    #expect(Set(reference.records.map(\.weightsHash)).count == steps)
    // A third of an offline batch are anchors of triplets that were hard a step ago.
    #expect(reference.records.suffix(2).map { $0.triplets!.candidates } == [8, 8])
    let configuration = Self.configuration(mining: Self.everyMode, steps: steps) {
      $0.passes = passes
    }
    for ranks in [1, 2, 3, 8] {
      for threads in [1, 2] where passes * ranks * threads != 2 {
        let world = try SmallRun.train(configuration, ranks: ranks, threads: threads)
        for (rank, outcome) in world.enumerated() {
          #expect(
            outcome.records.map(TripletBits.init) == expected,
            "rank \(rank) of \(ranks) x \(threads) threads")
          #expect(outcome.weights == reference.weights, "rank \(rank) of \(ranks) x \(threads)")
        }
      }
    }
  }

  @Test func theSumIsTheMeanTimesTheTriplets() throws {
    let mean = try SmallRun.train(Self.configuration(steps: 1))[0].records[0]
    let sum = try SmallRun.train(
      Self.configuration(steps: 1) { $0.tripletReduction = .sum })[0].records[0]
    let triplets = Double(mean.triplets!.triplets)
    #expect(triplets > 5)
    #expect(abs(sum.loss / mean.loss / triplets - 1) < 1e-12)
    #expect(abs(sum.gradientNorm / mean.gradientNorm / triplets - 1) < 1e-6)
  }

  /// The gradient of the weights is that of the loss: the loss falls as the norm says.
  @Test func aSmallStepLowersTheLoss() throws {
    func losses(_ rate: Double) throws -> [StepRecord] {
      try SmallRun.train(
        Self.configuration(mining: .always(.all), steps: 2) {
          $0.optimizer = .sgd
          $0.learningRate = rate
          $0.weightDecay = 0
          $0.schedule = .constant
          $0.warmupEpochs = 0
          $0.clipNorm = nil
          $0.dropout = 0
          $0.augment = .none
          $0.tripletReduction = .sum
          // The whole set in every batch, so that both steps have the same photos.
          $0.batch = 72
          $0.peoplePerBatch = 12
          $0.photosPerPerson = 6
          $0.microbatch = 72
        })[0].records
    }
    let rate = 1e-7
    let records = try losses(rate)
    let expected = rate * records[0].gradientNorm * records[0].gradientNorm
    let fall = records[0].loss - records[1].loss
    #expect(expected > 1e-3, "\(expected)")
    #expect(abs(fall / expected - 1) < 0.05, "\(fall), expected \(expected)")
  }

  @Test func onlyMicrobatchesWithTripletsAreComputedTwice() throws {
    final class Begun: @unchecked Sendable {
      let lock = NSLock()
      var count = 0
    }
    for ranks in [1, 3] {
      let begun = Begun()
      // A margin so small that few pairs find a negative inside the band.
      let configuration = Self.configuration(steps: 8) {
        $0.margin = [0.002]
        $0.microbatch = 2
      }
      let outcomes = try SmallRun.train(
        configuration, ranks: ranks,
        hook: { hooks, _ in
          hooks.onEvent = { event in
            guard case .microbatchBegins = event else { return }
            begun.lock.withLock { begun.count += 1 }
          }
        })
      let active = outcomes[0].records.map { $0.triplets!.activeMicrobatches }
      #expect(active.min()! < 12, "\(active)")
      #expect(begun.count == 8 * 12 + active.reduce(0, +))
    }
  }

  /// Arenas do not grow with the batch, but where one pass keeps them.
  @Test func memoryIsBoundedByTheMicrobatch() throws {
    func bytes(_ batch: Int, passes: Int) throws -> Int {
      final class Bytes: @unchecked Sendable { var value = 0 }
      let bytes = Bytes()
      _ = try SmallRun.train(
        Self.configuration(steps: 1) {
          $0.batch = batch
          $0.passes = passes
        },
        hook: { hooks, _ in
          hooks.onStart = { bytes.value = $0.memoryBytes.rank + $0.memoryBytes.worker }
        })
      return bytes.value
    }
    let arena = try bytes(24, passes: 1) - bytes(24, passes: 2)
    #expect(arena > 5 * 100_000)
    // Embeddings of 32 floats, their units in Double, a row of distances: under 4 kB a sample.
    #expect(try bytes(72, passes: 2) - bytes(24, passes: 2) < 48 * 4096)
  }

  // MARK: Stopping

  @Test(arguments: [1, 2, 3])
  func stoppingIsFree(turn: Int) throws {
    let steps = 12
    let configuration = Self.configuration(
      mining: Self.stages((.semiHard, 0), (.violating, 2), (.offline, 4)), steps: steps
    ) {
      $0.offlineEvery = 5
      $0.offlinePool = 40
      $0.resume = .auto
    }
    let undisturbed = try SmallRun.train(configuration)[0]
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // After a step; amid one, in the first pass; amid one, just after a search of the pool.
    for stop in [3, 4 + turn, 9] {
      let outcomes = try SmallRun.train(
        configuration, ranks: turn, threads: 3 - min(2, turn), folder: folder,
        hook: { hooks, rank in
          guard rank == turn - 1 else { return }
          hooks.wantEnd(after: stop, amidStep: stop != 3)
        })
      #expect(outcomes.allSatisfy { $0.ending == .interrupted })
      #expect(
        try Checkpoint(path: SmallRun.checkpoints(in: folder).last!).progress.step == stop)
    }
    let outcomes = try SmallRun.train(configuration, ranks: 2, folder: folder)
    #expect(outcomes.allSatisfy { $0.ending == .finished && $0.weights == undisturbed.weights })
    let metrics = try SmallRun.metrics(in: folder)
    #expect(metrics.map(\.step) == Array(1...steps))
    #expect(
      Set(metrics.map(\.weightsHash)).count == steps
        && undisturbed.records.last?.triplets?.mode == .offline)
  }

  // MARK: Collapse

  private static func stuck(_ mode: MiningMode, steps: Int) -> RunConfiguration {
    configuration(mining: .always(mode), steps: steps) {
      $0.learningRate = 1e-9
      $0.dropout = 0
      $0.checkpointEvery = .steps(5)
      $0.resume = .auto
    }
  }

  @Test func theFinalLayerIsWhereTheTestsCollapseIt() throws {
    let records = try SmallRun.train(
      Self.stuck(.all, steps: 2),
      hook: { hooks, _ in hooks.onStart = { SmallRun.collapse($0, spread: 1e-3) } }
    )[0].records
    for record in records {
      #expect(record.spread < 1e-4 && record.spread > 0)
      #expect(abs(record.loss - 0.2) < 1e-3)
    }
  }

  @Test(arguments: [MiningMode.hardest, .batchHard, .violating])
  func hardMiningThatCollapsesFallsBackToSemiHard(mode: MiningMode) throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let configuration = Self.stuck(mode, steps: 14)
    let whole = try SmallRun.train(
      configuration, ranks: 2, folder: folder, speaks: true,
      hook: { hooks, _ in hooks.onStart = { SmallRun.collapse($0, spread: 1e-3) } })
    let modes = whole[0].records.map { $0.triplets!.mode }
    #expect(modes == Array(repeating: mode, count: 10) + Array(repeating: .semiHard, count: 4))
    let log = try String(contentsOfFile: folder + "/log.txt", encoding: .utf8)
    #expect(
      log.contains("mining falls back from \(mode.rawValue) to semi-hard"), "\(log)")
    // The fallback is part of the state: a run that goes on keeps it.
    let progress = try Checkpoint(path: SmallRun.checkpoints(in: folder).last!).progress
    #expect(progress.fallbackStep == 10)
    let more = try SmallRun.train(Self.stuck(mode, steps: 17), folder: folder)[0]
    #expect(more.records.map { $0.triplets!.mode } == [.semiHard, .semiHard, .semiHard])
  }

  /// The field's classic failure, loss at alpha and accuracy at 50 %, cannot pass silently.
  @Test func aLossStuckAtTheMarginEndsTheRunAndIsNamed() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let failure = #expect(throws: TrainingFailure.self) {
      try SmallRun.train(
        Self.stuck(.semiHard, steps: 200), folder: folder, speaks: true,
        hook: { hooks, _ in hooks.onStart = { SmallRun.collapse($0, spread: 1e-3) } })
    }
    let sentence = failure?.description ?? ""
    #expect(sentence.contains("the loss is stuck at the margin (0.2"), "\(sentence)")
    #expect(sentence.contains("at step 100") && sentence.contains("alpha 0.2000"))
    #expect(sentence.contains("step-000000095.safetensors") && !sentence.contains("\n"))
    let log = try String(contentsOfFile: folder + "/log.txt", encoding: .utf8)
    #expect(log.contains("warning: step 10: the embeddings have collapsed (loss 0.2"), "\(log)")
  }

  @Test func exactCollapseLeavesNoTripletAndIsNamed() throws {
    let failure = #expect(throws: TrainingFailure.self) {
      try SmallRun.train(
        Self.stuck(.semiHard, steps: 200),
        hook: { hooks, _ in hooks.onStart = { SmallRun.collapse($0, spread: 0) } })
    }
    guard case .collapsed(step: 100, _, _) = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
  }

  @Test func anEvaluationOfCollapsedEmbeddingsEndsTheRun() throws {
    let failure = #expect(throws: TrainingFailure.self) {
      try SmallRun.train(
        Self.configuration(steps: 20) {
          $0.learningRate = 1e-9
          $0.split = .peopleRandom(fraction: 0.6)
          $0.evaluateEvery = .steps(3)
        }, hook: { hooks, _ in hooks.onStart = { SmallRun.collapse($0, spread: 1e-3) } })
    }
    guard case .collapsed(step: 3, _, _) = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
  }

  // MARK: Data

  @Test func noPositivePairIsRefused() {
    let failure = #expect(throws: DatasetError.self) {
      try SmallRun.train(
        Self.configuration { $0.data = .synthetic(SyntheticData(people: 40, photos: 1, size: 32)) })
    }
    guard case .noPositivePair = failure else {
      Issue.record("\(String(describing: failure))")
      return
    }
  }

  @Test func metricsTellOfTheTriplets() throws {
    let record = try SmallRun.train(Self.configuration(steps: 1))[0].records[0]
    let object = try JSONSerialization.jsonObject(with: Data(record.json.utf8)) as? [String: Any]
    let triplets = try #require(object?["triplets"] as? [String: Any])
    #expect(triplets["mining"] as? String == "semi-hard")
    let figures = try #require(record.triplets)
    #expect((triplets["active"] as? NSNumber)?.intValue == figures.triplets)
    #expect((triplets["dropped"] as? NSNumber)?.intValue == figures.candidates - figures.triplets)
    #expect(figures.positiveDistance > 0 && figures.negativeDistance < 4)
    #expect(abs(figures.lossSum / Double(figures.triplets) - record.loss) < 1e-12)
    let other = try SmallRun.train(SmallRun.configuration { $0.length = .steps(1) })[0].records[0]
    #expect(!other.json.contains("triplets"))
  }
}
