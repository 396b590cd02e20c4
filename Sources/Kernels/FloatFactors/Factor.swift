/// What products take in 32 bits on either side: here one Float.
///
/// Modules differ in this and in the width of a vector, and share the code that is written with
/// both: bfloat16 has a type of this name too, of which each holds a pair of values.
enum Factor {
  /// Values in one factor.
  @inline(__always) static var values: Int { 1 }

  /// sum + a b.
  @inline(__always)
  static func multiplyAdd(_ sum: Vector, _ a: Vector, _ b: Vector) -> Vector {
    sum.addingProduct(a, b)
  }

  /// Stores a vector of values of one row, its first value number `value` of those at `row`.
  @inline(__always)
  static func store(_ values: Vector, in row: MutableFloats, from value: Int) {
    row[vector: value] = values
  }

  /// Factors of which each holds a value of `even` and the one of `odd` behind it.
  @inline(__always)
  static func pairs(even: Vector, odd: Vector) -> Vector { even }
}
