import Kernels
import TestSupport
import Testing

@Suite struct ElementwiseKernelTests {
  @Test(arguments: NormCase.shapes)
  func addWithStatistics(pixels: Int, channels: Int) {
    let count = pixels * channels
    let a = FencedFloats(TestNumbers.normal(count, seed: 1))
    let b = FencedFloats(TestNumbers.normal(count, seed: 2))
    let expected = zip(a.values, b.values).map { $0 + $1 }
    var sums = Array(repeating: Double.nan, count: 2 * channels)
    ElementwiseKernel.add(
      a.constant, b.constant, pixels: pixels, channels: channels, into: a.pointer,
      outputSums: &sums)
    #expect(a.values == expected)
    let reference = referenceSums(doubles(expected), channels: channels)
    #expect(worstError(sums.map { Float($0) }, reference) < 2e-6)
    #expect(a.fencesStand)
  }

  @Test(arguments: [1, 7, 8, 9, 100, 1027])
  func blocks(count: Int) {
    let a = FencedFloats(TestNumbers.normal(count, seed: 1))
    let b = FencedFloats(TestNumbers.normal(count, seed: 2))
    let (x, y) = (a.values, b.values)
    ElementwiseKernel.add(a.constant, count: count, addingTo: b.pointer)
    #expect(b.values == zip(x, y).map { $0 + $1 })
    ElementwiseKernel.copy(y, count: count, into: b.pointer)
    #expect(b.values == y)
    ElementwiseKernel.add(a.constant, times: 0.3, count: count, addingTo: b.pointer)
    #expect(b.values == zip(x, y).map { $1.addingProduct($0, 0.3) })
    ElementwiseKernel.scale(a.constant, by: -1.7, count: count, into: a.pointer)
    #expect(a.values == x.map { $0 * -1.7 })
    ElementwiseKernel.zero(a.pointer, count: count)
    #expect(a.values.allSatisfy { $0 == 0 })
    #expect(a.fencesStand && b.fencesStand)
  }
}
