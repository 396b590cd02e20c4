private import Determinism

/// Where a sample, or the first of a microbatch, stands in a run: what is drawn for it is a
/// function of that.
package struct SamplePlace: Sendable, Equatable {
  /// The seed of the run.
  package let seed: UInt64
  /// Steps before the one that it is in.
  package let step: Int
  /// Its place in the batch of that step.
  package let slot: Int

  /// The place `slot` of the batch of `step`.
  package init(seed: UInt64, step: Int, slot: Int) {
    (self.seed, self.step, self.slot) = (seed, step, slot)
  }

  /// The place `count` slots on.
  @inline(__always)
  func advanced(by count: Int) -> Self { Self(seed: seed, step: step, slot: slot + count) }

  /// A normal number of mean 0 and deviation 1.
  package var normal: Double {
    CounterRandom(seed: seed, purpose: .margin, step, slot).normal(0)
  }
}
