private import Determinism
internal import Kernels
private import Preconditions

/// Which softmax loss a head computes: its kind and margins, its scale, and its derivative.
///
/// ArcFace is Deng et al. 2019, CosFace Wang et al. 2018, the combination cos(m1 theta + m2) - m3
/// the former's equation 4, AdaFace Kim et al. 2022, CurricularFace Huang et al. 2020, ElasticFace
/// Boutros et al. 2022, MagFace Meng et al. 2021, UniFace Zhou et al. 2023; any of cosines may have
/// several centres a class (sub-centre ArcFace, Deng et al., ECCV 2020). Made by the static
/// functions, each of which takes what its kind uses.
package struct MarginSoftmaxConfiguration: Sendable, Equatable {
  /// The function of the target's angle that replaces its cosine.
  package enum Kind: Sendable, Equatable {
    /// Scores x W^T (+ bias), nothing normalised.
    case softmax(bias: Bool)
    /// Scores scale * cos(theta).
    case normalizedSoftmax
    /// Target cos(theta + margin), margin in radians.
    case arcFace(margin: Double)
    /// Target cos(theta) - margin.
    case cosFace(margin: Double)
    /// Target cos(m1 theta + m2) - m3, m2 in radians.
    case combined(m1: Double, m2: Double, m3: Double)
    /// Target cos(theta - margin k) - margin (1 + k); k in -1...1 is `concentration` (h) times the
    /// distance of the embedding's norm from the mean of norms, in their deviations. Mean and
    /// deviation take a share `rate` of each batch.
    case adaFace(margin: Double, concentration: Double, rate: Double)
    /// Target cos(theta + margin), other cosines c above it count as c (c + t), where t is the mean
    /// cosine of samples with their class, which takes a share `rate` of each batch.
    case curricularFace(margin: Double, rate: Double)
    /// ArcFace with a margin of its own for each sample of each step, normally distributed.
    case elasticArcFace(margin: Double, deviation: Double)
    /// CosFace with such margins.
    case elasticCosFace(margin: Double, deviation: Double)
    /// Target cos(theta + m), where m grows from `low` to `high` with the embedding's norm over
    /// `norms`; beside it a loss of the norm a, `weight` (a / u^2 + 1 / a) with the greatest, u.
    /// Gradients flow into the norm.
    case magFace(low: Double, high: Double, weight: Double, norms: ClosedRange<Double>)
    /// Target cos(theta) - margin, and no softmax: each class by itself is told from the sample at
    /// a threshold of all (`bias`), which descends the gradient of the mean loss at `rate`.
    case uniFace(margin: Double, rate: Double)
  }

  /// What ArcFace does with angles whose margin would wrap past pi.
  package enum Variant: String, Sendable, Equatable, CaseIterable {
    /// cos(theta + m) everywhere (insightface now); rises again for theta > pi - m.
    case plain
    /// cos(theta) - m sin(pi - m) for theta >= pi - m (insightface before).
    case monotone
    /// cos(theta) for theta >= pi / 2.
    case easy
    /// cos(theta) - sin(m) for theta > pi / 2 (whitesoonguh/CnA_Arcface, AI-X).
    case clamped
  }

  /// How the loss is differentiated through the margin.
  package enum Gradient: String, Sendable, Equatable, CaseIterable {
    /// The derivative of the loss, with the factor sin(theta + m) / sin(theta).
    case exact
    /// The margin counts as the identity, as in insightface's arcface_torch.
    case straightThrough = "straight-through"
  }

  /// The scale of insightface, for embeddings of any length.
  package static let usualScale = 64.0
  /// The margin of the ArcFace paper, in radians.
  package static let usualArcFaceMargin = 0.5

  /// Which loss, with its margins.
  package let kind: Kind
  /// The factor s before the softmax; 1 for plain softmax.
  package let scale: Double
  /// What ArcFace does at angles at which the margin would turn back.
  package let variant: Variant
  /// The derivative that is taken of the target logit.
  package let gradient: Gradient
  /// The share of the truth that all classes have alike (label smoothing); 0 for none.
  package private(set) var smoothing = 0.0
  /// Centres of a class, the greatest of whose cosines is the class's; 1 where it has one alone.
  package private(set) var subCentres = 1

  private init(
    kind: Kind, scale: Double, variant: Variant = .plain, gradient: Gradient = .exact
  ) {
    require(
      scale > 0 && scale.isFinite, "MarginSoftmaxConfiguration: scale \(scale) is not positive")
    self.kind = kind
    self.scale = scale
    self.variant = variant
    self.gradient = gradient
  }

  /// Below this a margin in radians leaves some angle of the target.
  package static let marginLimit = Double.pi

  /// Softmax over x W^T + bias, as a linear layer followed by a cross-entropy.
  package static func softmax(bias: Bool = true) -> Self {
    Self(kind: .softmax(bias: bias), scale: 1)
  }

  /// Softmax over scaled cosines, without a margin.
  package static func normalizedSoftmax(scale: Double = usualScale) -> Self {
    Self(kind: .normalizedSoftmax, scale: scale)
  }

  /// ArcFace: an additive margin in radians on the target's angle.
  package static func arcFace(
    scale: Double = usualScale, margin: Double = usualArcFaceMargin, variant: Variant = .plain,
    gradient: Gradient = .exact
  ) -> Self {
    require(
      margin >= 0 && margin < marginLimit,
      "MarginSoftmaxConfiguration: ArcFace margin \(margin) radians")
    return Self(
      kind: .arcFace(margin: margin), scale: scale, variant: variant, gradient: gradient)
  }

  /// CosFace: an additive margin on the target's cosine; its exact derivative is the identity.
  package static func cosFace(scale: Double = usualScale, margin: Double) -> Self {
    require(margin >= 0, "MarginSoftmaxConfiguration: CosFace margin \(margin) is negative")
    return Self(kind: .cosFace(margin: margin), scale: scale)
  }

  /// The combined margin cos(m1 theta + m2) - m3; (1.35, 0, 0) is the SphereFace of ArcFace's table
  /// 2.
  package static func combined(
    scale: Double = usualScale, m1: Double, m2: Double, m3: Double, gradient: Gradient = .exact
  ) -> Self {
    require(
      m1 > 0 && m2 >= 0 && m3 >= 0,
      "MarginSoftmaxConfiguration: margins (\(m1), \(m2), \(m3)), expected (> 0, >= 0, >= 0)")
    return Self(kind: .combined(m1: m1, m2: m2, m3: m3), scale: scale, gradient: gradient)
  }

  /// AdaFace: a margin of the angle for bad samples, of the cosine for good ones (`Kind.adaFace`).
  package static func adaFace(
    scale: Double = usualScale, margin: Double, concentration: Double, rate: Double,
    gradient: Gradient = .exact
  ) -> Self {
    require(
      margin >= 0 && margin < marginLimit && concentration.isFinite && rate > 0 && rate <= 1,
      "MarginSoftmaxConfiguration: AdaFace margin \(margin), concentration \(concentration), rate "
        + "\(rate), expected 0 to below pi, a number, and more than 0 to 1")
    return Self(
      kind: .adaFace(margin: margin, concentration: concentration, rate: rate), scale: scale,
      gradient: gradient)
  }

  /// CurricularFace: ArcFace's monotone margin, and negatives beyond it that weigh more and more as
  /// the run goes on (`Kind.curricularFace`).
  package static func curricularFace(
    scale: Double = usualScale, margin: Double, rate: Double, gradient: Gradient = .exact
  ) -> Self {
    require(
      margin >= 0 && margin < marginLimit && rate > 0 && rate <= 1,
      "MarginSoftmaxConfiguration: CurricularFace margin \(margin), rate \(rate), expected 0 to "
        + "below pi and more than 0 to 1")
    return Self(
      kind: .curricularFace(margin: margin, rate: rate), scale: scale, variant: .monotone,
      gradient: gradient)
  }

  /// ElasticFace-Arc: margins of ArcFace about `margin`, drawn anew for each sample of a step.
  package static func elasticArcFace(
    scale: Double = usualScale, margin: Double, deviation: Double, gradient: Gradient = .exact
  ) -> Self {
    require(
      margin >= 0 && margin < marginLimit && deviation >= 0 && deviation.isFinite,
      "MarginSoftmaxConfiguration: ElasticFace margin \(margin) radians, deviation \(deviation)")
    return Self(
      kind: .elasticArcFace(margin: margin, deviation: deviation), scale: scale,
      gradient: gradient)
  }

  /// ElasticFace-Cos: margins of CosFace about `margin`, drawn anew for each sample of a step.
  package static func elasticCosFace(
    scale: Double = usualScale, margin: Double, deviation: Double
  ) -> Self {
    require(
      margin >= 0 && deviation >= 0 && deviation.isFinite,
      "MarginSoftmaxConfiguration: ElasticFace margin \(margin), deviation \(deviation)")
    return Self(kind: .elasticCosFace(margin: margin, deviation: deviation), scale: scale)
  }

  /// MagFace: ArcFace's margin from `low` to `high` by the norm of the embedding, which a loss of
  /// its own with `weight` draws apart (`Kind.magFace`).
  package static func magFace(
    scale: Double = usualScale, low: Double, high: Double, weight: Double,
    norms: ClosedRange<Double>, variant: Variant = .plain, gradient: Gradient = .exact
  ) -> Self {
    require(
      low >= 0 && low <= high && high < marginLimit && weight >= 0 && weight.isFinite
        && norms.lowerBound > 0 && norms.lowerBound < norms.upperBound,
      "MarginSoftmaxConfiguration: MagFace margins \(low) to \(high), weight \(weight), norms "
        + "\(norms), expected rising margins below pi, 0 at least, and rising norms above 0")
    return Self(
      kind: .magFace(low: low, high: high, weight: weight, norms: norms), scale: scale,
      variant: variant, gradient: gradient)
  }

  /// UniFace's unified cross-entropy: sigmoids of all cosines about one threshold, with CosFace's
  /// margin.
  package static func uniFace(
    scale: Double = usualScale, margin: Double, rate: Double
  ) -> Self {
    require(
      margin >= 0 && rate >= 0 && rate.isFinite,
      "MarginSoftmaxConfiguration: UniFace margin \(margin), rate \(rate), expected 0 at least")
    return Self(kind: .uniFace(margin: margin, rate: rate), scale: scale)
  }

  /// The same loss with a truth of which `share`, from 0 to below 1, is that all classes are alike.
  package func smoothed(by share: Double) -> Self {
    require(
      share >= 0 && share < 1 && (share == 0 || !isUnified && subCentres == 1),
      "MarginSoftmaxConfiguration: smoothing \(share) of \(kind), expected 0 to below 1 of a softmax"
    )
    var smoothed = self
    smoothed.smoothing = share
    return smoothed
  }

  /// The centres that a class may have, at most.
  package static let subCentreLimit = 16

  /// The same loss of cosines with `count` centres a class: the nearest to a sample stands for the
  /// class, with the margin where it is the sample's own, and alone has a gradient; of equally near
  /// ones it is the first.
  package func withSubCentres(_ count: Int) -> Self {
    require(
      count == 1
        || (2...Self.subCentreLimit).contains(count) && isNormalized && smoothing == 0,
      "MarginSoftmaxConfiguration: \(count) centres a class of \(kind), smoothing \(smoothing), "
        + "expected 1, or up to \(Self.subCentreLimit) of an unsmoothed loss of cosines")
    var other = self
    other.subCentres = count
    return other
  }

  /// Whether each class is judged by itself, by a sigmoid, in place of a softmax over all.
  var isUnified: Bool {
    if case .uniFace = kind { return true }
    return false
  }

  /// Doubles of the chains that a row of scores is added up in.
  var lanes: Int {
    isUnified
      ? UnifiedKernel.lanes
      : smoothing > 0 ? SoftmaxChain.lanes + SmoothingKernel.lanes : SoftmaxChain.lanes
  }

  /// Whether scores of other classes than a sample's own are changed where they are hard.
  var hardens: Bool {
    if case .curricularFace = kind { return true }
    return false
  }

  /// Whether embeddings and class weights are normalised.
  package var isNormalized: Bool {
    if case .softmax = kind { return false }
    return true
  }

  /// Sines below this count as it, where 1 / sin(theta) would be infinite.
  package static let smallestSine = 1e-4

  /// The value that replaces the target's cosine, before the scale, and its slope d value / d
  /// cosine.
  ///
  /// `marginFactor` shrinks the margins for warm-up: 0 is none, 1 is full (m1 goes from 1 to m1);
  /// `modifier` is what the function of that name says of the sample. Finite for every cosine in
  /// [-1, 1]; the slope of `.straightThrough` is 1.
  package func target(
    cosine: Double, marginFactor: Double = 1, modifier: Double = 0
  ) -> (value: Double, slope: Double) {
    let result = exactTarget(cosine: cosine, marginFactor: marginFactor, modifier: modifier)
    return gradient == .exact ? result : (result.value, 1)
  }

  private func exactTarget(
    cosine: Double, marginFactor: Double, modifier: Double
  ) -> (value: Double, slope: Double) {
    switch kind {
    case .softmax, .normalizedSoftmax:
      return (cosine, 1)
    case .cosFace(let margin), .uniFace(let margin, _):
      return (cosine - margin * marginFactor, 1)
    case .arcFace(let margin), .curricularFace(let margin, _):
      return arcFaceTarget(cosine: cosine, margin: margin * marginFactor)
    case .magFace:
      return arcFaceTarget(
        cosine: cosine, margin: normMargin(of: modifier) * marginFactor)
    case .combined(let m1, let m2, let m3):
      let factor = 1 + (m1 - 1) * marginFactor
      let angle = factor * Elementary.acos(cosine) + m2 * marginFactor
      let slope = factor * Elementary.sin(angle) / Self.sine(cosine)
      return (Elementary.cos(angle) - m3 * marginFactor, slope)
    case .adaFace(let margin, _, _):
      return Self.adaFaceTarget(cosine: cosine, margin: margin * marginFactor, quality: modifier)
    case .elasticArcFace(let margin, let deviation):
      return Self.turned(cosine: cosine, by: (margin + deviation * modifier) * marginFactor)
    case .elasticCosFace(let margin, let deviation):
      return (cosine - (margin + deviation * modifier) * marginFactor, 1)
    }
  }

  /// Angles stay this far from 0 and pi (mk-minchul/AdaFace).
  private static let smallestAngle = 1e-3

  private static func adaFaceTarget(
    cosine: Double, margin: Double, quality: Double
  ) -> (value: Double, slope: Double) {
    let (turn, lift) = (-margin * quality, margin + margin * quality)
    let angle = Elementary.acos(cosine) + turn
    if angle < smallestAngle { return (Elementary.cos(smallestAngle) - lift, 0) }
    if angle > .pi - smallestAngle { return (-Elementary.cos(smallestAngle) - lift, 0) }
    let result = turned(cosine: cosine, by: turn)
    return (result.value - lift, result.slope)
  }

  /// cos(theta + m) and its slope.
  @inline(__always)
  static func turned(
    cosine: Double, by margin: Double
  ) -> (value: Double, slope: Double) {
    let sine = ((1 - cosine) * (1 + cosine)).squareRoot()
    let (marginCosine, marginSine) = (Elementary.cos(margin), Elementary.sin(margin))
    // sin(theta + m) / sin(theta) = cos(m) + cos(theta) sin(m) / sin(theta)
    return (
      cosine * marginCosine - sine * marginSine,
      marginCosine + cosine * marginSine / max(sine, smallestSine)
    )
  }

  private func arcFaceTarget(
    cosine: Double, margin: Double
  ) -> (value: Double, slope: Double) {
    let hasMargin: Bool
    let otherwise: Double
    switch variant {
    case .plain:
      (hasMargin, otherwise) = (true, cosine)
    case .monotone:
      hasMargin = cosine > Elementary.cos(.pi - margin)
      otherwise = cosine - margin * Elementary.sin(.pi - margin)
    case .easy:
      (hasMargin, otherwise) = (cosine > 0, cosine)
    case .clamped:
      (hasMargin, otherwise) = (cosine > 0, cosine - Elementary.sin(margin))
    }
    // A cosine that is not a number goes on as one.
    guard hasMargin || cosine.isNaN else { return (otherwise, 1) }
    return Self.turned(cosine: cosine, by: margin)
  }

  /// The slope of ArcFace's target in its margin.
  private func marginSlope(cosine: Double, margin: Double) -> Double {
    let sine = ((1 - cosine) * (1 + cosine)).squareRoot()
    let (marginCosine, marginSine) = (Elementary.cos(margin), Elementary.sin(margin))
    let turned = -(cosine * marginSine + sine * marginCosine)
    switch variant {
    case .plain: return turned
    case .monotone: return cosine > -marginCosine ? turned : -(marginSine + margin * marginCosine)
    case .easy: return cosine > 0 ? turned : 0
    case .clamped: return cosine > 0 ? turned : -marginCosine
    }
  }

  /// Whether gradients flow into the norms of embeddings.
  var pullsNorms: Bool {
    if case .magFace = kind { return true }
    return false
  }

  /// MagFace's margin of an embedding of `norm`.
  private func normMargin(of norm: Double) -> Double {
    guard case .magFace(let low, let high, _, let norms) = kind else { return 0 }
    let share =
      (min(max(norm, norms.lowerBound), norms.upperBound) - norms.lowerBound)
      / (norms.upperBound - norms.lowerBound)
    return low + (high - low) * share
  }

  /// What MagFace takes of the norm of an embedding beside the softmax: the loss of it, its slope,
  /// and that of the target's value in the norm; slopes are 0 where the norm is cut. Nil with other
  /// losses.
  @inline(__always)
  func normTerm(
    cosine: Double, norm: Double, marginFactor: Double
  ) -> (loss: Double, slope: Double, targetSlope: Double)? {
    guard case .magFace(let low, let high, let weight, let norms) = kind else { return nil }
    let size = min(max(norm, norms.lowerBound), norms.upperBound)
    let square = norms.upperBound * norms.upperBound
    let loss = weight * (size / square + 1 / size)
    guard size == norm else { return (loss, 0, 0) }
    let growth = (high - low) / (norms.upperBound - norms.lowerBound) * marginFactor
    return (
      loss, weight * (1 / square - 1 / (size * size)),
      gradient == .exact
        ? growth * marginSlope(cosine: cosine, margin: normMargin(of: norm) * marginFactor) : 0
    )
  }

  private static func sine(_ cosine: Double) -> Double {
    max(((1 - cosine) * (1 + cosine)).squareRoot(), smallestSine)
  }
}
