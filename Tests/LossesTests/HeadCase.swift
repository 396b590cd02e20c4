import Determinism
import Losses
import Testing
import TestSupport

/// A configuration beside its Double reference.
struct HeadCase: Sendable, CustomTestStringConvertible {
  let name: String
  let configuration: MarginSoftmaxConfiguration
  let reference: MarginSoftmaxReference
  /// What the loss has kept from earlier steps; nil is what it begins with.
  let state: LossState?

  var testDescription: String { name }

  init(
    _ name: String, _ configuration: MarginSoftmaxConfiguration,
    _ reference: MarginSoftmaxReference, state: LossState? = nil
  ) {
    self.name = name
    self.configuration = configuration
    self.reference = reference
    self.state = state
  }

  /// Every kind, variant and gradient.
  static let all: [HeadCase] = [
    .init(
      "softmax", .softmax(),
      .init(.none, scale: 1, normalized: false, hasBias: true)),
    .init("softmax without bias", .softmax(bias: false), .init(.none, scale: 1, normalized: false)),
    .init("normalised", .normalizedSoftmax(scale: 20), .init(.none, scale: 20)),
    .init("ArcFace", .arcFace(), .init(.arcFace(0.5))),
    .init("ArcFace, small scale", .arcFace(scale: 8), .init(.arcFace(0.5), scale: 8)),
    .init("monotone", .arcFace(variant: .monotone), .init(.monotone(0.5))),
    .init("easy", .arcFace(margin: 0.3, variant: .easy), .init(.easy(0.3))),
    .init("clamped", .arcFace(variant: .clamped), .init(.clamped(0.5))),
    .init(
      "straight through", .arcFace(gradient: .straightThrough),
      .init(.arcFace(0.5), straightThrough: true)),
    .init("CosFace", .cosFace(margin: 0.4), .init(.cosFace(0.4))),
    .init("SphereFace", .combined(m1: 1.35, m2: 0, m3: 0), .init(.combined(1.35, 0, 0))),
    .init("CM1", .combined(m1: 1, m2: 0.3, m3: 0.2), .init(.combined(1, 0.3, 0.2))),
    .init("CM2", .combined(m1: 0.9, m2: 0.4, m3: 0.15), .init(.combined(0.9, 0.4, 0.15))),
    .init(
      "CM1 straight through",
      .combined(m1: 1, m2: 0.3, m3: 0.2, gradient: .straightThrough),
      .init(.combined(1, 0.3, 0.2), straightThrough: true)),
    .init(
      "AdaFace", .adaFace(margin: 0.4, concentration: 3, rate: 0.01),
      .init(.adaFace(0.4, 3, 20, 100))),
    .init(
      "AdaFace straight through",
      .adaFace(margin: 0.4, concentration: 3, rate: 0.01, gradient: .straightThrough),
      .init(.adaFace(0.4, 3, 20, 100), straightThrough: true)),
    // Norms of the tests' embeddings lie about 3.
    .init(
      "AdaFace, amid a run", .adaFace(margin: 0.4, concentration: 0.5, rate: 0.01),
      .init(.adaFace(0.4, 0.5, 3, 1)),
      state: LossState(["norm-mean": 3, "norm-deviation": 1])),
    .init(
      "CurricularFace", .curricularFace(margin: 0.5, rate: 0.01), .init(.curricularFace(0.5, 0))),
    .init(
      "CurricularFace, amid a run", .curricularFace(margin: 0.5, rate: 0.01),
      .init(.curricularFace(0.5, 0.4)), state: LossState(["target-cosine": 0.4])),
    .init(
      "ElasticFace-Arc, undeviating", .elasticArcFace(margin: 0.5, deviation: 0),
      .init(.arcFace(0.5))),
    .init(
      "ElasticFace-Cos, undeviating", .elasticCosFace(margin: 0.35, deviation: 0),
      .init(.cosFace(0.35))),
    .init(
      "CurricularFace straight through",
      .curricularFace(margin: 0.5, rate: 0.01, gradient: .straightThrough),
      .init(.curricularFace(0.5, 0), straightThrough: true)),
    .init(
      "softmax, smoothed", .softmax().smoothed(by: 0.1),
      .init(.none, scale: 1, normalized: false, hasBias: true, smoothing: 0.1)),
    .init(
      "ArcFace, smoothed", .arcFace(scale: 16).smoothed(by: 0.2),
      .init(.arcFace(0.5), scale: 16, smoothing: 0.2)),
    .init(
      "CurricularFace, smoothed",
      .curricularFace(scale: 16, margin: 0.5, rate: 0.01).smoothed(by: 0.1),
      .init(.curricularFace(0.5, 0.4), scale: 16, smoothing: 0.1),
      state: LossState(["target-cosine": 0.4])),
    // Norms of the tests' embeddings lie on both sides of the range.
    .init(
      "MagFace", .magFace(low: 0.3, high: 0.8, weight: 20, norms: 2...4),
      .init(.magFace(0.3, 0.8, 2, 4, weight: 20, isEasy: false))),
    .init(
      "MagFace, all norms in range", .magFace(low: 0.3, high: 0.8, weight: 20, norms: 0.1...40),
      .init(.magFace(0.3, 0.8, 0.1, 40, weight: 20, isEasy: false))),
    .init(
      "MagFace, easy and smoothed",
      .magFace(
        scale: 16, low: 0.3, high: 0.8, weight: 20, norms: 0.1...40, variant: .easy
      ).smoothed(by: 0.1),
      .init(.magFace(0.3, 0.8, 0.1, 40, weight: 20, isEasy: true), scale: 16, smoothing: 0.1)),
    .init(
      "MagFace straight through",
      .magFace(
        low: 0.3, high: 0.8, weight: 20, norms: 0.1...40, gradient: .straightThrough),
      .init(
        .magFace(0.3, 0.8, 0.1, 40, weight: 20, isEasy: false), straightThrough: true)),
    .init(
      "UniFace", .uniFace(margin: 0.4, rate: 0.1), .init(.uniFace(0.4, 12)),
      state: LossState(["bias": 12])),
    .init(
      "UniFace, small scale", .uniFace(scale: 16, margin: 0.4, rate: 0.1),
      .init(.uniFace(0.4, 3), scale: 16), state: LossState(["bias": 3])),
  ]
}

/// What a head computed, copied out of memory that was NaN before and fenced.
struct HeadOutcome {
  let value: LossValue
  let embeddings: [Float]
  let weights: [Float]
  let fencesStand: Bool
  /// What moves the state.
  let stateSums: [Double]

  /// Whether no gradient is NaN or infinite.
  var isFinite: Bool { (embeddings + weights).allSatisfy(\.isFinite) }
}

/// Runs a head over arrays; gradients and scratch start as NaN, with a fence behind each.
func run(
  _ head: MarginSoftmaxHead, _ embeddings: [Float], labels: [Int], weights: [Float],
  marginFactor: Float = 1, state: LossState? = nil,
  place: SamplePlace = SamplePlace(seed: 0, step: 0, slot: 0)
) -> HeadOutcome {
  let fence: [Float] = [12345, -54321]
  func memory(_ count: Int) -> [Float] { [Float](repeating: .nan, count: count) + fence }
  var dx = memory(embeddings.count)
  var dw = memory(head.parameterCount)
  var scratch = memory(head.scratchCount(rows: labels.count))
  var sums = [Double](repeating: .nan, count: head.stateSumCount + 1)
  let value = dx.withUnsafeMutableBufferPointer { dx in
    dw.withUnsafeMutableBufferPointer { dw in
      scratch.withUnsafeMutableBufferPointer { scratch in
        head.run(
          embeddings, labels: labels.map { Int32($0) }, rows: labels.count, weights: weights,
          marginFactor: marginFactor, state: state ?? head.initialState, place: place,
          into: dx.baseAddress!, weightGradient: dw.baseAddress!, stateSums: &sums,
          scratch: scratch.baseAddress!)
      }
    }
  }
  return HeadOutcome(
    value: value, embeddings: Array(dx.dropLast(2)), weights: Array(dw.dropLast(2)),
    fencesStand: [dx, dw, scratch].allSatisfy { Array($0.suffix(2)) == fence }
      && sums[head.stateSumCount].isNaN, stateSums: Array(sums.dropLast()))
}

/// Normal numbers of deviation `deviation`, a function of `seed`.
func normals(_ count: Int, seed: Int, deviation: Double = 1) -> [Float] {
  let random = CounterRandom(seed: UInt64(seed), purpose: .testing)
  return (0..<count).map { Float(deviation * random.normal($0)) }
}

/// The greatest difference over the greatest magnitude of `expected`.
func relativeError(_ values: [Float], _ expected: [Double]) -> Double {
  guard values.count == expected.count, values.allSatisfy(\.isFinite) else { return .infinity }
  let difference = zip(values, expected).map { abs(Double($0) - $1) }.max() ?? 0
  return difference / max(expected.map(abs).max() ?? 0, 1e-30)
}
