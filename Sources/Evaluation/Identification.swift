internal import Preconditions

/// Closed-set identification: is the most similar photo of the gallery one of the same person?
package struct Identification: Sendable, Equatable {
  /// Which photos are enrolled.
  package enum Gallery: Sendable {
    /// The first photo of every person, in the order given; the others of people with several are
    /// probes, and people with one photo are distractors.
    case firstPhoto
    /// Every photo but the probe itself; each photo of a person with several is a probe.
    case allOthers
  }

  /// The share of probes whose most similar gallery photo (by cosine, the first of equals) shows
  /// the same person; zero without probes.
  package let rank1: Double
  /// Photos that are looked for.
  package let probeCount: Int
  /// The photos a probe is compared with.
  package let gallerySize: Int
  /// How probes and gallery were chosen, in words.
  package let rule: String

  /// Identifies the photos of `embeddings` [count] that have `labels` [count] against `gallery`.
  package init(_ embeddings: Embeddings, labels: [Int], gallery: Gallery) {
    require(
      labels.count == embeddings.count,
      "Identification: \(labels.count) labels of \(embeddings.count) embeddings")
    var firstPhoto: [Int: Int] = [:]
    var photoCount: [Int: Int] = [:]
    for (photo, label) in labels.enumerated() {
      if firstPhoto[label] == nil { firstPhoto[label] = photo }
      photoCount[label, default: 0] += 1
    }
    let repeated = labels.indices.filter { photoCount[labels[$0]] ?? 0 > 1 }
    let probes: [Int]
    let enrolled: [Int]
    switch gallery {
    case .firstPhoto:
      probes = repeated.filter { firstPhoto[labels[$0]] != $0 }
      enrolled = firstPhoto.values.sorted()
      gallerySize = enrolled.count
      rule = "gallery: the first photo of each person; probes: their other photos"
    case .allOthers:
      probes = repeated
      enrolled = Array(labels.indices)
      gallerySize = max(0, enrolled.count - 1)
      rule = "gallery: all photos but the probe; probes: photos of people with several"
    }
    probeCount = probes.count

    let dimension = embeddings.dimension
    let unit = embeddings.normalized()
    var right = 0
    Similarity.forEachRow(
      Self.gather(probes, from: unit, dimension: dimension),
      against: Self.gather(enrolled, from: unit, dimension: dimension), dimension: dimension,
      isRepeatable: true
    ) { row, cosines in
      let probe = probes[row]
      guard embeddings.norms[probe].isFinite, embeddings.norms[probe] > 0 else { return }
      var best: Int?
      for candidate in cosines.indices where enrolled[candidate] != probe {
        if let current = best, !(cosines[candidate] > cosines[current]) { continue }
        best = candidate
      }
      if let best, labels[enrolled[best]] == labels[probe] { right += 1 }
    }
    rank1 = probes.isEmpty ? 0 : Double(right) / Double(probes.count)
  }

  private static func gather(_ rows: [Int], from values: [Float], dimension: Int) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(rows.count * dimension)
    for row in rows { result += values[row * dimension..<(row + 1) * dimension] }
    return result
  }
}
