/// How gradients travel between ranks: `--reduce`.
package enum Reduction: String, Sendable, Equatable, CaseIterable {
  /// Exact sums, in 48 bits a value where they fit and in 64 where they do not.
  case exact
  /// Each rank's sums rounded to floats.
  case fp32
  /// Each rank's sums rounded to bfloat16; what rounding takes away is added in the next step.
  case bf16

  /// Whether the ranks' cut of the batch shows in the result.
  package var isLossy: Bool { self != .exact }
}
