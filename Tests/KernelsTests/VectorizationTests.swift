import Kernels
import Testing
import TestSupport

/// Guards against a build without the instruction set, or a SIMD expression that compiles lane by
/// lane: both are 10 to 40 times slower, so the limit (10 times the usual time) is no fine measure.
/// The time is this thread's own, in the best of many runs: what others use does not count.
@Suite(.serialized) struct VectorizationTests {
  /// Nanoseconds an element in the best of many runs.
  func bestTime(elements: Int, _ body: () -> Void) -> Double {
    let best = (0..<50).map { _ in ProcessorTime.measure(body) }.min()!
    return 1e9 * best / Double(elements)
  }

  @Test func batchNormBackwardIsVectorized() {
    let fixture = NormFixture(
      NormCase(pixels: 256, channels: 64, activation: .prelu, hasResidual: false))
    let dy = FencedFloats(fixture.outputGradient)
    let dx = FencedFloats(unwritten: fixture.count)
    let small = (0..<3).map { _ in FencedFloats(unwritten: 64) }
    var scratch = normScratch(64)
    let time = bestTime(elements: fixture.count) {
      BatchNormKernel.backward(
        dy.constant, input: fixture.input.constant, pixels: 256, channels: 64,
        coefficients: fixture.coefficients, into: dx.pointer, scaleGradient: small[0].pointer,
        offsetGradient: small[1].pointer, slopeGradient: small[2].pointer, scratch: &scratch)
    }
    #expect(time < 4)
  }

  @Test func poolingDropoutAndExactSumsAreVectorized() {
    let shape = PoolingShape(
      batch: 1, height: 16, width: 16, channels: 64, window: 3, stride: 2, padding: 1)
    let input = FencedFloats(TestNumbers.normal(shape.inputCount, seed: 1))
    let output = FencedFloats(unwritten: shape.inputCount)
    var winners = Array(repeating: UInt8(0), count: shape.outputCount)
    let pooling = bestTime(elements: shape.inputCount) {
      PoolingKernel.max(input.constant, shape: shape, into: output.pointer, winners: &winners)
    }
    #expect(pooling < 5)
    let dropout = bestTime(elements: shape.inputCount) {
      DropoutKernel.forward(
        input.constant, rows: 1, features: shape.inputCount, keys: [3], rate: 0.4,
        into: output.pointer)
    }
    #expect(dropout < 5)
    var sums = Array(repeating: 0.0, count: shape.inputCount)
    let summation = bestTime(elements: shape.inputCount) {
      _ = GridKernel.accumulate(
        input.constant, count: shape.inputCount, grid: SummationGrid(exponent: -30),
        addingTo: &sums)
    }
    #expect(summation < 3)
  }
}
