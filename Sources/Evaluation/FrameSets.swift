internal import Preconditions

/// Several frames of one face, of which only sums are kept.
package struct FrameSet: Sendable {
  /// The sum of the normalised embeddings [dimension].
  private let sum: [Double]
  /// The sum of their squared norms: the number of those that are not zero.
  private let squares: Double
  /// The finite frames.
  package let frameCount: Int

  /// Of rows `rows` of `embeddings`; non-finite ones do not count.
  package init(_ embeddings: Embeddings, rows: some Sequence<Int>) {
    let dimension = embeddings.dimension
    var sum = [Double](repeating: 0, count: dimension)
    var squares = 0.0
    var frameCount = 0
    for row in rows where embeddings.norms[row].isFinite {
      frameCount += 1
      let norm = embeddings.norms[row]
      guard norm > 0 else { continue }
      squares += 1
      for i in 0..<dimension { sum[i] += Double(embeddings.values[row * dimension + i]) / norm }
    }
    self.sum = sum
    self.squares = squares
    self.frameCount = frameCount
  }

  /// The mean squared distance over all pairs of a frame of this and a frame of `other` (FaceNet,
  /// section 5.7): the mean of |a|^2 + |b|^2 - 2 ab, which needs the sums alone. Infinity where one
  /// has no frames.
  package func meanSquaredDistance(to other: FrameSet) -> Double {
    require(
      sum.count == other.sum.count, "FrameSet: embeddings of \(sum.count) and \(other.sum.count)")
    guard frameCount > 0, other.frameCount > 0 else { return .infinity }
    let (n, m) = (Double(frameCount), Double(other.frameCount))
    let product = zip(sum, other.sum).reduce(0) { $0 + $1.0 * $1.1 }
    return max(0, squares / n + other.squares / m - 2 * product / (n * m))
  }
}
