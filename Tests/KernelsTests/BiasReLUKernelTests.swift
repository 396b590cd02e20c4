import Kernels
import Testing
import TestSupport

@Suite struct BiasReLUKernelTests {
  static let shapes = [
    [1, 1, 0], [3, 7, 0], [5, 8, 3], [2, 16, 16], [40, 19, 1], [700, 33, 8], [9, 64, 100],
  ]

  @Test(arguments: shapes)
  func matchesTheFormula(numbers: [Int]) {
    let (pixels, channels, gap) = (numbers[0], numbers[1], numbers[2])
    let count = pixels * channels
    let bias = FencedFloats(TestNumbers.normal(channels, seed: 2))
    let input = FencedFloats(TestNumbers.normal(count, seed: 1))
    let output = StridedMap(pixels: pixels, channels: channels, stride: channels + gap)
    BiasReLUKernel.forward(
      input.constant, pixels: pixels, channels: channels, bias: bias.constant,
      into: output.pointer, outputStride: channels + gap)
    let u = zip(input.values, 0...).map { Double($0 + bias.values[$1 % channels]) }
    #expect(worstError(output.values, u.map { max($0, 0) }) < 1e-7)

    let dy = StridedMap(pixels: pixels, channels: channels, stride: channels + gap)
    let gradient = TestNumbers.normal(count, seed: 3)
    dy.fill(gradient)
    let du = zip(gradient, u).map { $1 > 0 ? Double($0) : 0 }
    var dBias = Array(repeating: 0.0, count: channels)
    for (i, value) in du.enumerated() { dBias[i % channels] += value }
    let dx = FencedFloats(unwritten: count)
    let biasGradient = FencedFloats(unwritten: channels)
    var scratch = Array(
      repeating: Double.nan, count: BiasReLUKernel.backwardScratchCount(channels: channels))
    for adding in [false, true] {
      BiasReLUKernel.backward(
        dy.pointer, output: output.pointer, outputStride: channels + gap, pixels: pixels,
        channels: channels, into: dx.pointer, addingToInput: adding,
        biasGradient: biasGradient.pointer, scratch: &scratch)
      #expect(worstError(dx.values, du.map { adding ? 2 * $0 : $0 }) < 1e-6)
      #expect(worstError(biasGradient.values, dBias) < 1e-5)
    }
    #expect(output.gapsStand && dy.gapsStand && dx.fencesStand && biasGradient.fencesStand)
  }

  @Test func worksInPlace() {
    let map = FencedFloats([-1, 0, 2, 5, 7, -3])
    BiasReLUKernel.forward(
      map.constant, pixels: 2, channels: 3, bias: [1, -1, -2.5], into: map.pointer,
      outputStride: 3)
    #expect(map.values == [0, 0, 0, 6, 6, 0])
    let dy = FencedFloats([1, 2, 3, 4, 5, 6])
    var biasGradient: [Float] = [9, 9, 9]
    var scratch = Array(
      repeating: Double.nan, count: BiasReLUKernel.backwardScratchCount(channels: 3))
    BiasReLUKernel.backward(
      dy.constant, output: map.constant, outputStride: 3, pixels: 2, channels: 3,
      into: dy.pointer, biasGradient: &biasGradient, scratch: &scratch)
    #expect(dy.values == [0, 0, 0, 4, 5, 0])
    #expect(biasGradient == [4, 5, 0])
  }

  /// A broken activation must reach the gradient check.
  @Test func nanStaysOne() {
    let map = FencedFloats([.nan, 1])
    BiasReLUKernel.forward(
      map.constant, pixels: 1, channels: 2, bias: [0, 0], into: map.pointer, outputStride: 2)
    #expect(map.values[0].isNaN && map.values[1] == 1)
  }
}
