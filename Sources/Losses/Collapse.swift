private import Kernels

/// Tells whether embeddings have shrunk to one point.
package enum Collapse {
  /// Below this mean squared distance to the mean, unit embeddings count as one point.
  package static let threshold = 1e-6

  /// The mean squared distance of the unit embeddings [rows, dimension] to their mean:
  /// 1 - |mean|^2; 1 where they point everywhere, 0 where they are one.
  ///
  /// `scratch` holds `rows` floats.
  package static func spread(
    _ embeddings: UnsafePointer<Float>, rows: Int, dimension: Int,
    scratch inverseNorms: UnsafeMutablePointer<Float>
  ) -> Double {
    for row in 0..<rows {
      let square = ReductionKernel.sumOfSquares(
        of: embeddings + row * dimension, count: dimension)
      inverseNorms[row] = square > 0 ? Float(1 / square.squareRoot()) : 0
    }
    var meanSquare = 0.0
    for i in 0..<dimension {
      var sum = 0.0
      for row in 0..<rows {
        sum += Double(embeddings[row * dimension + i]) * Double(inverseNorms[row])
      }
      meanSquare += (sum / Double(rows)) * (sum / Double(rows))
    }
    return max(0, 1 - meanSquare)
  }
}
