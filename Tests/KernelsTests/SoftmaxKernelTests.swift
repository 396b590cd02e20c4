import Foundation
import Kernels
import Testing
import TestSupport

@Suite struct SoftmaxKernelTests {
  private func exponentials(_ values: [Float]) -> [Float] {
    var result = [Float](repeating: .nan, count: values.count + 1)
    result[values.count] = 12345
    SoftmaxKernel.exponential(of: values, count: values.count, into: &result)
    #expect(result.removeLast() == 12345, "writes past the end")
    return result
  }

  @Test func exponentialIsWithinTwoInTenMillion() {
    var values: [Float] = []
    // Dense over the whole domain, and every float spacing near 0.
    for i in 0...400_000 { values.append(-87.3 + 175.3 * Float(i) / 400_000) }
    for i in 0..<2_000 { values += [Float(i) * 1e-7, -Float(i) * 1e-7] }
    values = values.map { min($0, 88) }
    let worst = zip(values, exponentials(values)).map { x, y in
      abs(Double(y) / exp(Double(x)) - 1)
    }.max()!
    #expect(worst < 2e-7)
    #expect(worst > 0)
  }

  @Test func exponentialAtTheEdges() {
    let values: [Float] = [0, -.infinity, .infinity, .nan, -88, -1e30, 89, 1e30, -0.0]
    let result = exponentials(values)
    #expect(result[0] == 1 && result[8] == 1)
    #expect(result[1] == 0 && result[4] == 0 && result[5] == 0)
    #expect(result[2] == .infinity && result[6] == .infinity && result[7] == .infinity)
    #expect(result[3].isNaN)
  }

  @Test(arguments: [1, 2, 7, 8, 9, 16, 100, 129, 1000, 5749])
  func rowsOfEveryLength(count: Int) {
    let row = (0..<count).map { Float(sin(Double($0) * 1.7)) }
    for place in [0, count / 2, count - 1] {
      var peaked = row
      peaked[place] = 2
      #expect(SoftmaxKernel.maximum(of: peaked, count: count) == 2)
    }
    let greatest = SoftmaxKernel.maximum(of: row, count: count)
    #expect(greatest == row.max()!)
    var result = [Float](repeating: .nan, count: count)
    let sum = SoftmaxKernel.exponentials(
      of: row, count: count, scale: 20, minus: greatest, into: &result)
    let expected = row.map { exp(20 * (Double($0) - Double(greatest))) }
    #expect(abs(sum / expected.reduce(0, +) - 1) < 1e-6)
    for (value, exact) in zip(result, expected) {
      // The argument is rounded twice, the exponential is good to 2e-7.
      let tolerance = 2e-7 + 1.3e-7 * abs(log(exact))
      #expect(abs(Double(value) - exact) < tolerance * exact)
    }

    let norms = (0..<count).map { 1 + Float($0 % 5) }
    var projections = [Float](repeating: 0.5, count: count)
    SoftmaxKernel.gradients(
      from: &result, cosines: row, inverseNorms: norms, count: count, factor: 3,
      addingTo: &projections)
    for j in 0..<count {
      let g = 3 * expected[j]
      #expect(abs(Double(projections[j]) - 0.5 - g * Double(row[j])) < 1e-5 * max(1, g))
      #expect(abs(Double(result[j]) - g * Double(norms[j])) < 6e-6 * g * Double(norms[j]))
    }
  }

  /// 0.4 ns an element in vectors, 8 ns when a comparison falls back to a loop over lanes; of this
  /// thread, in the best of many runs.
  @Test func exponentialsRunInVectors() {
    let row = (0..<8_192).map { Float($0 % 50) }
    var result = row
    let seconds = (0..<30).map { _ in
      ProcessorTime.measure {
        _ = SoftmaxKernel.exponentials(of: row, count: 8_192, scale: 1, minus: 49, into: &result)
      }
    }
    #expect(seconds.min()! / 8_192 < 4e-9)
  }
}
