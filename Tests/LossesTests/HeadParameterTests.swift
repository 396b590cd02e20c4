import Losses
import Testing

@Suite struct HeadParameterTests {
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

  @Test func firstValuesFollowTheSources() {
    let head = MarginSoftmaxHead(configuration: .softmax(), classes: 100, dimension: 512)
    let (weight, bias) = (head.parameters[0], head.parameters[1])
    #expect(head.distribution(of: weight, .normal) == .normal(deviation: 0.01))
    #expect(head.distribution(of: weight, .kaiming) == .normal(deviation: 0.0625))
    #expect(head.distribution(of: bias, .normal) == .zero)
    #expect(head.distribution(of: bias, .kaiming) == .zero)
    let uniform = HeadDistribution.uniform(bound: 1 / 512.0.squareRoot())
    #expect(head.distribution(of: weight, .linear) == uniform)
    #expect(head.distribution(of: bias, .linear) == uniform)
  }
}
