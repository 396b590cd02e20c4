package import Timing

/// What a report plots of a run so far.
package struct RunHistory: Sendable {
  /// The steps, ascending.
  package var steps: [RunReport.Step] = []
  /// The evaluations, ascending.
  package var evaluations: [RunReport.EvaluationPoint] = []
  /// Seconds by phase, over all steps.
  package var seconds = PhaseSeconds()

  /// A run of which nothing is known.
  package init() {}
}
