package import Datasets
package import Losses

/// Where photos come from: `--data`.
package enum DataSource: Sendable, Equatable {
  /// An image folder, `person/photo.jpg` at any depth.
  case folder(String)
  /// People drawn by the program itself.
  case synthetic(SyntheticData)

  /// Whether the people are drawn.
  var isSynthetic: Bool {
    if case .synthetic = self { return true }
    return false
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
  case adaface
  case curricularface
  case elasticArcFace = "elastic-arcface"
  case elasticCosFace = "elastic-cosface"
  case magface
  case uniface
  case triplet
  /// None but the term that a teacher adds to every other.
  case teacher

  /// What a loss has of its own, and its usual values of that.
  package struct Traits: Sendable {
    /// The usual margin: one value, three m1, m2, m3, or none without a margin.
    package let margin: [Double]
    /// The usual scale s of the logits; nil where they have none.
    package let scale: Double?
    /// Whether there are class weights.
    package var hasClassWeights = true

    /// Whether the loss has a margin.
    package var hasMargin: Bool { !margin.isEmpty }
  }

  /// Whether margins are drawn.
  package var isElastic: Bool { self == .elasticArcFace || self == .elasticCosFace }

  /// The loss's own traits, with the margins of the papers.
  package var traits: Traits {
    let scale = MarginSoftmaxConfiguration.usualScale
    return switch self {
    case .softmax: Traits(margin: [], scale: nil)
    case .normalizedSoftmax: Traits(margin: [], scale: scale)
    case .arcface: Traits(margin: [MarginSoftmaxConfiguration.usualArcFaceMargin], scale: scale)
    case .cosface: Traits(margin: [0.35], scale: scale)
    case .combined: Traits(margin: [1, 0.3, 0.2], scale: scale)
    case .adaface: Traits(margin: [0.4], scale: scale)
    case .curricularface: Traits(margin: [0.5], scale: scale)
    case .elasticArcFace: Traits(margin: [0.5], scale: scale)
    case .elasticCosFace: Traits(margin: [0.35], scale: scale)
    case .magface: Traits(margin: [0.45, 0.8], scale: scale)
    case .uniface: Traits(margin: [0.4], scale: scale)
    case .triplet: Traits(margin: [0.2], scale: nil, hasClassWeights: false)
    case .teacher: Traits(margin: [], scale: nil, hasClassWeights: false)
    }
  }
}

/// Where class weights are: `--head`. The bits are the same with `--reduce exact`.
package enum HeadPlacement: String, Sendable, Equatable, CaseIterable {
  /// On every rank.
  case whole
  /// Each on one rank.
  case divided
  /// Divided where the model of a step says that it is faster, or a host has not the memory for
  /// whole ones (`HeadChoice`).
  case auto
}

extension RunConfiguration {
  /// Whether the head is divided over the ranks: as `head` says, and where classes are sampled,
  /// which takes the labels of the whole batch; nil where that is left open.
  package var dividesHead: Bool? {
    if sampleClasses < 1 { return true }
    return switch head {
    case .whole: false
    case .divided: true
    case .auto: nil
    }
  }
}

/// Which triplets are taken when: `--mining`, a mode or several from easy to hard.
package struct MiningSchedule: Sendable, Equatable {
  /// A mode and when it begins; the first begins at once, as `.never`.
  package struct Stage: Sendable, Equatable {
    /// Which triplets are trained on from there.
    package var mode: MiningMode
    /// The step or epoch that it begins at; `never` for the first stage, which is there at once.
    package var start: Interval

    /// Mining in `mode` from `start` on.
    package init(mode: MiningMode, start: Interval) {
      self.mode = mode
      self.start = start
    }
  }

  /// In the order in which they come.
  package var stages: [Stage]

  /// A schedule of `stages`, the first of which begins at once.
  package init(stages: [Stage]) { self.stages = stages }

  /// One mode from first to last.
  package static func always(_ mode: MiningMode) -> Self {
    Self(stages: [Stage(mode: mode, start: .never)])
  }

  /// The mode of the step that follows `step` steps.
  package func mode(after step: Int, in course: EpochCourse) -> MiningMode {
    stages.last { $0.start.steps(in: course) <= step }?.mode ?? stages[0].mode
  }

  /// Whether any stage is `mode`.
  package func has(_ mode: MiningMode) -> Bool { stages.contains { $0.mode == mode } }
}

/// The optimizer: `--optimizer`.
package enum OptimizerName: String, Sendable, Equatable, CaseIterable {
  case sgd, adagrad, adamw, lars

  /// What an optimizer has of its own, and its usual values of that.
  package struct Traits: Sendable {
    /// The usual learning rate.
    package let learningRate: Double
    /// The usual momentum; nil where there is none.
    package var momentum: Double?
    /// Whether the momentum may be Nesterov's.
    package var hasNesterov = false
    /// Whether sums of squares start somewhere.
    package var hasAccumulator = false
  }

  /// The optimizer's own traits.
  package var traits: Traits {
    switch self {
    case .sgd: Traits(learningRate: 0.1, momentum: 0.9, hasNesterov: true)
    case .adagrad: Traits(learningRate: 0.05, hasAccumulator: true)
    case .adamw: Traits(learningRate: 0.001)
    case .lars: Traits(learningRate: 1, momentum: 0.9)
    }
  }
}

/// The course of the learning rate after warm-up: `--schedule`.
package enum ScheduleName: String, Sendable, Equatable, CaseIterable {
  case constant, step, polynomial, cosine

  /// What a schedule has of its own.
  package struct Traits: Sendable {
    /// Whether the rate falls at milestones, by a factor.
    package var hasMilestones = false
    /// Whether the fall has a power.
    package var hasPower = false
    /// Whether the rate falls towards a last one.
    package var hasLastRate = false
  }

  /// The schedule's own traits.
  package var traits: Traits {
    switch self {
    case .constant: Traits()
    case .step: Traits(hasMilestones: true)
    case .polynomial: Traits(hasPower: true, hasLastRate: true)
    case .cosine: Traits(hasLastRate: true)
    }
  }
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

  /// How many of them.
  var count: Int {
    switch self {
    case .epochs(let count), .steps(let count): count
    }
  }
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

  /// The power, where one was chosen.
  var exponent: Int? {
    if case .exponent(let exponent) = self { return exponent }
    return nil
  }
}
