/// Several centres a class in Double, as the definition reads: for each sample the nearest centre
/// of every class is looked for, and the loss is that of a head which has these centres and no
/// others.
extension MarginSoftmaxReference {
  /// `embeddings` [rows, width], `weights` [classes, centres, width].
  package func run(
    _ embeddings: [Double], labels: [Int], weights: [Double], classes: Int, centres: Int, width: Int
  ) -> Result {
    var result = Result()
    result.weights = [Double](repeating: 0, count: weights.count)
    for (row, label) in labels.enumerated() {
      let x = Array(embeddings[row * width..<(row + 1) * width])
      let chosen = (0..<classes).map { own in
        let rows = own * centres..<(own + 1) * centres
        let cosines = rows.map { cosine(x, Array(weights[$0 * width..<($0 + 1) * width])) }
        return rows.lowerBound + cosines.firstIndex(of: cosines.max()!)!
      }
      let sample = run(
        x, labels: [label], weights: chosen.flatMap { weights[$0 * width..<($0 + 1) * width] },
        classes: classes, width: width)
      result.loss += sample.loss
      result.correctCount += sample.correctCount
      result.targetCosineSum += sample.targetCosineSum
      result.embeddings += sample.embeddings
      for (own, centre) in chosen.enumerated() {
        for k in 0..<width {
          result.weights[centre * width + k] += sample.weights[own * width + k]
        }
      }
    }
    return result
  }

  private func cosine(_ a: [Double], _ b: [Double]) -> Double {
    func product(_ x: [Double], _ y: [Double]) -> Double {
      zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
    }
    return product(a, b) / (product(a, a) * product(b, b)).squareRoot()
  }
}
