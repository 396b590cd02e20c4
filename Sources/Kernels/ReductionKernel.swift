/// Sums of products in Double, in an order that depends on the count alone.
package enum ReductionKernel {
  /// Elements of a block of a norm over all parameters: blocks never depend on shards or ranks.
  package static var blockCount: Int { 65_536 }

  /// The sum of squares of `values` [count], in sixteen fixed lanes.
  package static func sumOfSquares(of values: UnsafePointer<Float>, count: Int) -> Double {
    dot(values, values, count: count)
  }

  /// The sums of squares of the blocks of `blockCount` elements of `values` [count]; the last
  /// block may be shorter. Added in order, they give a norm that no partition changes.
  package static func sumsOfSquares(
    of values: UnsafePointer<Float>, count: Int, into blocks: UnsafeMutablePointer<Double>
  ) {
    var block = 0
    while block * blockCount < count {
      let start = block * blockCount
      blocks[block] = sumOfSquares(of: values + start, count: min(blockCount, count - start))
      block += 1
    }
  }

  /// The dot product of `a` and `b` [count], in sixteen fixed lanes.
  package static func dot(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int
  ) -> Double {
    var first = SIMD8<Double>()
    var second = SIMD8<Double>()
    var i = 0
    while i + 16 <= count {
      first.addProduct(SIMD8<Double>(loadEight(a + i)), SIMD8<Double>(loadEight(b + i)))
      second.addProduct(SIMD8<Double>(loadEight(a + i + 8)), SIMD8<Double>(loadEight(b + i + 8)))
      i += 16
    }
    while i < count {
      first[i & 7].addProduct(Double(a[i]), Double(b[i]))
      i += 1
    }
    return (first + second).sum()
  }

  /// The largest magnitude of `values` [count]; NaN if one is NaN, infinity if one is infinite.
  package static func maxMagnitude(of values: UnsafePointer<Float>, count: Int) -> Float {
    var worst = SIMD8<UInt32>()
    var i = 0
    while i + 8 <= count {
      let pattern = unsafeBitCast(loadEight(values + i), to: SIMD8<UInt32>.self) & 0x7FFF_FFFF
      worst.replace(with: pattern, where: pattern .> worst)
      i += 8
    }
    var largest = worst.max()
    while i < count {
      largest = max(largest, values[i].bitPattern & 0x7FFF_FFFF)
      i += 1
    }
    return Float(bitPattern: largest)
  }
}
