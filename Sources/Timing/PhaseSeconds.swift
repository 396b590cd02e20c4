/// Seconds of a worker by what it did.
package struct PhaseSeconds: Sendable {
  /// `decode` reads, decodes and changes photos; `head` is the loss; `summation` the exact sum over
  /// microbatches; `wait` what the workers' time leaves of the step: other ranks, idle workers;
  /// `update` the optimizer with its receipts.
  package enum Phase: Int, CaseIterable, Sendable {
    case decode, forward, head, backward, summation, wait, update
  }

  /// By phase, in a value without heap memory.
  package var values = SIMD16<Double>()

  /// No time in any phase.
  package init() {}

  /// The seconds of one phase.
  package subscript(phase: Phase) -> Double {
    get { values[phase.rawValue] }
    set { values[phase.rawValue] = newValue }
  }

  /// Adds another's seconds, phase by phase.
  package static func += (sum: inout PhaseSeconds, other: PhaseSeconds) {
    sum.values += other.values
  }
}
