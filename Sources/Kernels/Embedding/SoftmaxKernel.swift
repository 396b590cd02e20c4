/// Pieces of a softmax over one row of scores [classes], by one thread.
///
/// The cross-entropy of a margin head needs the target class apart from the others, so the pieces
/// are separate: the caller takes the target's score out of the row, these work on the others.
package enum SoftmaxKernel {
  /// The greatest of `row` [count]; NaN elements are ignored.
  package static func maximum(of row: UnsafePointer<Float>, count: Int) -> Float {
    var best = SIMD8<Float>(repeating: -.infinity)
    var i = 0
    while i + 8 <= count {
      let value = Vector8(row + i, count: 8)
      best = best.replacing(with: value, where: value .> best)
      i += 8
    }
    if i < count {
      let value = Vector8(row + i, count: count - i, fill: -.infinity)
      best = best.replacing(with: value, where: value .> best)
    }
    return best.max()
  }

  /// Overwrites `result` [count] with exp(scale * (row - maximum)) and returns its sum.
  ///
  /// Vectors are summed in Float over at most 128 elements, then in Double.
  package static func exponentials(
    of row: UnsafePointer<Float>, count: Int, scale: Float, minus maximum: Float,
    into result: UnsafeMutablePointer<Float>
  ) -> Double {
    let scales = SIMD8<Float>(repeating: scale)
    let offset = SIMD8<Float>(repeating: maximum)
    var total = SIMD8<Double>(repeating: 0)
    var i = 0
    while i + 8 <= count {
      var partial = SIMD8<Float>(repeating: 0)
      let end = min(i + 128, count & ~7)
      while i < end {
        let value = exponential((Vector8(row + i, count: 8) - offset) * scales)
        value.store(result + i, count: 8)
        partial += value
        i += 8
      }
      total += SIMD8<Double>(partial)
    }
    var sum = total.sum()
    if i < count {
      let value = exponential((Vector8(row + i, count: count - i) - offset) * scales)
      value.store(result + i, count: count - i)
      for lane in 0..<(count - i) { sum += Double(value[lane]) }
    }
    return sum
  }

  /// Overwrites `result` [count] with exp(`values`), relative error below 2e-7 for values in
  /// -87.3...88; smaller ones give 0, those above 88.3 infinity, NaN gives NaN.
  package static func exponential(
    of values: UnsafePointer<Float>, count: Int, into result: UnsafeMutablePointer<Float>
  ) {
    var i = 0
    while i + 8 <= count {
      exponential(Vector8(values + i, count: 8)).store(result + i, count: 8)
      i += 8
    }
    if i < count {
      let value = exponential(Vector8(values + i, count: count - i))
      value.store(result + i, count: count - i)
    }
  }

  /// Turns a row of exponentials [count] into the gradient at the raw products.
  ///
  /// With g = factor * exponential: exponential becomes g * inverseNorm, and g * cosine is added to
  /// `projections`, the part of each class's gradient along its own weights.
  package static func gradients(
    from exponentials: UnsafeMutablePointer<Float>, cosines: UnsafePointer<Float>,
    inverseNorms: UnsafePointer<Float>, count: Int, factor: Float,
    addingTo projections: UnsafeMutablePointer<Float>
  ) {
    let factors = SIMD8<Float>(repeating: factor)
    var j = 0
    while j + 8 <= count {
      let g = Vector8(exponentials + j, count: 8) * factors
      let projection = Vector8(projections + j, count: 8).addingProduct(
        g, Vector8(cosines + j, count: 8))
      projection.store(projections + j, count: 8)
      (g * Vector8(inverseNorms + j, count: 8)).store(exponentials + j, count: 8)
      j += 8
    }
    while j < count {
      let g = exponentials[j] * factor
      projections[j] = projections[j].addingProduct(g, cosines[j])
      exponentials[j] = g * inverseNorms[j]
      j += 1
    }
  }

  /// exp(x) = 2^n exp(r), r = x - n ln 2 in two parts, |r| <= ln 2 / 2; exp(r) - 1 - r is r^2 times
  /// a polynomial of degree 4 through five Chebyshev nodes (relative error of the formula 1.1e-8).
  @inline(__always)
  static func exponential(_ x: SIMD8<Float>) -> SIMD8<Float> {
    // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the sum.
    let magic = SIMD8<Float>(repeating: 12_582_912)
    let shifted = magic.addingProduct(x, SIMD8(repeating: 1.442_695_04))
    let n = shifted - magic
    let r = x.addingProduct(n, SIMD8(repeating: -0x1.62E430p-1))
      .addingProduct(n, SIMD8(repeating: 1.904_654_3e-9))
    var q = SIMD8<Float>(repeating: 0.001_392_625_1)
    q = SIMD8<Float>(repeating: 0.008_363_232_9).addingProduct(q, r)
    q = SIMD8<Float>(repeating: 0.041_666_554_2).addingProduct(q, r)
    q = SIMD8<Float>(repeating: 0.166_665_765_7).addingProduct(q, r)
    q = SIMD8<Float>(repeating: 0.5).addingProduct(q, r)
    let fraction = SIMD8<Float>(repeating: 1) + r.addingProduct(q, r * r)
    let exponent =
      unsafeBitCast(shifted, to: SIMD8<UInt32>.self) &- SIMD8(repeating: 0x4B40_0000 &- 127)
    let power = unsafeBitCast(exponent &<< SIMD8(repeating: 23), to: SIMD8<Float>.self)
    // Comparisons must see spelt types: between inferred ones they are loops over the lanes.
    let lowest = SIMD8<Float>(repeating: -87.3)
    let highest = SIMD8<Float>(repeating: 88.3)
    return (fraction * power).replacing(with: SIMD8<Float>(repeating: 0), where: x .< lowest)
      .replacing(with: SIMD8<Float>(repeating: .infinity), where: x .> highest)
  }
}
