/// XXH64 of four streams at once: one alone waits for its multiplications.
package enum HashStreams {
  /// Goes on with the accumulators `lanes` [4 streams, 4] over `count` bytes, a multiple of 32, of
  /// each of the streams; `first` and `second` are XXH64's primes of these names.
  @inline(never)
  package static func advance(
    _ lanes: UnsafeMutablePointer<UInt64>, over a: UnsafeRawPointer, _ b: UnsafeRawPointer,
    _ c: UnsafeRawPointer, _ d: UnsafeRawPointer, count: Int, first: UInt64, second: UInt64
  ) {
    let memory = UnsafeMutableRawPointer(lanes)
    var ab = memory.loadUnaligned(as: SIMD8<UInt64>.self)
    var cd = memory.loadUnaligned(fromByteOffset: 64, as: SIMD8<UInt64>.self)
    let (p1, p2) = (SIMD8(repeating: first), SIMD8(repeating: second))
    @inline(__always)
    func both(_ low: UnsafeRawPointer, _ high: UnsafeRawPointer, _ offset: Int) -> SIMD8<UInt64> {
      SIMD8(
        lowHalf: low.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self),
        highHalf: high.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self))
    }
    @inline(__always)
    func round(_ sums: SIMD8<UInt64>, _ words: SIMD8<UInt64>) -> SIMD8<UInt64> {
      let sum = sums &+ words &* p2
      return (sum &<< 31 | sum &>> 33) &* p1
    }
    var offset = 0
    while offset < count {
      ab = round(ab, both(a, b, offset))
      cd = round(cd, both(c, d, offset))
      offset &+= 32
    }
    memory.storeBytes(of: ab, as: SIMD8<UInt64>.self)
    memory.storeBytes(of: cd, toByteOffset: 64, as: SIMD8<UInt64>.self)
  }
}
