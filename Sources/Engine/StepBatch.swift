internal import Determinism
package import Losses

/// What one global batch is: which samples, and the random coordinates of the step.
package struct StepBatch: Sendable {
  /// Steps before this one.
  package let step: Int
  /// Whole epochs that are done before it.
  package let epoch: Int
  /// Indices of the samples, in batch order.
  package let samples: [Int]
  /// The microbatches, as ranges of batch slots.
  package let microbatches: [Range<Int>]
  /// The share of the margin in force, 0...1.
  package let marginFactor: Float
  /// What a loss of the whole batch is asked of this one; nil where it is asked nothing.
  package let request: (any BatchRequest)?

  package init(
    step: Int, epoch: Int, samples: [Int], microbatches: [Range<Int>], marginFactor: Float,
    request: (any BatchRequest)? = nil
  ) {
    self.step = step
    self.epoch = epoch
    self.samples = samples
    self.microbatches = microbatches
    self.marginFactor = marginFactor
    self.request = request
  }
}

extension StepBatch {
  /// The slots of the microbatches of each of `ranks` ranks, by rank.
  func slots(ofRanks ranks: Int) -> [Range<Int>] {
    (0..<ranks).map { rank in
      let share = Microbatches.share(of: microbatches.count, rank: rank, size: ranks)
      guard let first = share.first, let last = share.last else { return 0..<0 }
      return microbatches[first].lowerBound..<microbatches[last].upperBound
    }
  }
}

/// A sample that was brought.
package struct BatchSample: Sendable {
  /// The class of the person on the photo.
  package let label: Int32
  /// Whether it stands in for a bad photo.
  package let isReplaced: Bool
  /// Its place among what a teacher has said before; -1 where it has said nothing.
  package let teacherRow: Int32

  /// A sample of class `label`, in the place of an unreadable one if it `isReplaced`.
  package init(label: Int32, isReplaced: Bool, teacherRow: Int32 = -1) {
    self.label = label
    self.isReplaced = isReplaced
    self.teacherRow = teacherRow
  }
}

/// Where an engine's samples come from.
package protocol SampleSource: Sendable {
  /// Says that `slots` of `batch` will be asked for, in this order, behind all that was said
  /// before: time to bring their bytes.
  func schedule(_ slots: Range<Int>, of batch: StepBatch)

  /// Fills the image [size, size, 3] with the sample in `slot` of `batch`; runs on worker `worker`.
  /// Throws what ends the run.
  func load(
    _ slot: Int, of batch: StepBatch, on worker: Int, into image: UnsafeMutablePointer<Float>
  ) throws -> BatchSample

  /// Overwrites `targets` [rows.count, teacherWidth] with a teacher's embeddings of the samples
  /// `images` [rows.count, size, size, 3] whose `teacherRow` are `rows`, as `Teacher.teach` does.
  func teach(
    _ rows: UnsafeBufferPointer<Int32>, images: UnsafePointer<Float>, on worker: Int,
    into targets: UnsafeMutablePointer<Float>)
}

/// Called on the main thread while it waits for workers or ranks; throws to leave the step.
package typealias StopCheck = () throws -> Void

/// Something that happened in a step, for traces and tests.
package enum StepEvent: Sendable {
  case microbatchBegins(Int)
  /// All gradients of the microbatch are added to the rank's sums.
  case backwardEnds(Int)
  /// A bucket of final gradients goes to the other ranks.
  case reduction(parameters: Range<Int>)
}

/// Samples that are computed where they are needed: for measurements and tests.
package struct ComputedSamples: SampleSource {
  private let body:
    @Sendable (_ slot: Int, _ batch: StepBatch, _ image: UnsafeMutablePointer<Float>) -> Int32
  private let teacher: (any Teacher)?

  /// `body` fills the image of a slot and returns its class, which is its place at the `teacher`.
  package init(
    taughtBy teacher: (any Teacher)? = nil,
    _ body:
      @escaping @Sendable (
        _ slot: Int, _ batch: StepBatch, _ image: UnsafeMutablePointer<Float>
      ) -> Int32
  ) {
    self.body = body
    self.teacher = teacher
  }

  package func schedule(_ slots: Range<Int>, of batch: StepBatch) {}

  package func load(
    _ slot: Int, of batch: StepBatch, on worker: Int, into image: UnsafeMutablePointer<Float>
  ) -> BatchSample {
    let label = body(slot, batch, image)
    return BatchSample(label: label, isReplaced: false, teacherRow: label)
  }

  package func teach(
    _ rows: UnsafeBufferPointer<Int32>, images: UnsafePointer<Float>, on worker: Int,
    into targets: UnsafeMutablePointer<Float>
  ) {
    teacher?.teach(rows, images: images, on: worker, into: targets)
  }
}
