internal import Scoring
internal import Configuration
internal import Sessions
internal import Collectives
internal import Datasets
internal import Engine
internal import Threads
internal import Timing

/// Brings the samples of batches to the engine's workers, each of which has a decoder of its own.
struct SampleReader: Sendable {
  let loader: SampleLoader
  private let decoders: [SampleDecoder]
  private let watched: RankProgress

  init(_ plan: TrainingPlan) {
    let loader = SampleLoader(
      plan.data.index, divided: plan.data.divided, source: plan.data.source,
      preprocessing: plan.data.preprocessing, augmentation: plan.configuration.augment,
      seed: plan.configuration.seed)
    self.loader = loader
    decoders = (0..<plan.session.threads).map { _ in loader.makeDecoder() }
    watched = plan.communicator.progress
  }

  /// Fills `image` [size, size, 3] with the sample of `slot` of `batch` and returns its class, as
  /// `SampleLoad` is to.
  func load(
    _ worker: Int, _ batch: StepBatch, _ slot: Int, _ image: UnsafeMutablePointer<Float>,
    _ seconds: inout PhaseSeconds
  ) throws -> (label: Int32, isReplaced: Bool) {
    let begin = Clock.seconds
    let sample = try watched.reading {
      try decoders[worker].load(
        loader.training[batch.samples[slot]],
        at: SampleCoordinates(step: batch.step, slot: slot), into: image)
    }
    seconds[.decode] += Clock.seconds - begin
    return (Int32(sample.label), sample.isReplacement)
  }
}
