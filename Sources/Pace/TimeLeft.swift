/// How long a run will take from here, from what its last steps and its evaluations have taken.
package struct TimeLeft {
  /// Steps whose mean counts: enough for what comes every few steps, such as a checkpoint.
  private static let window = 64

  private var seconds: [Double] = []
  private var stepCount = 0
  private var evaluationSeconds: Double?

  /// A run of which no step is known.
  package init() {}

  /// Takes in the seconds of a step, with all that came between it and the step before, but for
  /// evaluations.
  package mutating func add(step: Double) {
    stepCount += 1
    // The first step of a process warms up, and counts while it is the only one.
    if stepCount == 2 { seconds = [] }
    seconds.append(step)
    if seconds.count > Self.window { seconds.removeFirst() }
  }

  /// Takes in the seconds of an evaluation, of all sets together.
  package mutating func add(evaluation: Double) { evaluationSeconds = evaluation }

  /// The seconds of `steps` steps and `evaluations` evaluations; nil before the first step. An
  /// evaluation counts as the last one did, and not at all before the first.
  package func seconds(steps: Int, evaluations: Int) -> Double? {
    guard !seconds.isEmpty else { return nil }
    let mean = seconds.reduce(0, +) / Double(seconds.count)
    return mean * Double(steps) + (evaluationSeconds ?? 0) * Double(evaluations)
  }
}
