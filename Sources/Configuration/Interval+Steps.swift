extension Interval {
  /// The interval in steps; 0 for never.
  package func steps(stepsPerEpoch: Int) -> Int {
    switch self {
    case .never: 0
    case .steps(let steps): steps
    case .epochs(let epochs):
      // Beyond any run; the product need not fit.
      epochs.multipliedReportingOverflow(by: stepsPerEpoch).overflow
        ? Int.max : epochs * stepsPerEpoch
    }
  }

  /// Whether it falls due after `step` steps.
  package func isDue(after step: Int, stepsPerEpoch: Int) -> Bool {
    let interval = steps(stepsPerEpoch: stepsPerEpoch)
    return interval > 0 && step % interval == 0
  }
}
