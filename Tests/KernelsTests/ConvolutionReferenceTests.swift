import Determinism
import Testing
import TestSupport

@Suite struct ConvolutionReferenceTests {
  static let cases: [ConvolutionReference] = [
    .init(
      rows: 2, height: 4, width: 5, inputChannels: 3, outputChannels: 2, kernelHeight: 3,
      kernelWidth: 3, stride: 1, paddingHeight: 1, paddingWidth: 1),
    .init(
      rows: 1, height: 6, width: 5, inputChannels: 2, outputChannels: 3, kernelHeight: 1,
      kernelWidth: 4, stride: 2, paddingHeight: 0, paddingWidth: 2),
  ]

  /// The sum is linear in input and weights, so central differences of any width are exact.
  @Test(arguments: cases)
  func gradientsAreFiniteDifferences(_ it: ConvolutionReference) {
    func random(_ count: Int, _ use: Int) -> [Double] {
      let stream = CounterRandom(seed: 3, purpose: .testing, use)
      return (0..<count).map { stream.normal($0) }
    }
    let (x, w) = (random(it.inputCount, 1), random(it.weightCount, 2))
    let dy = random(it.outputCount, 3)
    func sum(_ x: [Double], _ w: [Double]) -> Double {
      zip(it.forward(x, weights: w), dy).reduce(0) { $0 + $1.0 * $1.1 }
    }
    func differences(_ values: [Double], _ of: ([Double]) -> Double) -> [Double] {
      values.indices.map { i in
        var (up, down) = (values, values)
        up[i] += 0.5
        down[i] -= 0.5
        return of(up) - of(down)
      }
    }
    for (a, b) in zip(it.backwardInput(dy, weights: w), differences(x) { sum($0, w) }) {
      #expect(abs(a - b) < 1e-10)
    }
    for (a, b) in zip(it.backwardWeights(dy, input: x), differences(w) { sum(x, $0) }) {
      #expect(abs(a - b) < 1e-10)
    }
  }

  /// A 2x2 kernel over a 2x2 image of one channel, by hand; logical weights are [K, C, R, S].
  @Test func forwardIsCrossCorrelation() {
    let it = ConvolutionReference(
      rows: 1, height: 2, width: 2, inputChannels: 1, outputChannels: 2, kernelHeight: 2,
      kernelWidth: 2, stride: 1, paddingHeight: 0, paddingWidth: 1)
    let y = it.forward([1, 2, 3, 4], weights: [1, 10, 100, 1000, 1, 0, 0, 0])
    // Columns -1..0, 0..1, 1..2 of the image; outputs are channels last.
    #expect(y == [3010, 0, 4321, 1, 402, 2])
  }
}
