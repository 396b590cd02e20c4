internal import Collectives
internal import Configuration
internal import Datasets
internal import Engine
internal import Inputs
internal import Losses
internal import Planning
internal import Sessions
internal import Threads
internal import Timing

/// Brings the samples of batches to the engine's workers, each of which has a decoder of its own.
struct SampleReader: SampleSource {
  let loader: SampleLoader
  private let decoders: [SampleDecoder]
  /// Brings bytes ahead.
  private let source: ReadAhead
  private let watched: RankProgress
  private let teacher: (any Teacher)?

  init(_ plan: TrainingPlan) {
    teacher = plan.teacher
    let loader = SampleLoader(
      plan.data.index, divided: plan.data.divided, source: plan.data.readAhead,
      preprocessing: plan.data.preprocessing, augmentation: plan.configuration.augment,
      seed: plan.configuration.seed)
    self.loader = loader
    decoders = (0..<plan.session.threads).map { _ in loader.makeDecoder() }
    source = plan.data.readAhead
    watched = plan.communicator.progress
  }

  func schedule(_ slots: Range<Int>, of batch: StepBatch) {
    source.schedule(slots.map { loader.training[batch.samples[$0]] })
  }

  func load(
    _ slot: Int, of batch: StepBatch, on worker: Int, into image: UnsafeMutablePointer<Float>
  ) throws -> BatchSample {
    let sample = try watched.reading {
      try decoders[worker].load(
        loader.training[batch.samples[slot]],
        at: SampleCoordinates(step: batch.step, slot: slot), into: image)
    }
    return BatchSample(
      label: Int32(sample.label), isReplaced: sample.isReplacement,
      teacherRow: teacher?.row(of: sample.photo, isMirrored: sample.isMirrored) ?? -1)
  }

  func teach(
    _ rows: UnsafeBufferPointer<Int32>, images: UnsafePointer<Float>, on worker: Int,
    into targets: UnsafeMutablePointer<Float>
  ) {
    teacher?.teach(rows, images: images, on: worker, into: targets)
  }
}
