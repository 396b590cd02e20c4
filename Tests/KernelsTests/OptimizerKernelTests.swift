import Foundation
import Kernels
import Testing

@Suite struct OptimizerKernelTests {
  @Test func adamWDividesByRootsWithinOneUnitInTheLastPlace() {
    var values: [Float] = [
      0, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 0x1p-100, 1, 4,
      9, 16, 0x1p-126,
    ]
    for exponent in stride(from: Float(-44), through: 38, by: 0.5) {
      for i in 0..<200 {
        values.append(Float(pow(10.0, Double(exponent)) * (1 + 2.2 * Double(i) / 200)))
      }
    }
    values = values.filter(\.isFinite)
    // w = 0 - 1 / sqrt(v): a root within one unit in the last place, and a division.
    let zeros = [Float](repeating: 0, count: values.count)
    func steps(_ values: [Float]) -> [Float] {
      var steps = [Float](repeating: 0, count: values.count)
      var means = [Float](repeating: 1, count: values.count)
      var squares = values
      OptimizerKernel.adamW(
        &steps, along: zeros, means: &means, squares: &squares, count: values.count,
        factors: .init(
          keep: 1, rate: 1, beta1: 1, beta2: 1, correction2: 1, epsilon: 0, scale: 1))
      return steps
    }
    let all = steps(values)
    for (value, step) in zip(values, all) where value > 0 {
      let exact = 1 / Double(value).squareRoot()
      #expect(abs(-Double(step) - exact) <= 2 * Double(Float(exact).ulp), "root of \(value)")
    }
    #expect(values.count > 30_000 && Array(all[5..<9]) == [-1, -0.5, -1 / 3, -0.25])
    #expect(all[0] == -.infinity)
    let odd = steps([.infinity, .nan])
    #expect(odd[0] == 0 && odd[1].isNaN)
  }

  /// Dyadic numbers, so that each formula is exact, and a fence behind the last element.
  @Test(arguments: [1, 7, 8, 9, 20])
  func momentumFollowsItsFormula(count: Int) {
    for nesterov in [false, true] {
      var w = [Float](repeating: 2, count: count) + [77]
      var v = [Float](repeating: 0.5, count: count) + [78]
      let g = [Float](repeating: 4, count: count) + [79]
      OptimizerKernel.momentum(
        &w, along: g, velocity: &v, count: count, rate: 0.25, momentum: 0.5, nesterov: nesterov,
        decay: 0.125, scale: 0.5, factor: 2)
      // g = 2 (0.5 * 4 + 0.125 * 2) = 4.5; v = 0.25 + 4.5 = 4.75; nesterov 4.5 + 2.375
      #expect(v[..<count].allSatisfy { $0 == 4.75 })
      let expected: Float = nesterov ? 2 - 0.25 * 6.875 : 2 - 0.25 * 4.75
      #expect(w[..<count].allSatisfy { $0 == expected })
      #expect(w[count] == 77 && v[count] == 78)
    }
  }

  @Test(arguments: [1, 7, 8, 9, 20])
  func adaptiveStepsFollowTheirFormulas(count: Int) {
    let g = [Float](repeating: 4, count: count) + [79]
    var w = [Float](repeating: 2, count: count) + [77]
    var s = [Float](repeating: 7, count: count) + [78]
    // g = 0.5 * 4 + 0.5 * 2 = 3; s = 16; w = 2 - 0.5 * 3 / (4 + 2)
    OptimizerKernel.adaGrad(
      &w, along: g, squares: &s, count: count, rate: 0.5, epsilon: 2, decay: 0.5, scale: 0.5)
    #expect(s[..<count].allSatisfy { $0 == 16 } && w[..<count].allSatisfy { $0 == 1.75 })
    #expect(w[count] == 77 && s[count] == 78)

    w = [Float](repeating: 2, count: count) + [77]
    var m = [Float](repeating: 1, count: count) + [76]
    s = [Float](repeating: 14, count: count) + [78]
    // g = 2; m = 1 + 0.5 (2 - 1) = 1.5; v = 0.5 * 14 + 0.5 * 4 = 9; sqrt(9 / 0.25) = 6
    OptimizerKernel.adamW(
      &w, along: g, means: &m, squares: &s, count: count,
      factors: .init(
        keep: 0.5, rate: 4, beta1: 0.5, beta2: 0.5, correction2: 0.25, epsilon: 6, scale: 0.5))
    #expect(m[..<count].allSatisfy { $0 == 1.5 } && s[..<count].allSatisfy { $0 == 9 })
    #expect(w[..<count].allSatisfy { $0 == 0.5 })
    #expect(w[count] == 77 && s[count] == 78 && m[count] == 76)
  }
}
