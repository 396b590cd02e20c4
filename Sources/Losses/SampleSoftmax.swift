private import Determinism

/// What the scores of one sample come to.
///
/// The target is kept out of the sum over the others, S: the loss is log(1 + e^z) with
/// z = log S - target and p(target) - 1 = -1 / (1 + e^-z), exact however small the loss is.
struct SampleSoftmax {
  /// The loss, whether its class scores highest without margin, and the cosine with it.
  let value: LossValue
  /// What the exponentials of the other classes are multiplied by for the gradients at their
  /// scores.
  let factor: Float
  /// The gradient at the score of its class.
  let targetGradient: Float

  /// Of a sample that nothing is known of.
  static let none = SampleSoftmax()

  private init() { (value, factor, targetGradient) = (LossValue(), .nan, .nan) }

  /// Of a sample whose class, with that `cosine`, has no other beside it: nothing to learn.
  static func alone(cosine: Double) -> SampleSoftmax { SampleSoftmax(aloneWith: cosine) }

  private init(aloneWith cosine: Double) {
    value = LossValue(lossSum: 0, correctCount: 1, targetCosineSum: cosine)
    (factor, targetGradient) = (0, 0)
  }

  /// From the `score` of the sample's class without margin, the `cosine` with its weights, the
  /// `greatest` score of the others, and the sum of e^(scale (score - greatest)) of the `others`.
  @inline(__always)
  init(
    score: Double, cosine: Double, greatest: Float, others: Double, marginFactor: Double,
    of configuration: MarginSoftmaxConfiguration
  ) {
    let target = configuration.target(cosine: score, marginFactor: marginFactor)
    let scale = configuration.scale
    let z = Elementary.log(others) + scale * (Double(greatest) - target.value)
    // e^-|z|: neither overflows.
    let small = Elementary.exp(-abs(z))
    let error = z > 0 ? 1 / (1 + small) : small / (1 + small)
    factor = Float(scale * error / others)
    targetGradient = Float(-scale * error * target.slope)
    value = LossValue(
      lossSum: max(z, 0) + Elementary.log1p(small),
      correctCount: Float(score) > greatest ? 1 : 0, targetCosineSum: cosine)
  }
}
