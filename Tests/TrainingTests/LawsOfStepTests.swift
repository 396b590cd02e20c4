import Collectives
import Configuration
import Datasets
import Engine
import Kernels
import Networks
import Planning
import RunFolders
import RunSupport
import Synchronization
import Testing
import TestSupport
import Training

/// Laws 2, 5 and 6 of docs/design.md inside one step.
@Suite struct LawsOfStep {
  /// What a trainer's first step reads: its images [samples, size, size, 3] and weights.
  private struct FirstStep: Sendable {
    var images: [Float] = []
    /// conv1.weight [8, 3, 3, 3] before the step, in PyTorch's order.
    var weights: [Float] = []
    var sampleCount = 0
    /// The running mean [8] and variance [8] of the first batch norm after the step.
    var mean: [Float] = []
    var variance: [Float] = []
  }

  private final class Box: @unchecked Sendable {
    var step = FirstStep()

    /// Takes what the first step of `trainer` will read.
    func read(_ trainer: Trainer, _ configuration: RunConfiguration) throws {
      let data = trainer.plan.data
      let loader = SampleLoader(
        data.index, divided: data.divided, source: data.photos,
        preprocessing: data.preprocessing, augmentation: configuration.augment,
        seed: configuration.seed)
      var sampler = EpochSampler(
        count: loader.training.count, batch: configuration.batch, seed: configuration.seed)
      let samples = Array(sampler.batch(step: 0).samples)
      step.sampleCount = samples.count
      let decoder = loader.makeDecoder()
      var image = [Float](repeating: 0, count: loader.sampleCount)
      for (slot, sample) in samples.enumerated() {
        _ = try decoder.load(
          loader.training[sample], at: SampleCoordinates(step: 0, slot: slot), into: &image)
        step.images += image
      }
      let state = trainer.engine.state
      let convolution = state.descriptions.first { $0.name == "conv1.weight" }!
      step.weights = [Float](repeating: 0, count: convolution.range.count)
      convolution.copyLogical(
        from: state.parameters + convolution.range.lowerBound, into: &step.weights)
    }
  }

  private static func firstStep(
    microbatch: Int, ranks: Int, threads: Int
  ) throws -> FirstStep {
    let configuration = SmallRun.configuration {
      $0.microbatch = microbatch
      $0.length = .steps(1)
    }
    let box = Box()
    _ = try SmallRun.train(
      configuration, ranks: ranks, threads: threads,
      hook: { hooks, rank in
        guard rank == ranks - 1 else { return }
        hooks.onStart = { trainer in try box.read(trainer, configuration) }
        hooks.onStep = { trainer, _ in
          let state = trainer.engine.state
          let moments = state.statisticsDescriptions.first { $0.name == "bn1" }!
          box.step.mean = moments.means.map { state.statistics[$0] }
          box.step.variance = moments.variances.map { state.statistics[$0] }
        }
      })
    return box.step
  }

  /// Mean and unbiased variance of each channel of the 3x3 convolution (padding 1) of all images of
  /// the batch together, in Double.
  private static func moments(of step: FirstStep) -> (mean: [Double], variance: [Double]) {
    let size = 32
    let channels = step.weights.count / 27
    var values = [[Double]](repeating: [], count: channels)
    for n in 0..<step.sampleCount {
      for y in 0..<size {
        for x in 0..<size {
          for k in 0..<channels {
            var sum = 0.0
            for dy in 0..<3 where (0..<size).contains(y + dy - 1) {
              for dx in 0..<3 where (0..<size).contains(x + dx - 1) {
                let pixel = ((n * size + y + dy - 1) * size + x + dx - 1) * 3
                for c in 0..<3 {
                  sum +=
                    Double(step.images[pixel + c])
                    * Double(step.weights[((k * 3 + c) * 3 + dy) * 3 + dx])
                }
              }
            }
            values[k].append(sum)
          }
        }
      }
    }
    let means = values.map { $0.reduce(0, +) / Double($0.count) }
    let variances = zip(values, means).map { values, mean in
      values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
    }
    return (means, variances)
  }

  @Test(arguments: [(3, 1, 1), (4, 3, 2), (7, 2, 1), (21, 2, 2)])
  func runningStatisticsArePooled(microbatch: Int, ranks: Int, threads: Int) throws {
    let step = try Self.firstStep(microbatch: microbatch, ranks: ranks, threads: threads)
    let (means, variances) = Self.moments(of: step)
    #expect(means.count == 8 && step.mean.count == 8)
    for k in means.indices {
      // PyTorch's momentum of 0.1 from a running mean of 0 and a running variance of 1.
      let deviation = variances[k].squareRoot()
      #expect((Double(step.mean[k]) - 0.1 * means[k]).magnitude < 1e-6 * (1 + deviation))
      #expect(
        (Double(step.variance[k]) - (0.9 + 0.1 * variances[k])).magnitude
          < 2e-6 * (1 + variances[k]), "channel \(k) of microbatches of \(microbatch)")
      // The unbiased factor is larger than the tolerance, or the test could not tell.
      let positions = Double(step.sampleCount * 32 * 32)
      #expect(positions < 1e6)
    }
  }

  @Test func unbiasedAndBetweenMicrobatchVarianceCount() {
    // The last batch norm of a network with an embedding of one: one channel, one position.
    let network = Models.model(named: "iresnet10")!.network(
      image: MapShape(height: 32, width: 32, channels: 3), maximumRows: 3,
      options: ModelOptions(embedding: 1, width: 0.125))
    let features = network.statistics.last!
    #expect(features.channels == 1 && features.pixels == 1)
    let (meanPlace, variancePlace) = (features.means.lowerBound, features.variances.lowerBound)
    // Two microbatches, of 2 and 3 samples.
    let batches: [[Double]] = [[1, 3], [10, 12, 17]]
    let all = batches.flatMap { $0 }
    var running = [Float](repeating: 0, count: network.statisticsCount)
    running[meanPlace] = 0.5
    running[variancePlace] = 2
    var sums = [Double](repeating: 0, count: network.statisticsCount)
    for batch in batches {
      let mean = batch.reduce(0, +) / Double(batch.count)
      let variance = batch.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(batch.count)
      var moments = [Float](repeating: 0, count: network.statisticsCount)
      moments[meanPlace] = Float(mean)
      moments[variancePlace] = Float(variance)
      var addends = sums.map { _ in 0.0 }
      RunningMoments.addends(
        of: moments, running: running, statistics: [features],
        weight: Double(batch.count) / Double(all.count), into: &addends)
      for i in sums.indices { sums[i] += addends[i] }
    }
    RunningMoments.update(
      &running, statistics: [features], sums: sums, sampleCount: all.count)
    let mean = all.reduce(0, +) / 5
    let unbiased = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4
    #expect((Double(running[meanPlace]) - (0.9 * 0.5 + 0.1 * mean)).magnitude < 1e-6)
    #expect((Double(running[variancePlace]) - (0.9 * 2 + 0.1 * unbiased)).magnitude < 1e-5)
  }

  @Test func randomnessIsAFunction() throws {
    // The images of a step: of its slots alone, whoever loads them and whatever came before.
    let first = try Self.firstStep(microbatch: 4, ranks: 1, threads: 1)
    let other = try Self.firstStep(microbatch: 7, ranks: 3, threads: 2)
    let isEqual = first.images == other.images && first.weights == other.weights
    #expect(isEqual)
    #expect(Set(first.weights).count > 100)
  }

  @Test func dropoutMasksDependOnSeedStepSlotAndLayerAlone() {
    func keys(seed: UInt64, step: Int, firstSlot: Int, rows: Int, layer: Int) -> [UInt64] {
      let options = ModelOptions(embedding: 8, dropout: 0.5, width: 0.125)
      let network = Models.model(named: "iresnet18")!.network(
        image: MapShape(height: 32, width: 32, channels: 3), maximumRows: 8, options: options)
      let memory = UnsafeMutablePointer<Float>.allocate(capacity: 1)
      defer { memory.deallocate() }
      let pass = Pass(
        network, rows: rows, phase: .training, memory: memory, parameters: memory,
        runningMoments: memory, batchMoments: memory, layerGradients: memory,
        randomness: PassRandomness(seed: seed, step: step, firstSlot: firstSlot))
      var keys = [UInt64](repeating: 0, count: rows)
      pass.fillDropoutKeys(layer: layer, into: &keys)
      return keys
    }
    let all = keys(seed: 1, step: 3, firstSlot: 0, rows: 8, layer: 2)
    #expect(Set(all).count == 8)
    // The same slots, cut otherwise.
    #expect(Array(all[5...]) == keys(seed: 1, step: 3, firstSlot: 5, rows: 3, layer: 2))
    for others in [
      keys(seed: 2, step: 3, firstSlot: 0, rows: 8, layer: 2),
      keys(seed: 1, step: 4, firstSlot: 0, rows: 8, layer: 2),
      keys(seed: 1, step: 3, firstSlot: 8, rows: 8, layer: 2),
      keys(seed: 1, step: 3, firstSlot: 0, rows: 8, layer: 3),
    ] {
      #expect(Set(others).isDisjoint(with: all))
    }
  }

  private final class Trace: Sendable {
    let events = Mutex<[StepEvent]>([])
    let steps = Mutex<[[StepEvent]]>([])

    func closeStep() {
      let events = events.withLock { events in
        defer { events = [] }
        return events
      }
      steps.withLock { $0.append(events) }
    }
  }

  @Test func reductionStartsBeforeBackwardEnds() throws {
    // Buckets of 8 MB hold the narrow model whole; this one has three.
    let configuration = SmallRun.configuration {
      $0.width = 0.5
      $0.embedding = 512
      $0.length = .steps(6)
    }
    let trace = Trace()
    _ = try SmallRun.train(
      configuration, ranks: 2,
      hook: { hooks, rank in
        guard rank == 0 else { return }
        hooks.onEvent = { event in trace.events.withLock { $0.append(event) } }
        hooks.onStep = { _, _ in trace.closeStep() }
      })
    var overlapped = 0
    for events in trace.steps.withLock({ $0 }) {
      var reductions: [Int] = []
      var ends: [Int] = []
      for (index, event) in events.enumerated() {
        switch event {
        case .reduction: reductions.append(index)
        case .backwardEnds: ends.append(index)
        case .microbatchBegins: break
        }
      }
      #expect(reductions.count > 1 && ends.count > 1)
      if reductions[0] < ends.last! { overlapped += 1 }
    }
    // On a busy machine the main thread may wake too late in some step, but not in each.
    #expect(overlapped > 0, "in no step was anything reduced before backward ended")
  }

  @Test(arguments: [Float(1e-2), 0])
  func collapsedEmbeddingsEndTheRun(spread: Float) throws {
    let seen = Records()
    let configuration = SmallRun.configuration {
      $0.length = .steps(14)
      $0.learningRate = 1e-9
      $0.dropout = 0
    }
    func train() throws {
      _ = try SmallRun.train(
        configuration,
        hook: { hooks, _ in
          hooks.onStart = { SmallRun.collapse($0, spread: spread) }
          hooks.onStep = { seen.all.append($1) }
        })
    }
    if spread > 0 {
      try train()
    } else {
      #expect {
        try train()
      } throws: { error in
        guard case TrainingFailure.collapsed(let step, _, _) = error else { return false }
        return step == 10
      }
    }
    let records = seen.all
    #expect(records.count == (spread > 0 ? 14 : 10))
    #expect(records.allSatisfy { $0.spread < 1e-3 && ($0.spread > 1e-6) == (spread > 0) })
  }

  private final class Records: @unchecked Sendable { var all: [StepRecord] = [] }
}
