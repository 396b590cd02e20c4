import Kernels
import TestSupport
import Testing

@Suite struct ReductionKernelTests {
  @Test(arguments: [0, 1, 7, 8, 15, 16, 17, 100, 65_536, 150_001])
  func sumsMatchTheFormula(count: Int) {
    let a = TestNumbers.normal(count, seed: 1)
    let b = TestNumbers.normal(count, seed: 2)
    let squares = a.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(ReductionKernel.sumOfSquares(of: a, count: count) - squares) <= 1e-12 * squares)
    let product = dotProduct(doubles(a), doubles(b))
    #expect(abs(ReductionKernel.dot(a, b, count: count) - product) <= 1e-9)
    #expect(
      ReductionKernel.maxMagnitude(of: a, count: count) == (a.map(\.magnitude).max() ?? 0))
    let size = ReductionKernel.blockCount
    var blocks = Array(repeating: Double.nan, count: (count + size - 1) / size)
    ReductionKernel.sumsOfSquares(of: a, count: count, into: &blocks)
    #expect(abs(blocks.reduce(0, +) - squares) <= 1e-12 * squares)
    for (block, sum) in blocks.enumerated() {
      let part = Array(a[(block * size)..<min(count, (block + 1) * size)])
      #expect(ReductionKernel.sumOfSquares(of: part, count: part.count) == sum)
    }
  }

  @Test(arguments: [0, 8, 18])
  func nonFiniteValuesShow(position: Int) {
    var values = TestNumbers.normal(19, seed: 1)
    values[position] = -.infinity
    #expect(ReductionKernel.maxMagnitude(of: values, count: 19) == .infinity)
    #expect(ReductionKernel.sumOfSquares(of: values, count: 19) == .infinity)
    values[position] = .nan
    #expect(ReductionKernel.maxMagnitude(of: values, count: 19).isNaN)
    #expect(ReductionKernel.sumOfSquares(of: values, count: 19).isNaN)
  }
}
