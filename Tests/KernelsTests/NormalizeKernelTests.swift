import Determinism
import Foundation
import Kernels
import Testing

@Suite struct NormalizeKernelTests {
  private func normals(_ count: Int, seed: UInt64) -> [Float] {
    let random = CounterRandom(seed: seed, purpose: .testing)
    return (0..<count).map { Float(random.normal($0)) }
  }

  private func norm(_ values: ArraySlice<Float>) -> Double {
    values.map { Double($0) * Double($0) }.reduce(0, +).squareRoot()
  }

  @Test(arguments: [1, 2, 3, 7, 8, 9, 31, 32, 33, 40, 64, 511, 512])
  func rowsBecomeUnitVectors(width: Int) {
    let rows = 3
    let matrix = normals(rows * width, seed: 1)
    var inverse = [Float](repeating: .nan, count: rows)
    var units = [Float](repeating: .nan, count: rows * width)
    NormalizeKernel.inverseNorms(of: matrix, rows: rows, width: width, into: &inverse)
    NormalizeKernel.scaleRows(of: matrix, by: inverse, rows: rows, width: width, into: &units)
    for row in 0..<rows {
      let range = (row * width)..<((row + 1) * width)
      #expect(abs(norm(matrix[range]) * Double(inverse[row]) - 1) < 5e-7)
      #expect(abs(norm(units[range]) - 1) < 5e-7)
    }
    // The adjoint: orthogonal to the row, and (g - (g.u) u) / ||x|| in Double.
    var gradients = normals(rows * width, seed: 2)
    let before = gradients
    NormalizeKernel.backward(
      &gradients, at: units, inverseNorms: inverse, rows: rows, width: width)
    for row in 0..<rows {
      let range = (row * width)..<((row + 1) * width)
      let length = norm(matrix[range])
      let along = range.map { Double(before[$0]) * Double(matrix[$0]) / length }.reduce(0, +)
      for k in range {
        let exact = (Double(before[k]) - along * Double(matrix[k]) / length) / length
        #expect(abs(Double(gradients[k]) - exact) < 3e-6 * (1 + abs(along)) / length)
      }
    }
    let a = Array(matrix[0..<width])
    let b = Array(matrix[(2 * width)...])
    let products: [Double] = zip(a, b).map { Double($0) * Double($1) }
    let exact = products.reduce(0, +) / norm(a[...]) / norm(b[...])
    #expect(abs(NormalizeKernel.cosine(a, b, count: width) - exact) < 1e-14)
  }

  @Test func rowsTooShortKeepAConstantScale() {
    let matrix: [Float] = [0, 0, 0, 1e-14, 0, 0]
    var inverse: [Float] = [0, 0]
    NormalizeKernel.inverseNorms(of: matrix, rows: 2, width: 3, into: &inverse)
    #expect(inverse == [1e12, 1e12])
    var gradients: [Float] = [1, 2, 3, 4, 5, 6]
    NormalizeKernel.backward(
      &gradients, at: [0, 0, 0, 0.01, 0, 0], inverseNorms: inverse, rows: 2, width: 3)
    #expect(gradients == [1e12, 2e12, 3e12, 4e12, 5e12, 6e12])
  }

  @Test(arguments: [1, 7, 8, 13, 24])
  func columnsAndProjections(width: Int) {
    let rows = 3
    let matrix = normals(rows * width, seed: 3)
    let factors = normals(width, seed: 4)
    var scaled = matrix
    NormalizeKernel.scaleColumns(of: &scaled, by: factors, rows: rows, width: width)
    var shifted = matrix
    NormalizeKernel.addColumns(factors, rows: rows, width: width, addingTo: &shifted)
    var sums = [Float](repeating: .nan, count: width)
    NormalizeKernel.sumColumns(of: matrix, rows: rows, width: width, into: &sums)
    for j in 0..<width {
      for row in 0..<rows {
        #expect(scaled[row * width + j] == matrix[row * width + j] * factors[j])
        #expect(shifted[row * width + j] == matrix[row * width + j] + factors[j])
      }
      #expect(sums[j] == matrix[j] + matrix[width + j] + matrix[2 * width + j])
    }
    var gradients = matrix
    let weights = normals(rows * width, seed: 5)
    let inverse: [Float] = [0.5, 2, 1e12]
    NormalizeKernel.removeProjections(
      [3, -1, 7], inverseNorms: inverse, along: weights, rows: rows, width: width,
      from: &gradients)
    for k in 0..<width {
      #expect(gradients[k] == matrix[k].addingProduct(weights[k], -0.75))
      #expect(gradients[width + k] == matrix[width + k].addingProduct(weights[width + k], 4))
      #expect(gradients[2 * width + k] == matrix[2 * width + k])
    }
  }
}
