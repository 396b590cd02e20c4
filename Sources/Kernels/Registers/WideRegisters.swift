private import CProcessor
private import Glibc
private import KernelsAVX512

/// Whether products run in the 512-bit registers of this processor; the results are the same bits.
///
/// `DDP_TRAIN_AVX512=0` in the environment keeps to AVX2, to compare the two.
package enum WideRegisters {
  package static let areUsed: Bool = {
    guard cprocessor_has_avx512() != 0 else { return false }
    return getenv("DDP_TRAIN_AVX512").map { String(cString: $0) } != "0"
  }()

  /// Runs `rounds` rounds of `MultiplyAddChains` in the registers that are used.
  package static func multiplyAdds(rounds: Int, seed: Float) -> Float {
    areUsed
      ? KernelsAVX512.MultiplyAddChains.run(rounds: rounds, seed: seed)
      : MultiplyAddChains.run(rounds: rounds, seed: seed)
  }

  /// Floating-point operations of one such round.
  package static var multiplyAddOperations: Int {
    areUsed
      ? KernelsAVX512.MultiplyAddChains.operationsPerRound : MultiplyAddChains.operationsPerRound
  }
}
