import Foundation
import Losses
import TestSupport
import Testing

/// CurricularFace, whose negatives above the target with its margin count more as the run goes on.
@Suite struct CurricularFaceTests {
  private static let (rows, classes, width) = (5, 203, 12)
  private static let labels = [0, 202, 7, 7, 100]
  private static let embeddings = normals(rows * width, seed: 41)
  private static let weights = normals(classes * width, seed: 42)

  private func head(rate: Double = 0.01) -> MarginSoftmaxHead {
    MarginSoftmaxHead(
      configuration: .curricularFace(margin: 0.5, rate: rate), classes: Self.classes,
      dimension: Self.width)
  }

  /// At the start, amid and late in a run; of 202 cosines of width 12 many are hard.
  @Test(arguments: [0, 0.3, 0.97, -0.1]) func kernelMatchesReference(mean: Double) {
    let reference = MarginSoftmaxReference(.curricularFace(0.5, mean))
    let expected = reference.run(
      Self.embeddings.map(Double.init), labels: Self.labels,
      weights: Self.weights.map(Double.init), classes: Self.classes, width: Self.width)
    let outcome = run(
      head(), Self.embeddings, labels: Self.labels, weights: Self.weights,
      state: LossState(["target-cosine": mean]))
    #expect(abs(outcome.value.lossSum / expected.loss - 1) < 3e-6)
    #expect(outcome.value.correctCount == expected.correctCount)
    #expect(relativeError(outcome.embeddings, expected.embeddings) < 2e-5)
    #expect(relativeError(outcome.weights, expected.weights) < 2e-5)
    #expect(outcome.fencesStand)
    #expect(outcome.value.lossSum != arcFace(Self.embeddings, Self.weights).value.lossSum)
  }

  private func arcFace(_ embeddings: [Float], _ weights: [Float]) -> HeadOutcome {
    run(
      MarginSoftmaxHead(
        configuration: .arcFace(margin: 0.5, variant: .monotone), classes: Self.classes,
        dimension: Self.width), embeddings, labels: Self.labels, weights: weights)
  }

  /// Samples at their class, and all others on the far side: nothing is above the target.
  @Test func withoutHardNegativesItIsArcFace() {
    let (count, width) = (Self.classes, Self.width)
    // Classes of the labels look along their own axis, the rest away from all axes.
    var weights = Self.weights.map { -abs($0) }
    var embeddings = [Float](repeating: 0.05, count: Self.rows * width)
    let axes = [0: 0, 202: 1, 7: 2, 100: 3]
    for (label, axis) in axes {
      for k in 0..<width { weights[label * width + k] = k == axis ? 1 : 0.01 }
    }
    for (row, label) in Self.labels.enumerated() {
      embeddings[row * width + axes[label]!] = 2 + Float(row)
    }
    #expect(weights.count == count * width)
    let outcome = run(
      head(), embeddings, labels: Self.labels, weights: weights,
      state: LossState(["target-cosine": 0.4]))
    let arcFace = arcFace(embeddings, weights)
    #expect(outcome.value == arcFace.value && outcome.value.correctCount == Self.rows)
    #expect(outcome.weights == arcFace.weights && outcome.embeddings == arcFace.embeddings)
  }

  /// A sample is right where its cosine is the greatest, whatever stands for the others.
  @Test func accuracyIsOfTheCosines() {
    // cosines 0.6 and 0.8 (hard): 0.8 (0.97 + 0.8) = 1.4; then the other way round.
    for (label, correct) in [(0, 0), (1, 1)] {
      let head = MarginSoftmaxHead(
        configuration: .curricularFace(margin: 0.5, rate: 0.01), classes: 2, dimension: 2)
      let outcome = run(
        head, [1, 0], labels: [label], weights: [0.6, 0.8, 0.8, -0.6],
        state: LossState(["target-cosine": 0.97]))
      #expect(outcome.value.correctCount == correct)
    }
  }

  @Test func theMeanMovesByTheBatch() {
    let head = head(rate: 0.25)
    let outcome = run(head, Self.embeddings, labels: Self.labels, weights: Self.weights)
    #expect(abs(outcome.stateSums[0] - outcome.value.targetCosineSum) < 1e-12)
    var state = LossState(["target-cosine": 0.2])
    head.move(&state, by: [0.6], samples: 5)
    #expect(abs(state["target-cosine"] - 0.3) < 1e-15)
  }
}
