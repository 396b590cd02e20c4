import Determinism
import Losses
import Testing

@Suite struct HeadParameterTests {
  private let random = CounterRandom(seed: 7, purpose: .initialization, 1)

  @Test func tensorsCoverTheFlatVector() {
    let plain = MarginSoftmaxHead(configuration: .softmax(), classes: 7, dimension: 5)
    #expect(plain.parameters.map(\.name) == ["weight", "bias"])
    #expect(plain.parameters.map(\.shape) == [[7, 5], [7]])
    #expect(plain.parameters.map(\.range) == [0..<35, 35..<42])
    #expect(plain.parameterCount == 42)
    let arc = MarginSoftmaxHead(configuration: .arcFace(), classes: 7, dimension: 5)
    #expect(arc.parameters.map(\.range) == [0..<35])
    #expect(arc.parameterCount == 35)
  }

  @Test(arguments: [
    (HeadInitialization.normal, 0.01), (.kaiming, (2.0 / 512).squareRoot()),
    (.linear, 1 / (3.0 * 512).squareRoot()),
  ])
  func deviations(initialization: HeadInitialization, deviation: Double) {
    let head = MarginSoftmaxHead(configuration: .softmax(), classes: 100, dimension: 512)
    let values = (0..<head.parameterCount).map {
      Double(head.initialValue(initialization, at: $0, from: random))
    }
    let weights = values[..<51_200]
    let mean = weights.reduce(0, +) / 51_200
    let variance = weights.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 51_200
    #expect(abs(mean) < 0.02 * deviation)
    #expect(abs(variance.squareRoot() / deviation - 1) < 0.02)
    let bias = values[51_200...]
    if initialization == .linear {
      let bound = 1 / 512.0.squareRoot()
      #expect(values.allSatisfy { abs($0) <= bound })
      #expect(Set(bias).count > 90)
    } else {
      #expect(bias.allSatisfy { $0 == 0 })
    }
  }

  @Test func valuesAreAFunctionOfTheIndex() {
    let head = MarginSoftmaxHead(configuration: .arcFace(), classes: 10, dimension: 8)
    let first = head.initialValue(.normal, at: 33, from: random)
    _ = head.initialValue(.normal, at: 0, from: random)
    #expect(head.initialValue(.normal, at: 33, from: random) == first)
    let other = CounterRandom(seed: 8, purpose: .initialization, 1)
    #expect(head.initialValue(.normal, at: 33, from: other) != first)
  }
}
