private import CBF16

/// What products take in 32 bits on either side: a pair of values in bfloat16, the even one in the
/// lower half, by the instructions of AVX512_BF16.
enum Factor {
  /// Values in one factor.
  @inline(__always) static var values: Int { 2 }

  /// sum + the two products of each pair, the odd one first.
  @inline(__always)
  static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
    cbf16_multiply_add(sum, a, b)
  }

  /// Stores a vector of values of one row, its first value number `value` of those at `row`.
  @inline(__always)
  static func store(_ values: Vector, in row: MutableFloats, from value: Int) {
    (UnsafeMutableRawPointer(row) + 2 &* value).storeBytes(
      of: cbf16_round(values), as: SIMD8<Float>.self)
  }

  /// Factors of which each holds a value of `even` and the one of `odd` behind it.
  @inline(__always)
  static func pairs(even: Vector, odd: Vector) -> Vector { cbf16_pairs(even, odd) }
}
