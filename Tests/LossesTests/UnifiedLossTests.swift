import Foundation
import Losses
import TestSupport
import Testing

/// Label smoothing, MagFace and UniFace, by what they come to in closed form or as other losses.
@Suite struct UnifiedLossTests {
  private static let (rows, classes, width) = (5, 203, 12)
  private static let labels = [0, 202, 7, 7, 100]
  private static let embeddings = normals(rows * width, seed: 61)
  private static let weights = normals(classes * width, seed: 62)

  private func outcome(
    _ configuration: MarginSoftmaxConfiguration, factor: Float = 1, state: LossState? = nil
  ) -> HeadOutcome {
    run(
      MarginSoftmaxHead(
        configuration: configuration, classes: Self.classes, dimension: Self.width),
      Self.embeddings, labels: Self.labels, weights: Self.weights, marginFactor: factor,
      state: state)
  }

  /// Two classes at right angles, of which the sample is on the first.
  private func rightAngle(
    _ configuration: MarginSoftmaxConfiguration, label: Int, state: LossState? = nil
  ) -> HeadOutcome {
    run(
      MarginSoftmaxHead(configuration: configuration, classes: 2, dimension: 2), [3, 0],
      labels: [label], weights: [2, 0, 0, 5], state: state)
  }

  // MARK: Label smoothing

  @Test(arguments: [0, 1]) func smoothingIsTheCrossEntropyWithASoftTruth(label: Int) {
    let p = 1 / (1 + exp(-4.0))
    for share in [0.1, 0.75] {
      let found = rightAngle(.normalizedSoftmax(scale: 4).smoothed(by: share), label: label)
      let truth = label == 0 ? 1 - share / 2 : share / 2
      #expect(abs(found.value.lossSum + truth * log(p) + (1 - truth) * log(1 - p)) < 1e-6)
      // The gradient at the score of the other class turns the embedding: 4 (q - p) / norm.
      #expect(abs(Double(found.embeddings[1]) - 4 * (truth - p) / 3) < 1e-6)
    }
  }

  @Test func noSmoothingIsTheLossItself() {
    let plain = MarginSoftmaxConfiguration.arcFace()
    #expect(plain.smoothed(by: 0) == plain)
    #expect(outcome(plain.smoothed(by: 0.1)).value.lossSum != outcome(plain).value.lossSum)
    #expect(
      outcome(plain.smoothed(by: 0.1)).value.correctCount == outcome(plain).value.correctCount)
  }

  // MARK: MagFace

  /// With one margin for all norms and no loss of these.
  @Test(arguments: MarginSoftmaxConfiguration.Variant.allCases, [Float(1), 0.25])
  func magFaceOfOneMarginIsArcFace(variant: MarginSoftmaxConfiguration.Variant, factor: Float) {
    let magFace = outcome(
      .magFace(low: 0.5, high: 0.5, weight: 0, norms: 1...10, variant: variant), factor: factor)
    let arcFace = outcome(.arcFace(margin: 0.5, variant: variant), factor: factor)
    #expect(magFace.value == arcFace.value)
    #expect(magFace.weights == arcFace.weights && magFace.embeddings == arcFace.embeddings)
  }

  /// A sample of a norm has the margin of that norm, 0.3 at 2 and 0.8 at 6; longer ones no more.
  @Test(arguments: [(1.0, 0.3), (2, 0.3), (3, 0.425), (5, 0.675), (6, 0.8), (9, 0.8)])
  func theMarginGrowsWithTheNorm(norm: Double, margin: Double) {
    let x = normals(Self.width, seed: 63)
    let own = x.map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
    func loss(_ configuration: MarginSoftmaxConfiguration) -> Double {
      run(
        MarginSoftmaxHead(
          configuration: configuration, classes: Self.classes, dimension: Self.width),
        x.map { Float(Double($0) * norm / own) }, labels: [7], weights: Self.weights
      ).value.lossSum
    }
    let cut = min(max(norm, 2), 6)
    let expected = loss(.arcFace(margin: margin)) + 20 * (cut / 36 + 1 / cut)
    #expect(abs(loss(.magFace(low: 0.3, high: 0.8, weight: 20, norms: 2...6)) - expected) < 1e-4)
  }

  // MARK: UniFace

  @Test func twoClassesInClosedForm() {
    let configuration = MarginSoftmaxConfiguration.uniFace(scale: 4, margin: 0.25, rate: 0.5)
    let state = LossState(["bias": 1])
    // Scaled cosines 4 and 0: the target is 4 (1 - 0.25) - 1 = 2 above the bias, the other 1 below.
    let right = rightAngle(configuration, label: 0, state: state)
    #expect(abs(right.value.lossSum - log1p(exp(-2.0)) - log1p(exp(-1.0))) < 1e-6)
    #expect(right.value.correctCount == 1)
    let (error, other) = (1 / (1 + exp(2.0)), 1 / (1 + exp(1.0)))
    #expect(abs(right.stateSums[0] - (error - other)) < 1e-6)
    #expect(abs(Double(right.embeddings[1]) - 4 * other / 3) < 1e-6)
    // And the other way round: 4 (0 - 0.25) - 1 = -2, and 4 - 1 = 3.
    let wrong = rightAngle(configuration, label: 1, state: state)
    #expect(abs(wrong.value.lossSum - log1p(exp(2.0)) - log1p(exp(3.0))) < 1e-6)
    #expect(wrong.value.correctCount == 0)
    let head = MarginSoftmaxHead(configuration: configuration, classes: 2, dimension: 2)
    var moved = state
    head.move(&moved, by: [0.4], samples: 3)
    #expect(abs(moved["bias"] - 0.8) < 1e-15)
    #expect(abs(head.initialState["bias"] - log(20)) < 1e-12)
  }

  /// Scores far from the bias on either side lose no digits and overflow nowhere.
  @Test(arguments: [-300, -40, 0, 40, 300]) func farFromTheBias(bias: Double) {
    let reference = MarginSoftmaxReference(.uniFace(0.4, bias))
    let expected = reference.run(
      Self.embeddings.map(Double.init), labels: Self.labels,
      weights: Self.weights.map(Double.init), classes: Self.classes, width: Self.width)
    let found = outcome(
      .uniFace(margin: 0.4, rate: 0.1), state: LossState(["bias": bias]))
    #expect(abs(found.value.lossSum / expected.loss - 1) < 3e-6)
    #expect(relativeError(found.embeddings, expected.embeddings) < 2e-5)
    #expect(relativeError(found.weights, expected.weights) < 2e-5)
  }
}
