/// A row's sum of exponentials as `SoftmaxKernel.exponentials` takes it, in parts that follow one
/// another: eight chains of Double over sums in Float of at most 128 elements each.
package enum SoftmaxChain {
  /// Numbers of the chains between two parts.
  package static let lanes = 8
  /// Elements that are summed in Float: every part but the last is a multiple of it, or takes its
  /// tail.
  package static let chunk = 128

  /// Adds exp(scale * (row - maximum)) of `row` [count] to `chains` [lanes]; the last `count`
  /// modulo 8 elements are left to `sum`, which ends the last part, unless it is `takingTail`.
  package static func add(
    exponentialsOf row: UnsafePointer<Float>, count: Int, scale: Float, minus maximum: Float,
    takingTail: Bool = false, to chains: UnsafeMutablePointer<Double>
  ) {
    let scales = SIMD8<Float>(repeating: scale)
    let offset = SIMD8<Float>(repeating: maximum)
    let raw = UnsafeMutableRawPointer(chains)
    var total = raw.loadUnaligned(as: SIMD8<Double>.self)
    let whole = count & ~7
    var i = 0
    while i < whole {
      var partial = SIMD8<Float>(repeating: 0)
      let end = min(i + chunk, whole)
      while i < end {
        partial += SoftmaxKernel.exponential((Vector8(row + i, count: 8) - offset) * scales)
        i += 8
      }
      total += SIMD8<Double>(partial)
    }
    if takingTail, whole < count {
      let tail = Vector8(row + whole, count: count - whole, fill: -.infinity)
      total += SIMD8<Double>(SoftmaxKernel.exponential((tail - offset) * scales))
    }
    raw.storeBytes(of: total, as: SIMD8<Double>.self)
  }

  /// The sum of `chains` [lanes] and of the elements behind the last whole vector, `tail` [count],
  /// fewer than 8.
  package static func sum(
    of chains: UnsafePointer<Double>, tail: UnsafePointer<Float>, count: Int, scale: Float,
    minus maximum: Float
  ) -> Double {
    var sum = UnsafeRawPointer(chains).loadUnaligned(as: SIMD8<Double>.self).sum()
    guard count > 0 else { return sum }
    let value = SoftmaxKernel.exponential(
      (Vector8(tail, count: count) - SIMD8<Float>(repeating: maximum))
        * SIMD8<Float>(repeating: scale))
    for lane in 0..<count { sum += Double(value[lane]) }
    return sum
  }

  /// Overwrites `result` [count] with the gradients at the raw products of a row: `factor` times
  /// exp(scale * (row - maximum)), times `inverseNorms` [count]. With `projections` [count] the
  /// gradients times the scores are added to them, as `SoftmaxKernel.gradients` does.
  package static func gradients(
    of row: UnsafePointer<Float>, count: Int, scale: Float, minus maximum: Float, factor: Float,
    inverseNorms: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
    addingTo projections: UnsafeMutablePointer<Float>?
  ) {
    let factors = SIMD8<Float>(repeating: factor)
    gradients(
      of: row, count: count, scale: scale, minus: maximum, inverseNorms: inverseNorms,
      into: result, addingTo: projections, score: { $0 },
      slope: { exponential, _ in
        exponential * factors
      })
  }

  /// The same where `score` of a cosine stands for it, and `slope` makes the gradient at a cosine
  /// of the exponential of its score.
  @inline(__always)
  static func gradients(
    of cosines: Floats, count: Int, scale: Float, minus maximum: Float, inverseNorms: Floats,
    into result: MutableFloats, addingTo projections: MutableFloats?,
    score: (SIMD8<Float>) -> SIMD8<Float>,
    slope: (_ exponential: SIMD8<Float>, _ cosine: SIMD8<Float>) -> SIMD8<Float>
  ) {
    let scales = SIMD8<Float>(repeating: scale)
    let offset = SIMD8<Float>(repeating: maximum)
    @inline(__always) func differentiate(at i: Int, width: Int) {
      let cosine = Vector8(cosines + i, count: width)
      let g = slope(SoftmaxKernel.exponential((score(cosine) - offset) * scales), cosine)
      if let projections {
        Vector8(projections + i, count: width).addingProduct(g, cosine)
          .store(projections + i, count: width)
      }
      (g * Vector8(inverseNorms + i, count: width)).store(result + i, count: width)
    }
    var i = 0
    while i + 8 <= count {
      differentiate(at: i, width: 8)
      i += 8
    }
    if i < count { differentiate(at: i, width: count - i) }
  }
}
