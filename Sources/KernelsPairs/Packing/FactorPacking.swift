/// Packs floats into factors of products; compiled in `KernelsPairs` and in `KernelsBF16`.
package enum FactorPacking {
  /// Rows of [count] floats to rows of factors along them; a value that a last factor lacks is
  /// zero.
  ///
  /// Rows are `stride` and `factorStride` floats apart; a row of factors has room for whole vectors
  /// of values.
  @inline(never)
  package static func packRows(
    _ source: UnsafePointer<Float>, rows: Int, count: Int, stride: Int,
    into factors: UnsafeMutablePointer<Float>, factorStride: Int
  ) {
    for row in 0..<rows {
      let (from, to) = (source + row * stride, factors + row * factorStride)
      for i in Swift.stride(from: 0, to: count, by: Vector.width) {
        Factor.store(values(from + i, count - i), in: to, from: i)
      }
    }
  }

  /// Rows of [count] floats to rows of factors along the rows: each holds as many of them as a
  /// factor has values, zeros behind the last; a row of factors has room for whole vectors.
  @inline(never)
  package static func packAlongRows(
    _ source: UnsafePointer<Float>, rows: Int, count: Int, stride: Int,
    into factors: UnsafeMutablePointer<Float>, factorStride: Int
  ) {
    for row in Swift.stride(from: 0, to: rows, by: Factor.values) {
      let from = source + row * stride
      let to = factors + row / Factor.values * factorStride
      let isPair = row + 1 < rows
      for i in Swift.stride(from: 0, to: count, by: Vector.width) {
        let odd = isPair ? values(from + (stride + i), count - i) : Vector()
        to[vector: i] = Factor.pairs(even: values(from + i, count - i), odd: odd)
      }
    }
  }

  /// A vector of the first `count` floats of `source`, zeros behind them.
  @inline(__always)
  private static func values(_ source: Floats, _ count: Int) -> Vector {
    if count >= Vector.width { return source[vector: 0] }
    var vector = Vector()
    for lane in 0..<count { vector[lane] = source[lane] }
    return vector
  }
}
