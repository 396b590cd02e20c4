/// What products take in 32 bits on either side: a pair of values in bfloat16, the even one in the
/// lower half. Here without the instruction for it, and with its bits.
///
/// VDPBF16PS adds fma(a0, b0, fma(a1, b1, sum)), each rounded to nearest even, and takes subnormal
/// numbers for zero, sums included: the products of this module run with `Subnormals.asZero`.
enum Factor {
  /// Values in one factor.
  @inline(__always) static var values: Int { 2 }

  /// sum + the two products of each pair, the odd one first.
  @inline(__always)
  static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
    sum.addingProduct(odd(a), odd(b)).addingProduct(even(a), even(b))
  }

  /// Stores a vector of values of one row, its first value number `value` of those at `row`.
  @inline(__always)
  static func store(_ values: Vector, in row: MutableFloats, from value: Int) {
    let halves = SIMD8<UInt16>(truncatingIfNeeded: rounded(values) &>> Bits(repeating: 16))
    (UnsafeMutableRawPointer(row) + 2 &* value).storeBytes(of: halves, as: SIMD8<UInt16>.self)
  }

  /// Factors of which each holds a value of `even` and the one of `odd` behind it.
  @inline(__always)
  static func pairs(even: Vector, odd: Vector) -> Vector {
    let lower = rounded(even) &>> Bits(repeating: 16)
    let upper = rounded(odd) & Bits(repeating: 0xFFFF_0000)
    return unsafeBitCast(lower | upper, to: Vector.self)
  }

  private typealias Bits = SIMD8<UInt32>

  @inline(__always)
  private static func even(_ pair: Vector) -> Vector {
    unsafeBitCast(unsafeBitCast(pair, to: Bits.self) &<< Bits(repeating: 16), to: Vector.self)
  }

  @inline(__always)
  private static func odd(_ pair: Vector) -> Vector {
    unsafeBitCast(
      unsafeBitCast(pair, to: Bits.self) & Bits(repeating: 0xFFFF_0000), to: Vector.self)
  }

  /// The bits of floats rounded to the nearest bfloat16, to even where two are as near, in the
  /// upper half, the lower in any state: NaN stays NaN, subnormal numbers become zero, as
  /// VCVTNEPS2BF16 has it.
  @inline(__always)
  private static func rounded(_ values: Vector) -> Bits {
    let bits = unsafeBitCast(values, to: Bits.self)
    let isOdd = (bits &>> Bits(repeating: 16)) & Bits(repeating: 1)
    let nearest = bits &+ (isOdd &+ Bits(repeating: 0x7FFF))
    let sign = bits & Bits(repeating: 0x8000_0000)
    let magnitude = bits & Bits(repeating: 0x7FFF_FFFF)
    let quiet = bits | Bits(repeating: 0x0040_0000)
    return nearest.replacing(with: sign, where: magnitude .< Bits(repeating: 0x0080_0000))
      .replacing(with: quiet, where: magnitude .> Bits(repeating: 0x7F80_0000))
  }
}
