import Kernels
import Testing
import TestSupport

@Suite struct LocalResponseNormKernelTests {
  // pixels, channels, size
  static let cases = [
    [1, 1, 5], [2, 3, 5], [1, 8, 5], [3, 9, 3], [2, 20, 1], [1, 64, 5], [4, 33, 7], [1, 2, 9],
  ]

  @Test(arguments: cases)
  func matchesTheFormulaAndItsDifferences(numbers: [Int]) {
    let (pixels, channels, size) = (numbers[0], numbers[1], numbers[2])
    let reference = ResponseNormReference(channels: channels, size: size, alpha: 0.7, bias: 1.5)
    let count = pixels * channels
    let input = FencedFloats(TestNumbers.normal(count, seed: 1, deviation: 2))
    let output = FencedFloats(unwritten: count)
    let scratch = FencedFloats(
      unwritten: LocalResponseNormKernel.scratchCount(channels: channels, size: size))
    LocalResponseNormKernel.forward(
      input.constant, pixels: pixels, channels: channels, size: size, alpha: 0.7, bias: 1.5,
      into: output.pointer, scratch: scratch.pointer)
    #expect(worstError(output.values, reference.output(doubles(input.values))) < 1e-6)

    let dy = FencedFloats(TestNumbers.normal(count, seed: 2))
    let expected = centralDifferences(at: doubles(input.values)) {
      dotProduct(reference.output($0), doubles(dy.values))
    }
    let exact = reference.gradient(doubles(dy.values), at: doubles(input.values))
    #expect(zip(exact, expected).allSatisfy { abs($0 - $1) < 1e-6 })
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
