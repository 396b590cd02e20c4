import Kernels
import Testing
import TestSupport

@Suite struct DistanceKernelTests {
  @Test(arguments: [1, 7, 8, 19, 128])
  func distancesAreThoseOfTheFormula(width: Int) {
    let rows = 37
    let matrix = TestNumbers.normal(rows * width, seed: 3)
    let stride = DistanceKernel.stride(width: width)
    #expect(stride % 8 == 0 && stride >= width && stride < width + 8)
    var units = [Double](repeating: .nan, count: rows * stride)
    var inverseNorms = [Double](repeating: .nan, count: rows)
    DistanceKernel.normalize(
      matrix, rows: rows, width: width, into: &units, inverseNorms: &inverseNorms)
    for row in 0..<rows {
      let values = matrix[row * width..<(row + 1) * width].map(Double.init)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(inverseNorms[row] * norm - 1) < 1e-14)
      for i in 0..<stride {
        let expected = i < width ? values[i] / norm : 0
        #expect(abs(units[row * stride + i] - expected) < 1e-14)
      }
    }
    var all = [Double](repeating: .nan, count: rows * rows)
    DistanceKernel.squaredDistances(
      from: units, count: rows, to: units, rows: rows, stride: stride, into: &all)
    for a in 0..<rows {
      for b in 0..<rows {
        let expected = (0..<width).reduce(0.0) {
          let difference = units[a * stride + $1] - units[b * stride + $1]
          return $0 + difference * difference
        }
        #expect(abs(all[a * rows + b] - expected) < 1e-13)
        #expect(all[a * rows + b] == all[b * rows + a])
      }
    }
    // How many are worked on at once does not show.
    for (first, count, others) in [(0, 1, rows), (5, 3, rows), (36, 1, 6)] {
      var some = [Double](repeating: .nan, count: count * others)
      units.withUnsafeBufferPointer {
        DistanceKernel.squaredDistances(
          from: $0.baseAddress! + first * stride, count: count, to: $0.baseAddress!,
          rows: others, stride: stride, into: &some)
      }
      for a in 0..<count {
        let expected = all[(first + a) * rows..<(first + a) * rows + others]
        #expect(Array(expected) == Array(some[a * others..<(a + 1) * others]))
      }
    }
  }

  @Test func countsAreExclusive() {
    let values = (0..<100).map { Double($0 * 37 % 100) / 4 }
    for count in [0, 1, 7, 8, 9, 64, 100] {
      for (low, high) in [(3.0, 11.25), (-Double.infinity, 6), (5, 5), (24.75, .infinity)] {
        let expected = values[..<count].count { $0 > low && $0 < high }
        #expect(
          DistanceKernel.count(of: values, count: count, above: low, below: high) == expected)
      }
    }
  }

  @Test func rowsOfNoLengthStayZero() {
    var units = [Double](repeating: .nan, count: 16)
    var inverseNorms = [Double](repeating: .nan, count: 2)
    DistanceKernel.normalize(
      [0, 0, 0, 0, .infinity, 0], rows: 2, width: 3, into: &units, inverseNorms: &inverseNorms)
    #expect(units[0..<8].allSatisfy { $0 == 0 })
    #expect(inverseNorms[0] == 1e12 && !inverseNorms[1].isFinite)
  }
}
