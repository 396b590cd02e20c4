private import Preconditions

/// How a global batch is cut into microbatches, and these are shared out to ranks.
package enum Microbatches {
  /// Cuts `sampleCount` samples, by order alone, into ceil(sampleCount / `microbatch`) ranges whose
  /// sizes differ by at most one, larger ones first.
  package static func cut(_ sampleCount: Int, microbatch: Int) -> [Range<Int>] {
    require(
      sampleCount >= 0 && microbatch > 0,
      "Microbatches.cut: \(sampleCount) samples, microbatches of \(microbatch)")
    let parts = (sampleCount + microbatch - 1) / microbatch
    return (0..<parts).map { share(of: sampleCount, rank: $0, size: parts) }
  }

  /// The contiguous part of 0..<`count` that falls to `rank` of `size`; parts differ by at most one
  /// in length, longer ones first.
  package static func share(of count: Int, rank: Int, size: Int) -> Range<Int> {
    require(
      count >= 0 && size > 0 && rank >= 0 && rank < size,
      "Microbatches.share: \(count) to rank \(rank) of \(size)")
    let (base, longer) = count.quotientAndRemainder(dividingBy: size)
    let start = rank * base + min(rank, longer)
    return start..<(start + base + (rank < longer ? 1 : 0))
  }

  /// The size of the smallest microbatch of a batch of `sampleCount`.
  package static func smallest(_ sampleCount: Int, microbatch: Int) -> Int {
    cut(sampleCount, microbatch: microbatch).last?.count ?? 0
  }
}
