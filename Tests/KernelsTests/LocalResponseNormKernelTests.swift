import Foundation
import Kernels
import TestSupport
import Testing

@Suite struct LocalResponseNormKernelTests {
  /// The formula, one element at a time.
  struct Reference {
    var channels, size: Int
    var alpha, bias: Double

    func forward(_ x: [Double]) -> [Double] {
      x.indices.map { i in
        let c = i % channels
        var sum = 0.0
        for other in max(0, c - size / 2)...min(channels - 1, c + size / 2) {
          sum += x[i - c + other] * x[i - c + other]
        }
        return x[i] / pow(bias + alpha / Double(size) * sum, 0.75)
      }
    }
  }

  // pixels, channels, size
  static let cases = [
    [1, 1, 5], [2, 3, 5], [1, 8, 5], [3, 9, 3], [2, 20, 1], [1, 64, 5], [4, 33, 7], [1, 2, 9],
  ]

  @Test(arguments: cases)
  func matchesTheFormulaAndItsDifferences(numbers: [Int]) {
    let (pixels, channels, size) = (numbers[0], numbers[1], numbers[2])
    let reference = Reference(channels: channels, size: size, alpha: 0.7, bias: 1.5)
    let count = pixels * channels
    let input = FencedFloats(TestNumbers.normal(count, seed: 1, deviation: 2))
    let output = FencedFloats(unwritten: count)
    let scratch = FencedFloats(
      unwritten: LocalResponseNormKernel.scratchCount(channels: channels, size: size))
    LocalResponseNormKernel.forward(
      input.constant, pixels: pixels, channels: channels, size: size, alpha: 0.7, bias: 1.5,
      into: output.pointer, scratch: scratch.pointer)
    #expect(worstError(output.values, reference.forward(doubles(input.values))) < 1e-6)

    let dy = FencedFloats(TestNumbers.normal(count, seed: 2))
    let expected = centralDifferences(at: doubles(input.values)) {
      dotProduct(reference.forward($0), doubles(dy.values))
    }
    let dx = FencedFloats(unwritten: count)
    for adding in [false, true] {
      LocalResponseNormKernel.backward(
        dy.constant, input: input.constant, pixels: pixels, channels: channels, size: size,
        alpha: 0.7, bias: 1.5, into: dx.pointer, addingToInput: adding,
        scratch: scratch.pointer)
      #expect(worstError(dx.values, expected.map { adding ? 2 * $0 : $0 }) < 2e-6)
    }
    #expect(output.fencesStand && dx.fencesStand && scratch.fencesStand)
  }
}
