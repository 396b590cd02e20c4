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

  /// The share of probes whose most similar gallery photo (by cosine) shows the same person, and no
  /// photo of another is as similar (`MatePlace`); zero without probes. Photos without a direction
  /// find nobody and are found by nobody.
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
    let isComparable = labels.indices.map { embeddings.hasDirection($0) }
    var right = 0
    Similarity.forEachRow(
      Self.gather(probes, from: unit, dimension: dimension),
      against: Self.gather(enrolled, from: unit, dimension: dimension), dimension: dimension,
      isRepeatable: true
    ) { row, cosines in
      let probe = probes[row]
      guard isComparable[probe] else { return }
      var (own, other) = (-Float.infinity, -Float.infinity)
      for (candidate, photo) in enrolled.enumerated() where photo != probe && isComparable[photo] {
        if labels[photo] == labels[probe] {
          own = max(own, cosines[candidate])
        } else {
          other = max(other, cosines[candidate])
        }
      }
      if MatePlace.isFirst(own, before: other) { right += 1 }
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
