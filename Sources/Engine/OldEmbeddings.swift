internal import Preconditions

/// What an older network makes of every training sample, for a new one to become compatible with
/// (Schroff et al. 2015, section 7).
package struct OldEmbeddings: Sendable {
  /// [samples, dimension]; not finite for a photo that could not be read.
  package let values: [Float]
  /// The class of each sample [samples].
  package let labels: [Int32]

  package init(values: [Float], labels: [Int32], dimension: Int) {
    require(
      values.count == labels.count * dimension,
      "OldEmbeddings: \(values.count) floats for \(labels.count) samples of \(dimension)")
    self.values = values
    self.labels = labels
  }
}
