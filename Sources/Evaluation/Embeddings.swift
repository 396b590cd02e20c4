internal import Preconditions

/// Embeddings of photos as a network gave them, one row a photo [count, dimension].
package struct Embeddings: Sendable {
  /// [count, dimension].
  package let values: [Float]
  /// Numbers of an embedding.
  package let dimension: Int
  /// Embeddings.
  package let count: Int
  /// The L2 norm of each row [count], in double precision.
  package let norms: [Double]

  /// Rows of `dimension` floats; traps if `values` does not hold a whole number of them.
  package init(_ values: [Float], dimension: Int) {
    require(
      dimension > 0 && values.count % dimension == 0,
      "Embeddings: \(values.count) values are not rows of \(dimension)")
    self.values = values
    self.dimension = dimension
    let count = values.count / dimension
    self.count = count
    norms = values.withUnsafeBufferPointer { all in
      (0..<count).map { row in
        var sum = 0.0
        for i in row * dimension..<(row + 1) * dimension {
          sum += Double(all[i]) * Double(all[i])
        }
        return sum.squareRoot()
      }
    }
  }

  /// The rows that hold a NaN or an infinity: such a photo equals nobody.
  package var nonFiniteCount: Int { norms.reduce(0) { $0 + ($1.isFinite ? 0 : 1) } }

  /// Whether `row` can be compared: neither zeros nor a NaN or an infinity.
  package func hasDirection(_ row: Int) -> Bool { norms[row].isFinite && norms[row] > 0 }

  /// The mean L2 norm of the finite rows before normalisation (insightface's XNorm).
  package var meanNorm: Double {
    let finite = norms.filter(\.isFinite)
    return finite.isEmpty ? 0 : finite.reduce(0, +) / Double(finite.count)
  }

  /// The squared L2 distance of rows `first` and `second` after L2 normalisation, in 0...4.
  ///
  /// A row of zeros stays zero (as scikit-learn's normalize does); infinity for a non-finite row.
  package func squaredDistance(_ first: Int, _ second: Int) -> Double {
    squaredDistance(first, to: second, of: self)
  }

  /// The same for row `first` of these and row `second` of `other` [m, dimension].
  package func squaredDistance(_ first: Int, to second: Int, of other: Embeddings) -> Double {
    require(
      (0..<count).contains(first) && (0..<other.count).contains(second)
        && dimension == other.dimension,
      "Embeddings: rows \(first) and \(second) of [\(count), \(dimension)] and "
        + "[\(other.count), \(other.dimension)]")
    guard norms[first].isFinite && other.norms[second].isFinite else { return .infinity }
    let a = first * dimension
    let b = second * dimension
    let firstNorm = norms[first] == 0 ? 1 : norms[first]
    let secondNorm = other.norms[second] == 0 ? 1 : other.norms[second]
    return values.withUnsafeBufferPointer { values in
      other.values.withUnsafeBufferPointer { others in
        var sum = 0.0
        for i in 0..<dimension {
          let difference = Double(values[a + i]) / firstNorm - Double(others[b + i]) / secondNorm
          sum += difference * difference
        }
        return sum
      }
    }
  }

  /// The distance of every pair of `pairs`, in order.
  package func squaredDistances(of pairs: VerificationPairs) -> [Double] {
    pairs.pairs.map { squaredDistance($0.first, $0.second) }
  }

  /// The mean squared distance over all pairs of different finite rows after normalisation: near 2
  /// for embeddings spread over the sphere, near 0 for collapsed ones; zero for fewer than two
  /// rows.
  ///
  /// In closed form, 2 n / (n - 1) (mean |x|^2 - |mean x|^2), so that it costs one pass.
  package var meanPairwiseDistance: Double {
    var sum = [Double](repeating: 0, count: dimension)
    var rowCount = 0.0
    var squares = 0.0
    for row in 0..<count where norms[row].isFinite {
      rowCount += 1
      guard norms[row] > 0 else { continue }
      squares += 1
      for i in 0..<dimension { sum[i] += Double(values[row * dimension + i]) / norms[row] }
    }
    guard rowCount > 1 else { return 0 }
    let squaredMean = sum.reduce(0) { $0 + ($1 / rowCount) * ($1 / rowCount) }
    return 2 * rowCount / (rowCount - 1) * max(0, squares / rowCount - squaredMean)
  }

  /// The rows divided by their norms [count, dimension]; rows of zeros and non-finite rows are
  /// zero.
  package func normalized() -> [Float] {
    var result = [Float](repeating: 0, count: values.count)
    for row in 0..<count where norms[row] > 0 && norms[row].isFinite {
      for i in row * dimension..<(row + 1) * dimension {
        result[i] = Float(Double(values[i]) / norms[row])
      }
    }
    return result
  }
}

extension Embeddings {
  /// The mean direction [dimension] of those `rows` that have one, of length 1; 0 where there is
  /// none. Sums are in Double, in the order of the rows.
  package func centre(of rows: [Int]) -> [Float] {
    var sum = [Double](repeating: 0, count: dimension)
    for row in rows where hasDirection(row) {
      for i in 0..<dimension { sum[i] += Double(values[row * dimension + i]) / norms[row] }
    }
    let norm = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return sum.map { norm > 0 ? Float($0 / norm) : 0 }
  }
}
