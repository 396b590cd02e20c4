import Foundation
import Losses
import Testing

/// Numbers that are not ours: scripts/golden/margin_softmax.py --fixture prints those that stand
/// here.
@Suite struct MarginSoftmaxVectorTests {
  /// Target values for margin 0.5 at an angle: plain, monotone, easy, clamped (insightface, CnA).
  @Test(
    arguments: [
      (0, [0.877583, 0.877583, 0.877583, 0.877583]),
      (0.5, [0.540302, 0.540302, 0.540302, 0.540302]),
      (1.0, [0.070737, 0.070737, 0.070737, 0.070737]),
      (Double.pi / 2 - 1e-9, [-0.479426, -0.479426, -0.479426, -0.479426]),
      (2.0, [-0.801144, -0.801144, -0.416147, -0.895572]),
      (2.6, [-0.999135, -0.999135, -0.856889, -1.336314]),
      (2.7, [-0.998295, -1.143785, -0.904072, -1.383498]),
      (Double.pi, [-0.877583, -1.239713, -1.0, -1.479426]),
    ] as [(Double, [Double])])
  func targetsOfTheVariants(theta: Double, expected: [Double]) {
    for (variant, value) in zip(MarginSoftmaxConfiguration.Variant.allCases, expected) {
      let target = MarginSoftmaxConfiguration.arcFace(variant: variant).target(cosine: cos(theta))
      #expect(abs(target.value - value) < 1.1e-6, "\(variant) at \(theta)")
      #expect(target.slope.isFinite)
    }
  }

  /// The slope is the derivative of the value, and 1 where the gradient goes straight through.
  @Test(arguments: HeadCase.all.filter { $0.configuration.isNormalized })
  func slopeIsTheDerivative(_ item: HeadCase) {
    for cosine in [-0.99, -0.93, -0.5, -0.1, 0.1, 0.6, 0.95] {
      let h = 1e-6
      let slope = item.configuration.target(cosine: cosine).slope
      if item.configuration.gradient == .straightThrough {
        #expect(slope == 1)
      } else {
        let above = item.configuration.target(cosine: cosine + h).value
        let below = item.configuration.target(cosine: cosine - h).value
        #expect(abs((above - below) / (2 * h) - slope) < 1e-6 * max(1, abs(slope)))
      }
    }
  }

  private static let x: [Float] = [0.3, -0.2, 0.5, 0.1, -0.4, 0.7, 0.2, -0.1]
  private static let w: [Float] = [
    0.2, 0.1, 0.4, -0.3, -0.5, 0.6, 0.1, 0.2, 0.3, 0.3, -0.2, 0.1,
  ]

  private func outcome(_ configuration: MarginSoftmaxConfiguration) -> HeadOutcome {
    run(
      MarginSoftmaxHead(configuration: configuration, classes: 3, dimension: 4), Self.x,
      labels: [0, 2], weights: Self.w)
  }

  /// Two samples, three classes, computed in float64; losses there are means over the two samples.
  @Test func fixtureOfTheArcFacePaperFormulas() {
    let exact = outcome(.arcFace())
    #expect(abs(exact.value.lossSum / 2 / 41.654764320855 - 1) < 1e-6)
    #expect(abs(exact.value.targetCosineSum - 0.6139406135 - 0.0996889573) < 1e-7)
    #expect(exact.value.correctCount == 1)
    let scale = 0.5  // mean over two samples
    let dx = exact.embeddings[4...].map { Double($0) * scale }
    let expectedDX = [-30.6930685921, -20.1344968311, 11.9756004702, 5.7819974916]
    #expect(zip(dx, expectedDX).allSatisfy { abs($0 / $1 - 1) < 1e-5 })
    let dw = exact.weights[4...].map { Double($0) * scale }
    let expectedDW = [
      3.281276942, 6.4198896691, 4.9932475204, -13.5531004126, 33.3789791567, -47.8218066722,
      -17.3313930172, 8.6656965121,
    ]
    #expect(zip(dw, expectedDW).allSatisfy { abs($0 / $1 - 1) < 1e-5 })
    #expect(exact.embeddings[..<4].allSatisfy { abs($0) < 1e-7 })

    let insightface = outcome(.arcFace(gradient: .straightThrough))
    #expect(insightface.value.lossSum == exact.value.lossSum)
    let straightDX = insightface.embeddings[4...].map { Double($0) * scale }
    let expectedStraight = [-32.6083442062, -21.6768869274, 13.2298517573, 5.1548718481]
    #expect(zip(straightDX, expectedStraight).allSatisfy { abs($0 / $1 - 1) < 1e-5 })
    let straightDW = insightface.weights[8...].map { Double($0) * scale }
    let expectedRow = [36.0613967155, -51.6648856747, -18.7241867496, 9.3620933783]
    #expect(zip(straightDW, expectedRow).allSatisfy { abs($0 / $1 - 1) < 1e-5 })
  }

  @Test(
    arguments: [
      (MarginSoftmaxConfiguration.cosFace(margin: 0.4), 38.799051730105),
      (.combined(m1: 1, m2: 0.3, m3: 0.2), 41.951070149455),
      (.combined(m1: 0.9, m2: 0.4, m3: 0.15), 38.867632923883),
      (.arcFace(variant: .clamped), 41.654764320855),
    ] as [(MarginSoftmaxConfiguration, Double)])
  func lossesOfTheFixture(configuration: MarginSoftmaxConfiguration, mean: Double) {
    #expect(abs(outcome(configuration).value.lossSum / 2 / mean - 1) < 1e-6)
  }

  /// scripts/golden/margin_softmax.py
  private struct Golden: Decodable {
    struct Case: Decodable {
      let kind: String
      let scale, margin: Double
      let margins: [Double]
      let variant, gradient: String
      let concentration, rate: Double?
      /// The state of the loss, and what the batch has made of it before the loss is computed.
      let before, after: [Double]?
      /// What the batch makes of the state after the loss is computed.
      let moved: [Double]?
      let smoothing, weight: Double?
      let norms: [Double]?
      /// Of a class; 1 if absent. Labels count modulo the classes that are left.
      let centres: Int?
      let loss: Double
      let dx, dw: [Double]

      var configuration: MarginSoftmaxConfiguration? {
        plain?.smoothed(by: smoothing ?? 0).withSubCentres(centres ?? 1)
      }

      private var plain: MarginSoftmaxConfiguration? {
        guard let variant = MarginSoftmaxConfiguration.Variant(rawValue: variant),
          let gradient = MarginSoftmaxConfiguration.Gradient(rawValue: gradient)
        else { return nil }
        switch kind {
        case "softmax": return .softmax()
        case "normalizedSoftmax": return .normalizedSoftmax(scale: scale)
        case "cosFace": return .cosFace(scale: scale, margin: margin)
        case "combined":
          return .combined(
            scale: scale, m1: margins[0], m2: margins[1], m3: margins[2], gradient: gradient)
        case "arcFace":
          return .arcFace(scale: scale, margin: margin, variant: variant, gradient: gradient)
        case "adaFace":
          guard let concentration, let rate else { return nil }
          return .adaFace(
            scale: scale, margin: margin, concentration: concentration, rate: rate,
            gradient: gradient)
        case "curricularFace":
          return rate.map { .curricularFace(scale: scale, margin: margin, rate: $0) }
        case "magFace":
          guard let weight, let norms else { return nil }
          return .magFace(
            scale: scale, low: margins[0], high: margins[1], weight: weight,
            norms: norms[0]...norms[1], variant: variant)
        case "uniFace": return rate.map { .uniFace(scale: scale, margin: margin, rate: $0) }
        default: return nil
        }
      }
    }
    let embeddings, weights, bias: [Float]
    let labels: [Int]
    let rows, classes, width: Int
    let cases: [Case]
  }

  @Test func autogradOfPyTorchAgrees() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Golden/margin_softmax.json")
    let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
    #expect(golden.cases.count == 33)
    for item in golden.cases {
      let configuration = try #require(item.configuration)
      let classes = golden.classes / (item.centres ?? 1)
      let head = MarginSoftmaxHead(
        configuration: configuration, classes: classes, dimension: golden.width)
      let labels = golden.labels.map { $0 % classes }
      let name = "\(item.kind) \(item.variant) \(item.gradient) \(item.scale)"
      var state = head.initialState
      func outcome() -> HeadOutcome {
        run(
          head, golden.embeddings, labels: labels,
          weights: golden.weights + (head.hasBias ? golden.bias : []), state: state)
      }
      if let before = item.before {
        state.set(before)
        let sums = outcome().stateSums
        var next = state
        head.move(
          &next, by: sums.map { $0 / Double(golden.rows) }, samples: golden.rows)
        let after = try #require(item.after ?? item.moved)
        #expect(next.values != before && next.values.count == after.count)
        for (own, other) in zip(next.values, after) {
          #expect(abs(own - other) < 1e-6, "\(name)")
        }
        if item.after != nil { state = next }
      }
      let outcome = outcome()
      #expect(abs(outcome.value.lossSum / item.loss - 1) < 1e-6, "\(name)")
      #expect(relativeError(outcome.embeddings, item.dx) < 5e-6, "\(name)")
      #expect(relativeError(outcome.weights, item.dw) < 5e-6, "\(name)")
    }
  }
}
