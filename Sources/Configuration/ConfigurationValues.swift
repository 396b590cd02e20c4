package import Losses

/// Where photos come from: `--data`.
package enum DataSource: Sendable, Equatable {
  /// An image folder, `person/photo.jpg` at any depth.
  case folder(String)
  /// People drawn by the program itself.
  case synthetic(SyntheticData)
}

/// The size of a set of synthetic faces.
package struct SyntheticData: Sendable, Equatable {
  /// Number of people.
  package var people: Int
  /// Photos of each person.
  package var photos: Int
  /// Side of a photo in pixels.
  package var size: Int

  package init(people: Int, photos: Int, size: Int) {
    self.people = people
    self.photos = photos
    self.size = size
  }
}

/// What becomes of a run whose disk is full: `--on-full-disk`.
package enum FullDiskPolicy: String, Sendable, Equatable, CaseIterable {
  /// Training goes on; the last checkpoint stays, and the next one tries again.
  case `continue`
  /// The run ends.
  case stop
}

/// The loss: `--loss`.
package enum LossName: String, Sendable, Equatable, CaseIterable {
  case softmax
  case normalizedSoftmax = "normalized-softmax"
  case arcface
  case cosface
  case combined
  case triplet

  /// Whether the loss has a margin.
  package var hasMargin: Bool { self != .softmax && self != .normalizedSoftmax }

  /// The margin taken when none is given: one value, three for `combined`, none without a margin.
  package var defaultMargin: [Double] {
    switch self {
    case .softmax, .normalizedSoftmax: []
    case .arcface: [0.5]
    case .cosface: [0.35]
    case .combined: [1, 0.3, 0.2]
    case .triplet: [0.2]
    }
  }

  /// Whether the loss has scaled logits.
  package var hasScale: Bool { self != .softmax && self != .triplet }

  /// The scale s of the logits taken when none is given (1 for losses that have none).
  package var defaultScale: Double { hasScale ? 64 : 1 }
}

/// Which triplets are taken when: `--mining`, a mode or several from easy to hard.
package struct MiningSchedule: Sendable, Equatable {
  /// A mode and when it begins; the first begins at once, as `.never`.
  package struct Stage: Sendable, Equatable {
    package var mode: MiningMode
    package var start: Interval

    package init(mode: MiningMode, start: Interval) {
      self.mode = mode
      self.start = start
    }
  }

  package var stages: [Stage]

  package init(stages: [Stage]) { self.stages = stages }

  /// One mode from first to last.
  package static func always(_ mode: MiningMode) -> Self {
    Self(stages: [Stage(mode: mode, start: .never)])
  }

  /// The mode of the step that follows `step` steps.
  package func mode(after step: Int, stepsPerEpoch: Int) -> MiningMode {
    stages.last { $0.start.steps(stepsPerEpoch: stepsPerEpoch) <= step }?.mode ?? stages[0].mode
  }

  /// Whether any stage is `mode`.
  package func has(_ mode: MiningMode) -> Bool { stages.contains { $0.mode == mode } }
}

/// What ArcFace does where cos(theta + m) would rise again: `--margin-variant` (section 2.2).
package enum MarginVariant: String, Sendable, Equatable, CaseIterable {
  case plain, monotone, easy, clamped
}

/// The derivative of the target logit: `--margin-gradient` (section 2.3).
package enum MarginGradient: String, Sendable, Equatable, CaseIterable {
  /// The derivative of the formula.
  case exact
  /// The margin counts as the identity in backward, as insightface's PyTorch code.
  case straightThrough = "straight-through"
}

/// The optimizer: `--optimizer`.
package enum OptimizerName: String, Sendable, Equatable, CaseIterable {
  case sgd, adagrad, adamw, lars

  /// Whether the optimizer has a momentum.
  package var hasMomentum: Bool { self == .sgd || self == .lars }

  /// The momentum taken when none is given.
  package var defaultMomentum: Double { hasMomentum ? 0.9 : 0 }

  /// The learning rate taken when none is given.
  package var defaultLearningRate: Double {
    switch self {
    case .sgd: 0.1
    case .adagrad: 0.05
    case .adamw: 0.001
    case .lars: 1
    }
  }
}

/// The course of the learning rate after warm-up: `--schedule`.
package enum ScheduleName: String, Sendable, Equatable, CaseIterable {
  case constant, step, polynomial, cosine
}

/// How often something happens: `N` steps, `Ne` epochs, `0` never.
package enum Interval: Sendable, Equatable {
  case never
  case steps(Int)
  case epochs(Int)
}

/// How long training lasts: `--epochs` or `--steps`, one of them.
package enum TrainingLength: Sendable, Equatable {
  case epochs(Int)
  case steps(Int)
}

/// Where training starts: `--resume`.
package enum ResumeMode: Sendable, Equatable {
  /// The newest good checkpoint of the run folder, or the beginning when there is none.
  case auto
  /// The beginning; a folder that holds a run is refused.
  case none
  /// A checkpoint file or a run folder, which must exist.
  case path(String)
}

/// The power of two that gradients are rounded to before they are summed: `--gradient-grid`.
package enum GradientGrid: Sendable, Equatable {
  /// Chosen by the program, and kept in the checkpoint.
  case automatic
  /// The spacing of the grid is 2 to this power.
  case exponent(Int)
}
