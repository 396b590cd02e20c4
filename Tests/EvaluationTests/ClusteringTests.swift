import Determinism
import Evaluation
import Testing

@Suite struct ClusteringTests {
  /// Merging written as plainly as it can be said: all means over all members, again and again.
  private func plainLabels(_ embeddings: Embeddings, below threshold: Double) -> [Int] {
    var clusters = (0..<embeddings.count).map { [$0] }
    func mean(_ a: [Int], _ b: [Int]) -> Double {
      var sum = 0.0
      for i in a { for j in b { sum += embeddings.squaredDistance(i, j) } }
      return sum / Double(a.count * b.count)
    }
    while true {
      var best = (distance: threshold, first: -1, second: -1)
      for i in clusters.indices {
        for j in clusters.indices where j > i {
          let distance = mean(clusters[i], clusters[j])
          if distance < best.distance { best = (distance, i, j) }
        }
      }
      guard best.first >= 0 else { break }
      clusters[best.first] += clusters.remove(at: best.second)
    }
    var labels = [Int](repeating: -1, count: embeddings.count)
    let ordered = clusters.sorted { $0.min()! < $1.min()! }
    for (number, members) in ordered.enumerated() { for row in members { labels[row] = number } }
    return labels
  }

  private func people(_ count: Int, dimension: Int, seed: UInt64, noise: Double) -> Embeddings {
    let random = CounterRandom(seed: seed, purpose: .testing)
    let centres = (0..<9 * dimension).map { random.normal($0) }
    let values = (0..<count * dimension).map { i in
      let centre = i / dimension % 9
      return Float(centres[centre * dimension + i % dimension] + noise * random.normal(5000 + i))
    }
    return Embeddings(values, dimension: dimension)
  }

  @Test(arguments: [0.3, 0.8, 1.2, 1.7]) func averageLinkageEqualsThePlainProcedure(
    threshold: Double
  ) {
    for seed in 1...3 as ClosedRange<UInt64> {
      let embeddings = people(40, dimension: 6, seed: seed, noise: 0.6)
      let expected = plainLabels(embeddings, below: threshold)
      // Stopping early and cutting the whole tree are one.
      #expect(
        AverageLinkage(embeddings, below: threshold).labels(below: threshold) == expected)
      #expect(AverageLinkage(embeddings).labels(below: threshold) == expected)
      let count = expected.max()! + 1
      #expect(AverageLinkage(embeddings).labels(clusterCount: count) == expected)
    }
  }

  @Test func blocksOfManyRowsAndHeightsThatRise() {
    let embeddings = people(301, dimension: 12, seed: 8, noise: 0.2)
    let tree = AverageLinkage(embeddings)
    #expect(tree.merges.count == 300)
    #expect(zip(tree.merges, tree.merges.dropFirst()).allSatisfy { $0.height <= $1.height })
    let scores = ClusterScores(
      clusters: tree.labels(clusterCount: 9), people: (0..<301).map { $0 % 9 })
    #expect(scores.pairwise.harmonicMean == 1)
    // The first merge is the nearest pair of all.
    var least = Double.infinity
    for i in 0..<301 { for j in 0..<i { least = min(least, embeddings.squaredDistance(i, j)) } }
    #expect(abs(tree.merges[0].height - least) < 1e-6)
  }

  @Test func tiesGoToTheLowestRows() {
    // Four corners of a square: sides at one distance.
    var distances: [Float] = [1, 2, 1, 1, 2, 1]
    let tree = AverageLinkage(distances: &distances, count: 4)
    #expect(tree.merges.map { [$0.first, $0.second] } == [[0, 1], [2, 3], [0, 2]])
    #expect(tree.merges.map(\.height) == [1, 1, 1.5])
    #expect(tree.labels(below: 1) == [0, 1, 2, 3])
    #expect(tree.labels(below: 1.2) == [0, 0, 1, 1])
  }

  @Test func rowsThatAreNotFiniteStayAlone() {
    let embeddings = Embeddings([1, 0, .nan, 0, 1, 0.1, 0, 0], dimension: 2)
    #expect(AverageLinkage(embeddings).labels(below: 4) == [0, 1, 0, 0])
    #expect(AverageLinkage(embeddings).labels(below: 0.5) == [0, 1, 0, 2])
    let found = KMeans(embeddings, clusterCount: 2, seed: 1)
    #expect(found.labels[0] == found.labels[2])
    #expect(!found.labels.indices.contains { $0 != 1 && found.labels[$0] == found.labels[1] })
  }

  @Test func nothingAndOneRow() {
    #expect(AverageLinkage(Embeddings([], dimension: 3)).labels(below: 1) == [])
    #expect(AverageLinkage(Embeddings([1, 2, 3], dimension: 3)).labels(below: 1) == [0])
    #expect(KMeans(Embeddings([], dimension: 3), clusterCount: 2, seed: 1).labels == [])
    #expect(KMeans(Embeddings([1, 2, 3], dimension: 3), clusterCount: 2, seed: 1).labels == [0])
  }

  @Test func kMeansFindsPeopleThatAreFarApart() {
    let embeddings = people(270, dimension: 16, seed: 4, noise: 0.05)
    let truth = (0..<270).map { $0 % 9 }
    let best = (1...4 as ClosedRange<UInt64>).map {
      KMeans(embeddings, clusterCount: 9, seed: $0)
    }.min { $0.meanSquaredDistance < $1.meanSquaredDistance }!
    #expect(best.labels == truth)
    // Nearest centre and mean of members: the two conditions that Lloyd's iteration ends with.
    let unit = embeddings.normalized()
    var centres = [[Double]](repeating: [Double](repeating: 0, count: 16), count: 9)
    for row in 0..<270 {
      for i in 0..<16 { centres[row % 9][i] += Double(unit[row * 16 + i]) / 30 }
    }
    let mean = (0..<270).reduce(0.0) { sum, row in
      sum + (0..<16).reduce(0) {
        let difference = Double(unit[row * 16 + $1]) - centres[row % 9][$1]
        return $0 + difference * difference
      } / 270
    }
    #expect(abs(best.meanSquaredDistance - mean) < 1e-5)
    #expect(best.iterationCount < KMeans.iterationLimit)
  }

  @Test func kMeansWithAsManyCentresAsRowsSeparatesAll() {
    let embeddings = people(20, dimension: 8, seed: 5, noise: 1)
    let found = KMeans(embeddings, clusterCount: 50, seed: 3)
    #expect(found.labels == Array(0..<20))
    #expect(found.meanSquaredDistance < 1e-6)
  }
}
