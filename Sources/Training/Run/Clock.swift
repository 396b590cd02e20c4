private import Glibc

/// Time that only goes forward.
package enum Clock {
  /// Seconds since some moment in the past.
  package static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

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

  package subscript(phase: Phase) -> Double {
    get { values[phase.rawValue] }
    set { values[phase.rawValue] = newValue }
  }

  package static func += (sum: inout PhaseSeconds, other: PhaseSeconds) {
    sum.values += other.values
  }
}
