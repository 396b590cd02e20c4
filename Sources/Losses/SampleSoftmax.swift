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
  /// What is added to each of these gradients then.
  let offset: Float
  /// The gradient at the score of its class.
  let targetGradient: Float
  /// The gradient at UniFace's bias.
  let biasGradient: Double
  /// The gradient at the norm of the embedding, with MagFace.
  let normGradient: Float

  /// Of a sample that nothing is known of.
  static let none = SampleSoftmax()

  private init() {
    (value, factor, offset, targetGradient) = (LossValue(), .nan, .nan, .nan)
    (biasGradient, normGradient) = (.nan, .nan)
  }

  /// Of a sample whose class, with that `cosine`, has no other beside it: nothing to learn.
  static func alone(cosine: Double) -> SampleSoftmax { SampleSoftmax(aloneWith: cosine) }

  private init(aloneWith cosine: Double) {
    value = LossValue(lossSum: 0, correctCount: 1, targetCosineSum: cosine)
    (factor, offset, targetGradient) = (0, 0, 0)
    (biasGradient, normGradient) = (0, 0)
  }

  /// What label smoothing adds to the loss of a sample of one of `classes`, and to the gradients at
  /// its scores.
  struct Smoothing {
    /// The sum of the scores of the other classes.
    let others: Double
    let classes: Int
  }

  /// From the `score` of the sample's class without margin, the `cosine` with its weights, the
  /// `greatest` score of the others, and the sum of e^(scale (score - greatest)) of the `others`;
  /// `modifier` is `MarginSoftmaxConfiguration.modifier` of the sample, `rival` the greatest score
  /// of the others as it was before any margin. `smoothing` where the configuration has one.
  @inline(__always)
  init(
    score: Double, cosine: Double, greatest: Float, rival: Float, others: Double,
    marginFactor: Double, modifier: Double, smoothing: Smoothing? = nil,
    of configuration: MarginSoftmaxConfiguration
  ) {
    let target = configuration.target(
      cosine: score, marginFactor: marginFactor, modifier: modifier)
    let scale = configuration.scale
    let z = Elementary.log(others) + scale * (Double(greatest) - target.value)
    // e^-|z|: neither overflows.
    let small = Elementary.exp(-abs(z))
    let error = z > 0 ? 1 / (1 + small) : small / (1 + small)
    let loss = max(z, 0) + Elementary.log1p(small)
    factor = Float(scale * error / others)
    biasGradient = 0
    var own = -error
    var smoothed = loss
    var pull = 0.0
    if let smoothing {
      // The truth is 1 - share + share / classes of its class, share / classes of each other.
      let (share, classes) = (configuration.smoothing, Double(smoothing.classes))
      smoothed +=
        share * scale * (target.value - (smoothing.others + target.value) / classes)
      own += share * (1 - 1 / classes)
      pull = -share * scale / classes
    }
    offset = Float(pull)
    let norms = configuration.normTerm(
      cosine: score, norm: modifier, marginFactor: marginFactor)
    if let norms {
      smoothed += norms.loss
      normGradient = Float(scale * own * norms.targetSlope + norms.slope)
    } else {
      normGradient = 0
    }
    targetGradient = Float(scale * own * target.slope)
    value = LossValue(
      lossSum: smoothed, correctCount: Float(score) > rival ? 1 : 0, targetCosineSum: cosine)
  }

  /// With UniFace: from the `losses` and `probabilities` of the other classes, added up, and the
  /// threshold `bias`.
  @inline(__always)
  init(
    cosine: Double, rival: Float, losses: Double, probabilities: Double, bias: Float,
    marginFactor: Double, of configuration: MarginSoftmaxConfiguration
  ) {
    let target = configuration.target(cosine: cosine, marginFactor: marginFactor)
    let scale = configuration.scale
    let z = Double(bias) - scale * target.value
    let small = Elementary.exp(-abs(z))
    let error = z > 0 ? 1 / (1 + small) : small / (1 + small)
    (factor, offset) = (Float(scale), 0)
    targetGradient = Float(-scale * error * target.slope)
    (biasGradient, normGradient) = (error - probabilities, 0)
    value = LossValue(
      lossSum: max(z, 0) + Elementary.log1p(small) + losses,
      correctCount: Float(cosine) > rival ? 1 : 0, targetCosineSum: cosine)
  }
}
