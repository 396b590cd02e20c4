package import Datasets

extension Interval {
  /// The first step after which it falls due, 0 for never.
  package func steps(in course: EpochCourse) -> Int {
    switch self {
    case .never: 0
    case .steps(let steps): steps
    case .epochs(let epochs): course.steps(epochs: epochs)
    }
  }

  /// Whether it falls due after `step` steps.
  package func isDue(after step: Int, in course: EpochCourse) -> Bool {
    switch self {
    case .never: false
    case .steps(let steps): step > 0 && step % steps == 0
    case .epochs(let epochs):
      step > 0 && course.endsEpoch(after: step) && course.epochs(after: step) % epochs == 0
    }
  }

  /// How often it falls due in the first `step` steps.
  package func count(within step: Int, in course: EpochCourse) -> Int {
    switch self {
    case .never: 0
    case .steps(let steps): step / steps
    case .epochs(let epochs): course.epochs(after: step) / epochs
    }
  }
}

extension RunConfiguration {
  /// Steps of the whole run.
  package func totalSteps(in course: EpochCourse) -> Int {
    switch length {
    case .epochs(let epochs): course.steps(epochs: epochs)
    case .steps(let steps): steps
    }
  }
}
