import Kernels
import Testing
import TestSupport

@Suite struct ReductionKernelTests {
  @Test(arguments: [0, 1, 7, 8, 15, 16, 17, 100, 65_536, 150_001])
  func sumsMatchTheFormula(count: Int) {
    let a = TestNumbers.normal(count, seed: 1)
    let b = TestNumbers.normal(count, seed: 2)
    let squares = a.reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(ReductionKernel.sumOfSquares(of: a, count: count) - squares) <= 1e-12 * squares)
    let product = dotProduct(doubles(a), doubles(b))
    #expect(abs(ReductionKernel.dot(a, b, count: count) - product) <= 1e-9)
  }

  @Test(arguments: [0, 8, 18])
  func nonFiniteValuesShow(position: Int) {
    var values = TestNumbers.normal(19, seed: 1)
    values[position] = -.infinity
    #expect(ReductionKernel.sumOfSquares(of: values, count: 19) == .infinity)
    values[position] = .nan
    #expect(ReductionKernel.sumOfSquares(of: values, count: 19).isNaN)
  }
}
