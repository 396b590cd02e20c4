internal import Determinism
internal import Preconditions

/// How well clusters agree with people.
package struct ClusterScores: Sendable, Equatable {
  /// Precision, recall and their harmonic mean.
  package struct Rates: Sendable, Equatable {
    /// Of what the clusters put together, the share that belongs together.
    package let precision: Double
    /// Of what belongs together, the share that the clusters put together.
    package let recall: Double

    package init(precision: Double, recall: Double) {
      self.precision = precision
      self.recall = recall
    }

    /// F: 2 precision x recall / (precision + recall); 0 where both are.
    package var harmonicMean: Double {
      precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
    }
  }

  /// Over pairs of photos: those that are together in both, of those together in the clusters and
  /// of those of one person. A side without any pair counts as right.
  package let pairwise: Rates
  /// Over photos: the share of a photo's cluster that is of its person, and the share of its person
  /// that is in its cluster, their means (Bagga and Baldwin 1998).
  package let bCubed: Rates
  /// Mutual information over the arithmetic mean of the entropies (scikit-learn's default).
  package let normalizedMutualInformation: Double
  /// Agreement of pairs, corrected for chance (Hubert and Arabie 1985).
  package let adjustedRandIndex: Double
  /// Photos that were clustered.
  package let photoCount: Int
  /// People on them.
  package let personCount: Int
  /// Clusters that were found.
  package let clusterCount: Int

  /// Compares `clusters` [photos] with `people` [photos], the numbers of their clusters and people.
  package init(clusters: [Int], people: [Int]) {
    require(
      clusters.count == people.count && !people.isEmpty,
      "ClusterScores: \(clusters.count) clusters of \(people.count) photos")
    var together: [[Int]: Int] = [:]
    var ofCluster: [Int: Int] = [:]
    var ofPerson: [Int: Int] = [:]
    for (cluster, person) in zip(clusters, people) {
      together[[cluster, person], default: 0] += 1
      ofCluster[cluster, default: 0] += 1
      ofPerson[person, default: 0] += 1
    }
    // In one order, because sums of doubles depend on it.
    let cells = together.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map {
      (both: $0.value, cluster: ofCluster[$0.key[0]]!, person: ofPerson[$0.key[1]]!)
    }
    let clusterSizes = ofCluster.sorted { $0.key < $1.key }.map(\.value)
    let personSizes = ofPerson.sorted { $0.key < $1.key }.map(\.value)
    photoCount = people.count
    personCount = personSizes.count
    clusterCount = clusterSizes.count
    func pairs(_ size: Int) -> Int { size * (size - 1) / 2 }

    let bothPairs = cells.reduce(0) { $0 + pairs($1.both) }
    let clusterPairs = clusterSizes.reduce(0) { $0 + pairs($1) }
    let personPairs = personSizes.reduce(0) { $0 + pairs($1) }
    func share(_ part: Int, of whole: Int) -> Double {
      whole == 0 ? 1 : Double(part) / Double(whole)
    }
    pairwise = Rates(
      precision: share(bothPairs, of: clusterPairs), recall: share(bothPairs, of: personPairs))

    let count = Double(people.count)
    bCubed = Rates(
      precision: cells.reduce(0) { $0 + Double($1.both * $1.both) / Double($1.cluster) } / count,
      recall: cells.reduce(0) { $0 + Double($1.both * $1.both) / Double($1.person) } / count)

    func entropy(_ sizes: [Int]) -> Double {
      sizes.reduce(0) { $0 - Double($1) / count * Elementary.log(Double($1) / count) }
    }
    let information = cells.reduce(0.0) { sum, cell in
      let ratio = Double(cell.both) * count / (Double(cell.cluster) * Double(cell.person))
      return sum + Double(cell.both) / count * Elementary.log(ratio)
    }
    let meanEntropy = (entropy(clusterSizes) + entropy(personSizes)) / 2
    normalizedMutualInformation = meanEntropy > 0 ? max(0, information / meanEntropy) : 1

    let allPairs = Double(pairs(people.count))
    let expected = allPairs > 0 ? Double(clusterPairs) * Double(personPairs) / allPairs : 0
    let most = Double(clusterPairs + personPairs) / 2
    adjustedRandIndex = most > expected ? (Double(bothPairs) - expected) / (most - expected) : 1
  }

  /// The figures as they are printed and stored.
  package var figures: [Figure] {
    [
      Figure("pairwise-F", pairwise.harmonicMean),
      Figure("pairwise-precision", pairwise.precision),
      Figure("pairwise-recall", pairwise.recall),
      Figure("BCubed-F", bCubed.harmonicMean),
      Figure("BCubed-precision", bCubed.precision),
      Figure("BCubed-recall", bCubed.recall),
      Figure("NMI", normalizedMutualInformation),
      Figure("ARI", adjustedRandIndex),
    ]
  }
}
