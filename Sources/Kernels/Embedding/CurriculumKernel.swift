/// Scores of classes that are not a sample's own, as CurricularFace (Huang et al. 2020) has them: a
/// cosine c above a threshold is hard, and c (c + weight) stands for it.
package enum CurriculumKernel {
  /// What is hard for a sample, and how much it counts.
  package struct Terms: Sendable, Equatable {
    /// Cosines above it are hard.
    package let threshold: Float
    /// What a hard cosine is multiplied by, less the cosine itself.
    package let weight: Float

    /// Terms of one sample in one step.
    package init(threshold: Float, weight: Float) {
      self.threshold = threshold
      self.weight = weight
    }
  }

  /// Overwrites `result` [count] with the scores that stand for `cosines` [count].
  package static func harden(
    _ cosines: UnsafePointer<Float>, count: Int, as terms: Terms,
    into result: UnsafeMutablePointer<Float>
  ) {
    var i = 0
    while i + 8 <= count {
      hardened(Vector8(cosines + i, count: 8), terms).store(result + i, count: 8)
      i += 8
    }
    if i < count {
      hardened(Vector8(cosines + i, count: count - i), terms).store(result + i, count: count - i)
    }
  }

  /// Multiplies `exponentials` [count] by the slopes of the scores that stand for `cosines`
  /// [count], in place.
  package static func multiply(
    _ exponentials: UnsafeMutablePointer<Float>, bySlopesAt cosines: UnsafePointer<Float>,
    count: Int, as terms: Terms
  ) {
    var i = 0
    while i < count {
      let width = min(8, count - i)
      let slopes = slopes(Vector8(cosines + i, count: width), terms)
      (Vector8(exponentials + i, count: width) * slopes).store(exponentials + i, count: width)
      i += width
    }
  }

  /// Overwrites `result` [count] with the gradients at the raw products of a row of `cosines`, as
  /// `SoftmaxChain.gradients` does, where hardened scores stand for them.
  package static func gradients(
    of cosines: UnsafePointer<Float>, count: Int, as terms: Terms, scale: Float,
    minus maximum: Float, factor: Float, inverseNorms: UnsafePointer<Float>,
    into result: UnsafeMutablePointer<Float>, addingTo projections: UnsafeMutablePointer<Float>?
  ) {
    let factors = SIMD8<Float>(repeating: factor)
    SoftmaxChain.gradients(
      of: cosines, count: count, scale: scale, minus: maximum, inverseNorms: inverseNorms,
      into: result, addingTo: projections, score: { hardened($0, terms) },
      slope: { exponential, cosine in exponential * slopes(cosine, terms) * factors })
  }

  @inline(__always)
  static func hardened(_ cosine: SIMD8<Float>, _ terms: Terms) -> SIMD8<Float> {
    let threshold = SIMD8<Float>(repeating: terms.threshold)
    let weight = SIMD8<Float>(repeating: terms.weight)
    return cosine.replacing(with: cosine * (weight + cosine), where: cosine .> threshold)
  }

  /// 1, and 2 c + weight where c is hard. Lanes without a class (-infinity) have 1.
  @inline(__always)
  static func slopes(_ cosine: SIMD8<Float>, _ terms: Terms) -> SIMD8<Float> {
    let threshold = SIMD8<Float>(repeating: terms.threshold)
    let weight = SIMD8<Float>(repeating: terms.weight)
    return SIMD8<Float>(repeating: 1).replacing(
      with: weight + (cosine + cosine), where: cosine .> threshold)
  }
}
