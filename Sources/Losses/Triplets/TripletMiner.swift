internal import Determinism
private import Kernels
private import Preconditions

/// One thread's mining: distances of a block of anchors to the whole batch, and the triplets chosen.
///
/// Anchors are mined apart from each other: how they are cut into blocks and shared over threads and
/// ranks cannot show.
package final class TripletMiner {
  /// Anchors whose distances are computed together.
  package static let blockAnchors = 16

  private let capacity: Int
  private let distances: UnsafeMutablePointer<Double>
  private let weights: UnsafeMutablePointer<Int32>
  private var positives: [(slot: Int, distance: Double)] = []
  private var nearest: [(slot: Int, distance: Double)] = []

  /// Memory for batches of up to `capacity` samples.
  package init(capacity: Int) {
    self.capacity = capacity
    distances = .allocate(capacity: Self.blockAnchors * capacity)
    distances.initialize(repeating: .nan, count: Self.blockAnchors * capacity)
    weights = .allocate(capacity: capacity)
    weights.initialize(repeating: 0, count: capacity)
  }

  deinit {
    distances.deallocate()
    weights.deallocate()
  }

  package var bytes: Int { 8 * Self.blockAnchors * capacity + 4 * capacity }

  /// Appends to `words` what is found for the anchors of `block`, at most `blockAnchors` slots; to be
  /// put together again by `TripletSelection`.
  package func mine(
    _ block: Range<Int>, of batch: EmbeddedBatch, as request: MiningRequest,
    appendingTo words: inout [UInt64]
  ) {
    require(
      batch.count <= capacity && block.count <= Self.blockAnchors,
      "TripletMiner: \(block.count) anchors of \(batch.count) samples, made for "
        + "\(Self.blockAnchors) of \(capacity)")
    DistanceKernel.squaredDistances(
      from: batch.units + block.lowerBound * batch.stride, count: block.count, to: batch.units,
      rows: batch.count, stride: batch.stride, into: distances)
    for anchor in block {
      let row = AnchorRow(
        anchor: anchor, labels: batch.labels,
        distances: UnsafePointer(distances + (anchor - block.lowerBound) * batch.count),
        count: batch.count)
      let found = mine(row, as: request)
      var entries = 0
      for slot in 0..<batch.count where weights[slot] != 0 { entries += 1 }
      found.append(entryCount: entries, to: &words)
      guard entries > 0 else { continue }
      for slot in 0..<batch.count where weights[slot] != 0 {
        words.append(MinedAnchor.entry(slot: slot, weight: Int(weights[slot])))
        weights[slot] = 0
      }
    }
  }

  /// One anchor with its distances to all slots of the batch.
  private struct AnchorRow {
    let anchor: Int
    let labels: UnsafePointer<Int32>
    let distances: UnsafePointer<Double>
    let count: Int

    @inline(__always)
    func isNegative(_ slot: Int) -> Bool { labels[slot] != labels[anchor] }
  }

  private func mine(_ row: AnchorRow, as request: MiningRequest) -> MinedAnchor {
    var found = MinedAnchor()
    positives.removeAll(keepingCapacity: true)
    var nearestNegative = (slot: -1, distance: Double.infinity)
    for slot in 0..<row.count where slot != row.anchor {
      let distance = row.distances[slot]
      if row.isNegative(slot) {
        found.negatives += 1
        found.negativeSum += distance
        if distance < nearestNegative.distance { nearestNegative = (slot, distance) }
      } else {
        positives.append((slot, distance))
        found.positiveSum += distance
      }
    }
    found.pairs = positives.count
    guard found.pairs > 0, found.negatives > 0 else { return found }
    let nearestPositive = positives.reduce(Double.infinity) { min($0, $1.distance) }
    found.nearestIsOwn = nearestPositive < nearestNegative.distance ? 1 : 0
    switch request.mode {
    case .semiHard:
      mineSemiHard(row, margin: request.margin, &found)
    case .randomSemiHard, .violating:
      mineRandom(row, as: request, &found)
    case .hardest:
      found.candidates = positives.count
      for positive in positives {
        take(positive, nearestNegative, margin: request.margin, &found)
      }
    case .batchHard:
      var farthest = positives[0]
      for positive in positives where positive.distance > farthest.distance {
        farthest = positive
      }
      found.candidates = 1
      take(farthest, nearestNegative, margin: request.margin, &found)
    case .all:
      mineAll(row, margin: request.margin, &found)
    case .offline:
      for triplet in request.listed where triplet.anchor == row.anchor {
        // A replaced photo may show another person.
        guard row.labels[triplet.positive] == row.labels[row.anchor],
          triplet.positive != row.anchor, row.isNegative(triplet.negative)
        else { continue }
        found.candidates += 1
        take(
          (triplet.positive, row.distances[triplet.positive]),
          (triplet.negative, row.distances[triplet.negative]), margin: request.margin, &found)
      }
    }
    return found
  }

  /// Counts the triplet if its loss is above zero.
  @inline(__always)
  private func take(
    _ positive: (slot: Int, distance: Double), _ negative: (slot: Int, distance: Double),
    margin: Double, _ found: inout MinedAnchor
  ) {
    let loss = positive.distance - negative.distance + margin
    guard loss > 0 else { return }
    found.triplets += 1
    found.lossSum += loss
    weights[positive.slot] += 1
    weights[negative.slot] -= 1
  }

  /// The nearest negative beyond each positive, inside the margin.
  ///
  /// Each negative is put behind the last of the sorted positives that is nearer; the nearest one
  /// beyond a positive is then the first of those behind it.
  private func mineSemiHard(_ row: AnchorRow, margin: Double, _ found: inout MinedAnchor) {
    found.candidates = positives.count
    positives.sort { ($0.distance, $0.slot) < ($1.distance, $1.slot) }
    nearest.removeAll(keepingCapacity: true)
    for _ in 0...positives.count { nearest.append((-1, .infinity)) }
    let farthest = positives[positives.count - 1].distance + margin
    positives.withUnsafeBufferPointer { positives in
      nearest.withUnsafeMutableBufferPointer { nearest in
        for slot in 0..<row.count {
          let distance = row.distances[slot]
          guard distance < farthest, row.isNegative(slot) else { continue }
          var low = 0
          var high = positives.count
          while low < high {
            let middle = (low + high) / 2
            if positives[middle].distance < distance { low = middle + 1 } else { high = middle }
          }
          if distance < nearest[low].distance { nearest[low] = (slot, distance) }
        }
      }
    }
    var beyond = (slot: -1, distance: Double.infinity)
    for index in stride(from: positives.count - 1, through: 0, by: -1) {
      if nearest[index + 1].slot >= 0 { beyond = nearest[index + 1] }
      if beyond.distance < positives[index].distance + margin {
        take(positives[index], beyond, margin: margin, &found)
      }
    }
  }

  /// One of the negatives in reach of each positive, by lot.
  private func mineRandom(
    _ row: AnchorRow, as request: MiningRequest, _ found: inout MinedAnchor
  ) {
    found.candidates = positives.count
    nearest.removeAll(keepingCapacity: true)
    for slot in 0..<row.count where row.isNegative(slot) {
      nearest.append((slot, row.distances[slot]))
    }
    for positive in positives {
      let low =
        request.mode == .violating ? -Double.infinity : positive.distance
      let high = positive.distance + request.margin
      var count = 0
      for negative in nearest where negative.distance > low && negative.distance < high {
        count += 1
      }
      guard count > 0 else { continue }
      let random = CounterRandom(
        seed: request.seed, purpose: .mining, request.step, row.anchor, positive.slot)
      var left = random.integer(0, below: count)
      for negative in nearest where negative.distance > low && negative.distance < high {
        if left == 0 {
          take(positive, negative, margin: request.margin, &found)
          break
        }
        left -= 1
      }
    }
  }

  private func mineAll(_ row: AnchorRow, margin: Double, _ found: inout MinedAnchor) {
    found.candidates = positives.count * found.negatives
    for positive in positives {
      let high = positive.distance + margin
      for slot in 0..<row.count where row.distances[slot] < high && row.isNegative(slot) {
        take(positive, (slot, row.distances[slot]), margin: margin, &found)
      }
    }
  }
}
