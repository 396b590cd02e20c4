/// The triplet loss as its paper writes it, in Double, by trying every triplet (Schroff et al.
/// 2015).
package struct TripletReference {
  package enum Rule: Sendable {
    case semiHard, hardest, batchHard, all
    /// One of the negatives inside or also before the band, chosen from those in slot order by
    /// `choose(anchor, positive, count)`.
    case random(isSemiHard: Bool, choose: @Sendable (Int, Int, Int) -> Int)
  }

  package let units: [[Double]]
  package let norms: [Double]
  package let labels: [Int]
  package let margin: Double
  package let distances: [[Double]]
  /// Rows from here on are of an older network: no triplet has them alone, and they have no
  /// gradient.
  package let learned: Int

  /// Labels below 0 take no part.
  package init(_ embeddings: [[Double]], labels: [Int], margin: Double, learned: Int? = nil) {
    self.learned = learned ?? labels.count
    norms = embeddings.map { max(($0.reduce(0) { $0 + $1 * $1 }).squareRoot(), 1e-12) }
    let units = zip(embeddings, norms).map { row, norm in row.map { $0 / norm } }
    self.units = units
    self.labels = labels
    self.margin = margin
    distances = units.map { a in
      units.map { b in zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
    }
  }

  /// The chosen triplets with a loss above zero.
  package func triplets(_ rule: Rule) -> [(a: Int, p: Int, n: Int)] {
    var chosen: [(a: Int, p: Int, n: Int)] = []
    for (a, round) in labels.indices.flatMap({ a in rounds(of: a).map { (a, $0) } }) {
      let d = distances[a]
      var positives = round.positives
      let negatives = round.negatives
      if case .batchHard = rule, let far = positives.map({ d[$0] }).max() {
        positives = [positives.first { d[$0] == far }!]
      }
      for p in positives {
        let near = negatives.filter { d[p] - d[$0] + margin > 0 }
        var pool = near
        switch rule {
        case .all:
          chosen += near.map { (a, p, $0) }
          continue
        case .semiHard: pool = near.filter { d[$0] > d[p] }
        case .random(let isSemiHard, let choose):
          if isSemiHard { pool = near.filter { d[$0] > d[p] } }
          if !pool.isEmpty { chosen.append((a, p, pool[choose(a, p, pool.count)])) }
          continue
        case .hardest, .batchHard: break
        }
        if let nearest = pool.map({ d[$0] }).min() {
          chosen.append((a, p, pool.first { d[$0] == nearest }!))
        }
      }
    }
    return chosen
  }

  /// Positives and the negatives that go with them: all with all, but for an anchor of the older
  /// network, whose fellows have negatives of the one that learns alone.
  private func rounds(of a: Int) -> [(positives: [Int], negatives: [Int])] {
    guard labels[a] >= 0 else { return [] }
    let positives = labels.indices.filter { $0 != a && labels[$0] == labels[a] }
    let negatives = labels.indices.filter { labels[$0] >= 0 && labels[$0] != labels[a] }
    guard a >= learned else { return [(positives, negatives)] }
    return [
      (positives.filter { $0 < learned }, negatives),
      (positives.filter { $0 >= learned }, negatives.filter { $0 < learned }),
    ]
  }

  /// The sum of the losses.
  package func loss(_ triplets: [(a: Int, p: Int, n: Int)]) -> Double {
    triplets.reduce(0) { $0 + max(0, distances[$1.a][$1.p] - distances[$1.a][$1.n] + margin) }
  }

  /// The derivatives of `loss` by the embeddings before normalisation: 2 (n - p), 2 (p - a) and
  /// 2 (a - n) of each triplet, through x / |x|.
  package func gradients(_ triplets: [(a: Int, p: Int, n: Int)]) -> [[Double]] {
    var unitGradients = units.map { $0.map { _ in 0.0 } }
    for (a, p, n) in triplets {
      for i in units[a].indices {
        unitGradients[a][i] += 2 * (units[n][i] - units[p][i])
        unitGradients[p][i] += 2 * (units[p][i] - units[a][i])
        unitGradients[n][i] += 2 * (units[a][i] - units[n][i])
      }
    }
    return units.indices.map { row in
      guard row < learned else { return units[row].map { _ in 0 } }
      let g = unitGradients[row]
      let along = zip(g, units[row]).reduce(0) { $0 + $1.0 * $1.1 }
      return zip(g, units[row]).map { ($0 - along * $1) / norms[row] }
    }
  }
}
