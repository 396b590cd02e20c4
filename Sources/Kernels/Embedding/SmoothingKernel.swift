/// What label smoothing (Szegedy et al. 2016) takes beside a softmax over a row of scores: their
/// sum, and a number that is added to the gradient at each of them.
package enum SmoothingKernel {
  /// Numbers of the chains between two parts of a row.
  package static let lanes = SoftmaxChain.lanes

  /// Adds `row` [count] to `chains` [lanes]; what is -infinity, the score that was taken out, adds
  /// nothing.
  package static func add(
    _ row: UnsafePointer<Float>, count: Int, to chains: UnsafeMutablePointer<Double>
  ) {
    let raw = UnsafeMutableRawPointer(chains)
    var total = raw.loadUnaligned(as: SIMD8<Double>.self)
    let zero = Vector8(repeating: 0)
    let none = Vector8(repeating: -.infinity)
    var i = 0
    while i < count {
      let value = Vector8(row + i, count: min(8, count - i))
      total += SIMD8<Double>(value.replacing(with: zero, where: value .== none))
      i += 8
    }
    raw.storeBytes(of: total, as: SIMD8<Double>.self)
  }

  /// The sum of `chains` [lanes].
  package static func sum(of chains: UnsafePointer<Double>) -> Double {
    UnsafeRawPointer(chains).loadUnaligned(as: SIMD8<Double>.self).sum()
  }

  /// Turns `exponentials` [count] into gradients at the scores: `factor` times each, plus `offset`.
  package static func shift(
    _ exponentials: UnsafeMutablePointer<Float>, count: Int, times factor: Float,
    plus offset: Float
  ) {
    let factors = Vector8(repeating: factor)
    let offsets = Vector8(repeating: offset)
    var i = 0
    while i < count {
      let width = min(8, count - i)
      offsets.addingProduct(Vector8(exponentials + i, count: width), factors)
        .store(exponentials + i, count: width)
      i += 8
    }
  }

  /// Overwrites `result` [count] with the gradients at the raw products of a row of scores, as
  /// `SoftmaxChain.gradients` and, with `terms`, `CurriculumKernel.gradients` do, with `offset`
  /// added to that at each score.
  package static func gradients(
    of row: UnsafePointer<Float>, count: Int, as terms: CurriculumKernel.Terms?, scale: Float,
    minus maximum: Float, factor: Float, plus offset: Float,
    inverseNorms: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
    addingTo projections: UnsafeMutablePointer<Float>?
  ) {
    let factors = Vector8(repeating: factor)
    let offsets = Vector8(repeating: offset)
    guard let terms else {
      SoftmaxChain.gradients(
        of: row, count: count, scale: scale, minus: maximum, inverseNorms: inverseNorms,
        into: result, addingTo: projections, score: { $0 },
        slope: { exponential, _ in offsets.addingProduct(exponential, factors) })
      return
    }
    SoftmaxChain.gradients(
      of: row, count: count, scale: scale, minus: maximum, inverseNorms: inverseNorms,
      into: result, addingTo: projections, score: { CurriculumKernel.hardened($0, terms) },
      slope: { exponential, cosine in
        offsets.addingProduct(exponential, factors) * CurriculumKernel.slopes(cosine, terms)
      })
  }
}
