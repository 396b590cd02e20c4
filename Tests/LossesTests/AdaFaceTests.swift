import Foundation
import Losses
import TestSupport
import Testing

/// AdaFace, whose margin depends on the norm of an embedding among the norms of the run.
@Suite struct AdaFaceTests {
  private static let (rows, classes, width) = (6, 23, 40)
  private static let labels = [0, 22, 7, 7, 3, 11]
  private static let weights = normals(classes * width, seed: 31)

  /// Embeddings of the norms 1, 4, 9, ... 36.
  private static let embeddings: [Float] = {
    var x = normals(rows * width, seed: 30)
    for row in 0..<rows {
      let range = row * width..<(row + 1) * width
      let norm = x[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
      for i in range { x[i] *= Float((row + 1) * (row + 1)) / norm }
    }
    return x
  }()

  private func outcome(
    _ configuration: MarginSoftmaxConfiguration, state: LossState? = nil
  ) -> HeadOutcome {
    run(
      MarginSoftmaxHead(
        configuration: configuration, classes: Self.classes, dimension: Self.width),
      Self.embeddings, labels: Self.labels, weights: Self.weights, state: state)
  }

  private func state(mean: Double, deviation: Double) -> LossState {
    LossState(["norm-mean": mean, "norm-deviation": deviation])
  }

  private func adaFace(_ concentration: Double, rate: Double = 0.01) -> MarginSoftmaxConfiguration {
    .adaFace(margin: 0.4, concentration: concentration, rate: rate)
  }

  /// Norms below, about and above the mean, of which some are clipped on either side.
  @Test(arguments: [(20, 100), (12, 8), (16.5, 0.01), (0.002, 0.5), (80, 3)], [0.333, 2, -0.5])
  func kernelMatchesReference(statistics: (Double, Double), concentration: Double) {
    let reference = MarginSoftmaxReference(
      .adaFace(0.4, concentration, statistics.0, statistics.1))
    let expected = reference.run(
      Self.embeddings.map(Double.init), labels: Self.labels,
      weights: Self.weights.map(Double.init), classes: Self.classes, width: Self.width)
    let outcome = outcome(
      adaFace(concentration), state: state(mean: statistics.0, deviation: statistics.1))
    #expect(abs(outcome.value.lossSum / expected.loss - 1) < 3e-6)
    #expect(relativeError(outcome.embeddings, expected.embeddings) < 2e-5)
    #expect(relativeError(outcome.weights, expected.weights) < 2e-5)
    #expect(outcome.fencesStand)
  }

  @Test func withoutConcentrationItIsCosFace() {
    let (own, cosFace) = (outcome(adaFace(0)), outcome(.cosFace(margin: 0.4)))
    #expect(own.value == cosFace.value)
    #expect(own.weights == cosFace.weights && own.embeddings == cosFace.embeddings)
    #expect(outcome(adaFace(0.333)).value.lossSum != cosFace.value.lossSum)
  }

  @Test func theWorstSamplesHaveArcFacesMargin() {
    let own = outcome(adaFace(1), state: state(mean: 99, deviation: 0.1))
    let arcFace = outcome(.arcFace(margin: 0.4))
    #expect(own.value == arcFace.value)
    #expect(own.weights == arcFace.weights && own.embeddings == arcFace.embeddings)
  }

  /// The best ones have theta - m and twice the margin on the cosine.
  @Test func theBestSamplesHaveTheLargestMargin() {
    let configuration = adaFace(1)
    for theta in [0.45, 1, 2, 3] {
      let target = configuration.target(cosine: cos(theta), modifier: 1)
      #expect(abs(target.value - (cos(theta - 0.4) - 0.8)) < 1e-12)
      #expect(abs(target.slope - sin(theta - 0.4) / sin(theta)) < 1e-9)
    }
  }

  /// Angles that the margin would turn past 0 or pi stay there, and have no slope.
  @Test func anglesStayWithinTheCircle() {
    let configuration = adaFace(1)
    for (theta, quality, end) in [(0.3, 1.0, 1e-3), (3.0, -1.0, Double.pi - 1e-3)] {
      let target = configuration.target(cosine: cos(theta), modifier: quality)
      #expect(abs(target.value - (cos(end) - 0.4 * (1 + quality))) < 1e-12)
      #expect(target.slope == 0)
    }
  }

  /// Mean and unbiased deviation of the norms of a batch, in however many microbatches it came.
  @Test func statisticsAreThoseOfTheBatch() {
    let configuration = adaFace(0.333, rate: 0.25)
    let head = MarginSoftmaxHead(
      configuration: configuration, classes: Self.classes, dimension: Self.width)
    let before = state(mean: 20, deviation: 7)
    let norms = (1...Self.rows).map { Double($0 * $0) }
    let mean = norms.reduce(0, +) / 6
    let deviation = (norms.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 5).squareRoot()
    func moved(_ parts: [Range<Int>]) -> LossState {
      var sums = [0.0, 0.0]
      for part in parts {
        let outcome = run(
          head, Array(Self.embeddings[part.lowerBound * 40..<part.upperBound * 40]),
          labels: Array(Self.labels[part]), weights: Self.weights, state: before)
        for i in 0..<2 { sums[i] += outcome.stateSums[i] / 6 }
      }
      var after = before
      head.move(&after, by: sums, samples: 6)
      return after
    }
    for parts in [[0..<6], [0..<1, 1..<4, 4..<6]] {
      let after = moved(parts)
      #expect(abs(after["norm-mean"] - (15 + mean / 4)) < 1e-5)
      #expect(abs(after["norm-deviation"] - (5.25 + deviation / 4)) < 1e-5)
    }
  }

  /// One sample has a norm and no deviation.
  @Test func aBatchOfOneMovesTheMeanAlone() {
    let head = MarginSoftmaxHead(
      configuration: adaFace(1, rate: 0.5), classes: Self.classes, dimension: Self.width)
    var state = state(mean: 20, deviation: 7)
    head.move(&state, by: [-10, 100], samples: 1)
    #expect(state.values == [15, 7])
  }

  /// Lengths beyond 0.001 and 100 count as these: a few samples cannot carry the mean away.
  @Test func normsAreBounded() {
    let head = MarginSoftmaxHead(configuration: adaFace(1), classes: 3, dimension: 2)
    let state = state(mean: 20, deviation: 7)
    let cases: [(x: [Float], distance: Double)] = [
      ([3e5, 0], 80), ([1e-9, 0], 0.001 - 20), ([0, 0], 0.001 - 20),
    ]
    for (x, distance) in cases {
      let outcome = run(head, x, labels: [1], weights: [1, 0, 1, 2, -1, 1], state: state)
      #expect(outcome.stateSums == [distance, distance * distance])
      #expect(outcome.isFinite && outcome.value.lossSum.isFinite)
    }
  }
}
