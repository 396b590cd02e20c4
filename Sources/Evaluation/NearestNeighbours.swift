internal import Preconditions

/// A row of a gallery and how far it is.
package struct Neighbour: Sendable, Equatable {
  /// The row of the gallery.
  package let row: Int
  /// Squared L2 after normalisation, 0...4.
  package let squaredDistance: Double
}

/// The nearest rows of a gallery.
package enum NearestNeighbours {
  /// For each row of `probes` [n, dimension] the nearest `count` rows of `gallery` [m, dimension],
  /// nearest first, of equals the lower row; none for a non-finite row, and no such row.
  package static func find(
    _ probes: Embeddings, in gallery: Embeddings, count: Int
  ) -> [[Neighbour]] {
    require(
      probes.dimension == gallery.dimension && count > 0,
      "NearestNeighbours: probes of \(probes.dimension), a gallery of \(gallery.dimension), "
        + "\(count) neighbours")
    var result = [[Neighbour]](repeating: [], count: probes.count)
    // Products choose a few more than asked for, whose distances are then taken in double
    // precision.
    let kept = count + 8
    var best: [(row: Int, cosine: Float)] = []
    best.reserveCapacity(kept + 1)
    Similarity.forEachRow(
      probes.normalized(), against: gallery.normalized(), dimension: probes.dimension
    ) { probe, cosines in
      guard probes.norms[probe].isFinite else { return }
      best.removeAll(keepingCapacity: true)
      for row in cosines.indices where gallery.norms[row].isFinite {
        let cosine = cosines[row]
        if best.count == kept {
          if !(cosine > best[kept - 1].cosine) { continue }
          best.removeLast()
        }
        let place = best.firstIndex { $0.cosine < cosine } ?? best.count
        best.insert((row, cosine), at: place)
      }
      let exact = best.map {
        Neighbour(
          row: $0.row, squaredDistance: probes.squaredDistance(probe, to: $0.row, of: gallery))
      }
      result[probe] = Array(
        exact.sorted { ($0.squaredDistance, $0.row) < ($1.squaredDistance, $1.row) }
          .prefix(count))
    }
    return result
  }
}

/// What a search of a gallery is worth where people may be missing from it.
package struct OpenSetIdentification: Sendable, Equatable {
  /// One probe of a person who is known.
  package struct Probe: Sendable, Equatable {
    /// The distance of the nearest row of the gallery; infinity where there is none.
    package let distance: Double
    /// Whether the probe's person is in the gallery.
    package let isMated: Bool
    /// Whether the nearest row is of the probe's person.
    package let isRight: Bool

    package init(distance: Double, isMated: Bool, isRight: Bool) {
      self.distance = distance
      self.isMated = isMated
      self.isRight = isRight
    }
  }

  /// The true-positive identification rate at a false-positive one.
  package struct Rate: Sendable, Equatable {
    /// The false-positive rate that was asked for.
    package let targetFPIR: Double
    /// The share of mated probes whose nearest row is right and nearer than `threshold`.
    package let TPIR: Double
    /// The share of the others that have a row nearer than `threshold`.
    package let reachedFPIR: Double
    /// The squared distance below which a row is taken for the person.
    package let threshold: Double
    /// Why the other probes say nothing at `targetFPIR`, being fewer than 1 / `targetFPIR`; nil
    /// where they do.
    package let refusal: String?
  }

  /// Probes of people who are in the gallery.
  package let matedCount: Int
  /// Probes of people who are not.
  package let nonMatedCount: Int
  /// The share of mated probes whose nearest row is right, whatever its distance; nil without any.
  package let rank1: Double?
  /// At the rates of `targets`; empty without probes of both kinds.
  package let rates: [Rate]

  /// The false-positive identification rates that are reported.
  package static let targets = [0.01, 0.1]

  /// Probes of strangers that a statement at a rate of `target` takes.
  package static func neededCount(_ target: Double) -> Int { Int((1 / target).rounded()) }

  /// Scores `probes`: the threshold of a rate is the largest that lets no more of the non-mated
  /// probes through (NIST's definition of TPIR and FPIR; nearer is strict).
  package init(_ probes: [Probe]) {
    let mated = probes.filter(\.isMated)
    let others = probes.filter { !$0.isMated }.map(\.distance).sorted()
    matedCount = mated.count
    nonMatedCount = others.count
    rank1 =
      mated.isEmpty ? nil : Double(mated.count(where: \.isRight)) / Double(mated.count)
    guard !mated.isEmpty, !others.isEmpty else {
      rates = []
      return
    }
    rates = Self.targets.map { target in
      let allowed = Int(target * Double(others.count) + 1e-9)
      let threshold = allowed < others.count ? others[allowed] : .infinity
      let found = mated.count { $0.isRight && $0.distance < threshold }
      let needed = Self.neededCount(target)
      return Rate(
        targetFPIR: target, TPIR: Double(found) / Double(mated.count),
        reachedFPIR: Double(others.count { $0 < threshold }) / Double(others.count),
        threshold: threshold,
        refusal: others.count >= needed
          ? nil
          : "insufficient data: \(others.count) probes of people who are not in the gallery, and it "
            + "takes \(needed)")
    }
  }
}
