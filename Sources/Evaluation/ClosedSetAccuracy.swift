internal import Preconditions

/// The accuracy of a classifier over the people it was trained on.
package struct ClosedSetAccuracy: Sendable, Equatable {
  /// The share of photos whose class has the largest cosine with the embedding.
  package let cosine: Double
  /// The same with raw inner products, neither side normalised: the figure the AI-X project prints.
  package let dot: Double
  /// Photos that were asked about.
  package let photoCount: Int
  /// Photos of people without a class, which can never be right; they count as wrong.
  package let unknownCount: Int

  /// Scores `embeddings` [count, dimension] with `labels` [count] against `classWeights` [classes,
  /// dimension], or with several `centres` a class [classes, centres, dimension], the nearest of
  /// which counts; ties go to the lower class, as in PyTorch's argmax. A label outside the classes
  /// is a person without one.
  package static func score(
    embeddings: Embeddings, labels: [Int], classWeights: [Float], centres: Int = 1
  ) -> ClosedSetAccuracy {
    let dimension = embeddings.dimension
    require(
      labels.count == embeddings.count,
      "ClosedSetAccuracy: \(labels.count) labels of \(embeddings.count) embeddings")
    require(
      classWeights.count % (centres * dimension) == 0,
      "ClosedSetAccuracy: \(classWeights.count) weights are not classes of \(centres) times "
        + "\(dimension)")
    let classCount = classWeights.count / (centres * dimension)
    let scales = Embeddings(classWeights, dimension: dimension).norms.map {
      $0 > 0 ? Float(1 / $0) : 0
    }
    var rightByDot = 0
    var rightByCosine = 0
    Similarity.forEachRow(
      embeddings.values, against: classWeights, dimension: dimension, isRepeatable: true
    ) { row, products in
      guard embeddings.norms[row].isFinite else { return }
      var byDot = 0
      var byCosine = 0
      var largestCosine = products[0] * scales[0]
      for candidate in 1..<max(1, products.count) {
        if products[candidate] > products[byDot] { byDot = candidate }
        let cosine = products[candidate] * scales[candidate]
        if cosine > largestCosine {
          largestCosine = cosine
          byCosine = candidate
        }
      }
      if byDot / centres == labels[row] { rightByDot += 1 }
      if byCosine / centres == labels[row] { rightByCosine += 1 }
    }
    let count = max(1, labels.count)
    return ClosedSetAccuracy(
      cosine: Double(rightByCosine) / Double(count), dot: Double(rightByDot) / Double(count),
      photoCount: labels.count,
      unknownCount: labels.reduce(0) { $0 + ((0..<classCount).contains($1) ? 0 : 1) })
  }
}
