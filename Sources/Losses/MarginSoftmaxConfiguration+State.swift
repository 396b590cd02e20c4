private import Determinism
internal import Kernels

/// What a margin that adapts to the run keeps from step to step, and what it makes of a sample.
///
/// A step reads the state as the one before has left it: the official programs let the batch in
/// first, which takes the whole batch's embeddings before any loss.
extension MarginSoftmaxConfiguration {
  /// The numbers before the first step, of a head of `classes`.
  func initialState(classes: Int) -> LossState {
    switch kind {
    case .softmax, .normalizedSoftmax, .arcFace, .cosFace, .combined, .elasticArcFace,
      .elasticCosFace, .magFace:
      LossState()
    case .adaFace: LossState(["norm-mean": 20, "norm-deviation": 100])
    case .curricularFace: LossState(["target-cosine": 0])
    case .uniFace: LossState(["bias": Elementary.log(10 * Double(classes))])
    }
  }

  /// How many sums over the samples of a batch move them.
  package var stateSumCount: Int {
    switch kind {
    case .softmax, .normalizedSoftmax, .arcFace, .cosFace, .combined, .elasticArcFace,
      .elasticCosFace, .magFace:
      0
    case .adaFace: 2
    case .curricularFace, .uniFace: 1
    }
  }

  /// UniFace's threshold of scaled cosines, for all classes; 0 with other losses.
  func bias(in state: LossState) -> Float { isUnified ? Float(state.values[0]) : 0 }

  /// What makes the margin of a sample another one than that of all: AdaFace's quality, -1 to 1, by
  /// the inverse of its embedding's norm, or what ElasticFace draws for its slot, in deviations: no
  /// gradient flows through these. MagFace's is the norm itself. 0 with other margins.
  @inline(__always)
  func modifier(inverseNorm: Float, state: LossState, place: SamplePlace) -> Double {
    switch kind {
    case .adaFace(_, let concentration, _):
      let (mean, deviation) = (state.values[0], state.values[1])
      let distance = Self.norm(inverse: inverseNorm) - mean
      let quality = concentration * distance / (deviation + Self.smallestDeviation)
      return min(max(quality, -1), 1)
    case .elasticArcFace, .elasticCosFace: return place.normal
    case .magFace: return 1 / Double(inverseNorm)
    case .softmax, .normalizedSoftmax, .arcFace, .cosFace, .combined, .curricularFace, .uniFace:
      return 0
    }
  }

  /// What is hard for a sample of `cosine`: what exceeds its cosine with the margin, even where a
  /// target beyond pi is not that. No gradient flows through it. Nil where nothing is.
  @inline(__always)
  func curriculum(
    cosine: Double, marginFactor: Double, state: LossState
  ) -> CurriculumKernel.Terms? {
    guard case .curricularFace(let margin, _) = kind else { return nil }
    let threshold = Self.turned(cosine: cosine, by: margin * marginFactor).value
    return CurriculumKernel.Terms(threshold: Float(threshold), weight: Float(state.values[0]))
  }

  /// Adds what a sample moves the state by to `sums` [stateSumCount].
  @inline(__always)
  func addStateSums(
    _ sample: SampleSoftmax, inverseNorm: Float, state: LossState,
    to sums: UnsafeMutablePointer<Double>
  ) {
    switch kind {
    case .softmax, .normalizedSoftmax, .arcFace, .cosFace, .combined, .elasticArcFace,
      .elasticCosFace, .magFace:
      return
    case .adaFace:
      // About the running mean, from which the squares of a batch are not far.
      let distance = Self.norm(inverse: inverseNorm) - state.values[0]
      sums[0] += distance
      sums[1] += distance * distance
    case .curricularFace:
      sums[0] += sample.value.targetCosineSum
    case .uniFace:
      sums[0] += sample.biasGradient
    }
  }

  /// Moves `state` by the `means` [stateSumCount] of what a batch of `samples` has added.
  func move(_ state: inout LossState, by means: UnsafePointer<Double>, samples: Int) {
    switch kind {
    case .softmax, .normalizedSoftmax, .arcFace, .cosFace, .combined, .elasticArcFace,
      .elasticCosFace, .magFace:
      return
    case .adaFace(_, _, let rate):
      moveNorms(&state, mean: means[0], square: means[1], samples: samples, rate: rate)
    case .curricularFace(_, let rate):
      state["target-cosine"] += rate * (means[0] - state["target-cosine"])
    case .uniFace(_, let rate):
      state["bias"] -= rate * means[0]
    }
  }

  /// Moves mean and deviation of norms by the `mean` of a batch's distances from the mean so far,
  /// and of their squares.
  private func moveNorms(
    _ state: inout LossState, mean: Double, square: Double, samples: Int, rate: Double
  ) {
    state["norm-mean"] += rate * mean
    // One sample has no deviation.
    guard samples > 1 else { return }
    let variance = max(0, square - mean * mean) * Double(samples) / Double(samples - 1)
    let deviation = state["norm-deviation"]
    state["norm-deviation"] = deviation + rate * (variance.squareRoot() - deviation)
  }

  private static let smallestDeviation = 1e-3

  /// The norm in 0.001...100 (mk-minchul/AdaFace).
  @inline(__always)
  private static func norm(inverse: Float) -> Double { min(max(1 / Double(inverse), 0.001), 100) }
}
