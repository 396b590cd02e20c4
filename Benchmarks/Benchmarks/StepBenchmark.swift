internal import Assembly
package import Collectives
internal import Configuration
private import Datasets
internal import Determinism
internal import Engine
internal import Inputs
private import Kernels
private import Losses
private import Networks
private import Optimizers
private import Planning
internal import RunFolders
internal import Sessions
internal import Threads
internal import Timing
internal import Training

/// Whole training steps on fixed images, through the engine that trains.
package struct StepBenchmark: Sendable {
  package var model: BenchmarkModel
  /// Compute threads of a rank.
  package var threads: Int
  /// Timed steps, after one that is not timed.
  package var steps: Int
  /// A folder of photos, one folder a person, in the place of noise.
  package var photos: String?

  package init(model: BenchmarkModel, threads: Int, steps: Int, photos: String? = nil) {
    self.model = model
    self.threads = threads
    self.steps = steps
    self.photos = photos
  }

  /// Times the steps on every rank and returns the report, alike on all ranks but for the memory,
  /// which is the rank's own. Throws what the engine throws.
  package func run(over communicator: any Communicator, ratesBudgetSeconds: Double) throws
    -> BenchmarkReport
  {
    let session = try Session.start(communicator: communicator, threads: threads, quiet: true)
    defer { session.pool.end() }
    let (engine, loss, times, best) =
      try photos.map { try stepOnPhotos($0, in: session) } ?? stepOnNoise(in: session)
    let peakMemory = ProcessFigures.peakMemoryBytes
    let rates = MachineRates.measure(budgetSeconds: ratesBudgetSeconds)
    let timing = Timing(times)
    let perWorker = Double(model.batch) / Double(communicator.size * threads)
    let bound = StepBound(engine.network).seconds(rates) * perWorker
    var figures: [String: Double] = [
      "images_per_second": Double(model.batch) / timing.bestSeconds,
      "bound_seconds": bound,
      "bound_share": bound / timing.bestSeconds,
      "loss": loss,
      "peak_memory_bytes": Double(peakMemory),
      "worker_bytes": Double(engine.workerBytes),
    ]
    for phase in PhaseSeconds.Phase.allCases { figures["\(phase)_seconds"] = best[phase] }
    let name =
      "\(model.name) \(model.imageSize) px, batch \(model.batch), microbatch "
      + "\(model.microbatch), \(communicator.size) x \(threads) threads"
    return BenchmarkReport(
      kind: "step",
      settings: [
        "model": model.name, "image_size": "\(model.imageSize)", "classes": "\(model.classCount)",
        "batch": "\(model.batch)", "microbatch": "\(model.microbatch)", "width": "\(model.width)",
        "ranks": "\(communicator.size)", "threads": "\(threads)",
        "machine": session.machine.joined(separator: "; "),
        "products": model.products,
      ], machine: rates.figures,
      rows: [
        BenchmarkRow(
          name: name, bestSeconds: timing.bestSeconds, medianSeconds: timing.medianSeconds,
          figures: figures)
      ])
  }
}

extension StepBenchmark {
  private typealias Outcome = (
    engine: StepEngine, loss: Double, times: [Double], best: PhaseSeconds
  )

  private func stepOnNoise(in session: Session) throws -> Outcome {
    let trial = StepTrial(model, session: session)
    // One microbatch for every worker touches all memory.
    try trial.step(
      count: min(model.batch, session.communicator.size * threads * model.microbatch))
    var times: [Double] = []
    var best = trial.engine.seconds
    for _ in 0..<steps {
      try session.communicator.barrier()
      let start = Clock.seconds
      try trial.step(count: model.batch)
      times.append(Clock.seconds - start)
      if times.min() == times.last { best = trial.engine.seconds }
    }
    return (trial.engine, trial.lastLoss, times, best)
  }

  /// Steps of a whole trainer, with reading, decoding and augmentation.
  private func stepOnPhotos(_ folder: String, in session: Session) throws -> Outcome {
    var configuration = model.configuration
    configuration.data = .folder(folder)
    configuration.split = .all
    configuration.evaluateEvery = .never
    configuration.checkpointEvery = .never
    configuration.keepBest = false
    configuration.length = .steps(steps + 1)
    let data = try TrainingData.open(
      configuration, communicator: session.communicator, pool: session.pool)
    let plan = try TrainingPlan(configuration, session: session, data: data, folder: nil)
    var records: [StepRecord] = []
    var hooks = RunHooks()
    hooks.onStep = { records.append($1) }
    let bench = try Workbench(plan, hooks: hooks)
    let trainer = try Trainer(
      bench, at: Start.fresh(weights: nil).load(into: bench), hooks: hooks)
    _ = try trainer.run()
    let timed = records.dropFirst()
    guard let best = timed.min(by: { $0.stepSeconds < $1.stepSeconds }) else {
      throw BenchmarkFailure.input("\(folder): the run ended after its first step")
    }
    return (trainer.engine, best.loss, timed.map(\.stepSeconds), best.seconds)
  }
}

/// An engine with fixed images and labels that can be stepped.
final class StepTrial {
  let engine: StepEngine
  private let model: BenchmarkModel
  private var stepCount = 0
  private(set) var lastLoss = Double.nan

  /// An engine of `model`, on made images or on what `samples` brings.
  init(_ model: BenchmarkModel, session: Session, samples: ComputedSamples? = nil) {
    self.model = model
    let microbatches = Microbatches.cut(model.batch, microbatch: model.microbatch).count
    engine = StepEngine(
      model.factory.makeReplica(
        model.configuration,
        gridExponent: model.configuration.gridExponent(microbatches: microbatches)),
      in: World(pool: session.pool, communicator: session.communicator),
      samples: samples ?? Self.madeSamples(of: model))
    engine.initialize()
  }

  /// Images are read by all workers.
  private final class Images: @unchecked Sendable {
    let memory: AlignedMemory
    init(_ memory: consuming AlignedMemory) { self.memory = memory }
  }

  private static func madeSamples(of model: BenchmarkModel) -> ComputedSamples {
    let images = Images(BenchmarkModel.images(model.batch, size: model.imageSize))
    let labels = (0..<model.batch).map { Int32($0 * 7919 % model.classCount) }
    let count = model.factory.network.image.shape.count
    return ComputedSamples { slot, _, image in
      image.update(from: images.memory.pointer + slot * count, count: count)
      return labels[slot]
    }
  }

  /// One step on the first `count` images: gradients and update.
  func step(count: Int) throws {
    let batch = StepBatch(
      step: stepCount, epoch: 0, samples: Array(0..<count),
      microbatches: Microbatches.cut(count, microbatch: model.microbatch), marginFactor: 1)
    let sums = try engine.computeGradients(of: batch)
    guard sums.unsoundRanks == 0 else {
      throw BenchmarkFailure.input("step \(stepCount): a gradient is not finite or leaves the grid")
    }
    _ = try engine.applyUpdate(
      sampleCount: count, index: stepCount,
      rates: LearningRates(backbone: model.configuration.learningRate, head: 0.01), clipping: nil)
    lastLoss = sums.lossSum / Double(count)
    stepCount += 1
  }
}
