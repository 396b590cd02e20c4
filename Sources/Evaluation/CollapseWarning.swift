/// What is said of embeddings that have fallen together.
package enum CollapseWarning {
  /// Below this mean squared distance embeddings count as collapsed (spread ones have about 2).
  package static let distance = 0.01

  /// The sentence on embeddings of `photoCount` photos whose mean squared distance is
  /// `meanPairwiseDistance`; nil where they are spread.
  package static func text(meanPairwiseDistance: Double, photoCount: Int) -> String? {
    guard photoCount > 1, meanPairwiseDistance < distance else { return nil }
    return "the embeddings have collapsed: their mean squared distance is "
      + "\(Figure.text(meanPairwiseDistance, digits: 6)), spread ones have about 2"
  }

  /// The same of `embeddings`.
  package static func text(_ embeddings: Embeddings) -> String? {
    text(meanPairwiseDistance: embeddings.meanPairwiseDistance, photoCount: embeddings.count)
  }
}
