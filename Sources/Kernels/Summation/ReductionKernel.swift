/// Sums of products in Double, in an order that depends on the count alone.
package enum ReductionKernel {
  /// The sum of squares of `values` [count], in sixteen fixed lanes.
  package static func sumOfSquares(of values: UnsafePointer<Float>, count: Int) -> Double {
    dot(values, values, count: count)
  }

  /// The dot product of `a` and `b` [count], in sixteen fixed lanes.
  package static func dot(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int
  ) -> Double {
    var first = SIMD8<Double>()
    var second = SIMD8<Double>()
    var i = 0
    while i + 16 <= count {
      first.addProduct(
        SIMD8<Double>(Vector8(a + i, count: 8)), SIMD8<Double>(Vector8(b + i, count: 8)))
      second.addProduct(
        SIMD8<Double>(Vector8(a + i + 8, count: 8)), SIMD8<Double>(Vector8(b + i + 8, count: 8)))
      i += 16
    }
    while i < count {
      first[i & 7].addProduct(Double(a[i]), Double(b[i]))
      i += 1
    }
    return (first + second).sum()
  }
}
