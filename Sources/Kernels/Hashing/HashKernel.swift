private import KernelsAVX512

/// XXH64 of several streams at a time, for registers that multiply eight words of 64 bits at once.
package enum HashKernel {
  /// Whether this processor has such registers.
  package static var hashesFourAtOnce: Bool { RegisterWidth.chosen == .sixteen }

  /// Goes on with the accumulators `lanes` [4 streams, 4] of XXH64 over `count` bytes, a multiple
  /// of 32, of each of four streams that lie one behind the other; `primes` are the algorithm's
  /// first two. Only where `hashesFourAtOnce`.
  package static func advance(
    _ lanes: UnsafeMutablePointer<UInt64>, over bytes: UnsafeRawPointer, count: Int,
    primes: (UInt64, UInt64)
  ) {
    HashStreams.advance(
      lanes, over: bytes, bytes + count, bytes + 2 * count, bytes + 3 * count, count: count,
      first: primes.0, second: primes.1)
  }
}
