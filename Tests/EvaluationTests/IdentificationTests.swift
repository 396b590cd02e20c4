import Determinism
import Evaluation
import Testing

@Suite struct IdentificationTests {
  /// Enough rows for several blocks of the product, and a dimension no vector width divides.
  private func example(count: Int, dimension: Int, seed: UInt64) -> Embeddings {
    let random = CounterRandom(seed: seed, purpose: .testing)
    return Embeddings(
      (0..<count * dimension).map { Float(random.normal($0)) }, dimension: dimension)
  }

  private func cosine(_ a: Embeddings, _ i: Int, _ b: Embeddings, _ j: Int) -> Double {
    (0..<a.dimension).reduce(0.0) { sum, k in
      sum + Double(a.values[i * a.dimension + k]) * Double(b.values[j * a.dimension + k])
    } / a.norms[i] / b.norms[j]
  }

  @Test func leaveOneOutEqualsThePlainSearch() {
    let embeddings = example(count: 300, dimension: 13, seed: 3)
    let labels = (0..<300).map { $0 % 40 == 39 ? 1000 + $0 : $0 % 7 }
    let probes = labels.indices.filter { labels[$0] < 1000 }
    let right = probes.filter { probe in
      let best = labels.indices.filter { $0 != probe }.max {
        cosine(embeddings, probe, embeddings, $0) < cosine(embeddings, probe, embeddings, $1)
      }
      return best.map { labels[$0] } == labels[probe]
    }
    let found = Identification(embeddings, labels: labels, gallery: .allOthers)
    #expect(found.probeCount == probes.count)
    #expect(abs(found.rank1 - Double(right.count) / Double(probes.count)) < 1e-12)
    #expect(found.rank1 > 0)
  }

  @Test func peopleWithOnePhotoAreDistractors() {
    let embeddings = Embeddings([1, 0, 0.9, 0.1, 0.95, 0.05, 0, 1, 0.1, 0.9], dimension: 2)
    // Photo 2 stands between photos 0 and 1 and is of somebody else.
    let found = Identification(embeddings, labels: [7, 7, 8, 9, 9], gallery: .firstPhoto)
    #expect(found.probeCount == 2)
    #expect(found.gallerySize == 3)
    #expect(found.rank1 == 0.5)
  }

  @Test func nobodyToIdentify() {
    let found = Identification(
      Embeddings([1, 0, 0, 1], dimension: 2), labels: [1, 2], gallery: .firstPhoto)
    #expect(found.probeCount == 0)
    #expect(found.rank1 == 0)
  }

  @Test func closedSetEqualsThePlainArgmax() {
    let embeddings = example(count: 280, dimension: 11, seed: 4)
    let weights = example(count: 131, dimension: 11, seed: 5)
    let scaled = weights.values.enumerated().map { $1 * Float(1 + $0 / 11 % 5) }
    let classes = Embeddings(scaled, dimension: 11)
    var labels: [Int] = []
    var expectedDot = 0
    var expectedCosine = 0
    for photo in 0..<280 {
      let cosines = (0..<131).map { cosine(embeddings, photo, classes, $0) }
      let dots = (0..<131).map { cosines[$0] * classes.norms[$0] }
      let byCosine = cosines.indices.max { cosines[$0] < cosines[$1] } ?? -1
      let byDot = dots.indices.max { dots[$0] < dots[$1] } ?? -1
      labels.append([byCosine, byDot, 131 + photo, -1][photo % 4])
      if labels[photo] == byCosine { expectedCosine += 1 }
      if labels[photo] == byDot { expectedDot += 1 }
    }
    let found = ClosedSetAccuracy.score(
      embeddings: embeddings, labels: labels, classWeights: scaled)
    #expect(found.cosine == Double(expectedCosine) / 280)
    #expect(found.dot == Double(expectedDot) / 280)
    #expect(expectedDot != expectedCosine)
    #expect(found.unknownCount == 140)
  }

  @Test func tiesGoToTheLowerClass() {
    let embeddings = Embeddings([1, 1], dimension: 2)
    let weights: [Float] = [0, 0, 1, 0, 0, 1]
    for (label, expected) in [(0, 0.0), (1, 1.0), (2, 0.0)] {
      let found = ClosedSetAccuracy.score(
        embeddings: embeddings, labels: [label], classWeights: weights)
      #expect(found.dot == expected)
      #expect(found.cosine == expected)
    }
  }
}
