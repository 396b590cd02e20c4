internal import Determinism
private import Kernels
private import Preconditions

/// One thread's mining: distances of a block of anchors to the whole batch, and the triplets
/// chosen.
///
/// Anchors are mined apart from each other: how they are cut into blocks and shared over threads
/// and ranks cannot show.
package final class TripletMiner {
  /// Anchors whose distances are computed together.
  package static let blockAnchors = 16

  private let capacity: Int
  private let distances: UnsafeMutablePointer<Double>
  /// The distances of the anchor in work, for its second round.
  private let kept: UnsafeMutablePointer<Double>
  private let weights: UnsafeMutablePointer<Int32>
  private var positives: [Neighbour] = []
  private let sortScratch: UnsafeMutablePointer<Neighbour>
  /// The distances of the sorted positives, then infinity up to a power of two less one.
  private let sorted: UnsafeMutablePointer<Double>
  private var sortedSpan = 1
  /// By number of nearer positives: the nearest negative, or how many negatives.
  private var buckets: [Neighbour] = []
  private var counts: [Int] = []

  /// Memory for batches of up to `capacity` samples.
  package init(capacity: Int) {
    self.capacity = capacity
    distances = .allocate(capacity: Self.blockAnchors * capacity)
    distances.initialize(repeating: .nan, count: Self.blockAnchors * capacity)
    kept = .allocate(capacity: capacity)
    kept.initialize(repeating: .nan, count: capacity)
    sorted = .allocate(capacity: 2 * capacity)
    sorted.initialize(repeating: .infinity, count: 2 * capacity)
    weights = .allocate(capacity: capacity)
    weights.initialize(repeating: 0, count: capacity)
    sortScratch = .allocate(capacity: capacity)
    sortScratch.initialize(repeating: (-1, .nan), count: capacity)
    // All at once: what a step finds depends on the batch, and memory should not.
    positives.reserveCapacity(capacity)
    buckets.reserveCapacity(capacity + 1)
    counts.reserveCapacity(capacity + 1)
  }

  deinit {
    distances.deallocate()
    kept.deallocate()
    sorted.deallocate()
    weights.deallocate()
    sortScratch.deallocate()
  }

  /// Bytes of a miner for batches of up to `capacity` samples.
  package static func bytes(capacity: Int) -> Int {
    8 * (blockAnchors + 3 + 3 * 2 + 1) * capacity + 4 * capacity
  }

  /// Appends to `words` what is found for the anchors of `block`, at most `blockAnchors` slots; to
  /// be put together again by `TripletSelection`.
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
      let distances = distances + (anchor - block.lowerBound) * batch.count
      let row = AnchorRow(
        anchor: anchor, labels: batch.labels, distances: UnsafePointer(distances),
        count: batch.count, learnedCount: batch.learnedCount)
      let found =
        batch.learnedCount == batch.count
        ? mine(row, as: request) : mineMixed(row, distances, as: request)
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
    let learnedCount: Int

    @inline(__always)
    func isNegative(_ slot: Int) -> Bool { labels[slot] != labels[anchor] }
  }

  /// Mines one anchor of a batch that is there as two networks embed it: all mixtures of the two,
  /// but no triplet of the older one alone (Schroff et al. 2015, figure 9).
  ///
  /// Whoever may not take part in a round is put at an infinite distance.
  private func mineMixed(
    _ row: AnchorRow, _ distances: UnsafeMutablePointer<Double>, as request: MiningRequest
  ) -> MinedAnchor {
    guard row.labels[row.anchor] >= 0 else { return MinedAnchor() }
    for slot in row.learnedCount..<row.count where row.labels[slot] < 0 {
      distances[slot] = .infinity
    }
    guard row.anchor >= row.learnedCount else { return mine(row, as: request) }
    kept.update(from: distances, count: row.count)
    // Positives of the network that learns, negatives of both; then the older one's positives with
    // negatives of the one that learns.
    for slot in row.learnedCount..<row.count where !row.isNegative(slot) && slot != row.anchor {
      distances[slot] = .infinity
    }
    let first = mine(row, as: request)
    for slot in 0..<row.count {
      let isAllowed = row.isNegative(slot) == (slot < row.learnedCount)
      distances[slot] = isAllowed ? kept[slot] : .infinity
    }
    return first.joined(with: mine(row, as: request))
  }

  private func mine(_ row: AnchorRow, as request: MiningRequest) -> MinedAnchor {
    var found = MinedAnchor()
    positives.removeAll(keepingCapacity: true)
    var nearestNegative = (slot: -1, distance: Double.infinity)
    var negatives = 0
    // The nearest of the network that learns, whose figures these are.
    var (nearestOwn, nearestOther) = (Double.infinity, Double.infinity)
    for slot in 0..<row.count where slot != row.anchor {
      let distance = row.distances[slot]
      guard distance < .infinity else { continue }
      let isLearned = max(slot, row.anchor) < row.learnedCount
      if row.isNegative(slot) {
        negatives += 1
        if distance < nearestNegative.distance { nearestNegative = (slot, distance) }
        guard isLearned else { continue }
        found.negatives += 1
        found.negativeSum += distance
        nearestOther = min(nearestOther, distance)
      } else {
        positives.append((slot, distance))
        guard isLearned else { continue }
        found.pairs += 1
        found.positiveSum += distance
        nearestOwn = min(nearestOwn, distance)
      }
    }
    found.nearestIsOwn = found.negatives > 0 && nearestOwn < nearestOther ? 1 : 0
    guard !positives.isEmpty, negatives > 0 else { return found }
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
      found.candidates = positives.count * negatives
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

  /// Sorts the positives by distance, ties by slot.
  private func sortPositives() {
    positives.withUnsafeMutableBufferPointer {
      NeighbourSort.sort($0.baseAddress!, count: $0.count, scratch: sortScratch)
    }
    sortedSpan = 1
    while sortedSpan <= positives.count { sortedSpan *= 2 }
    for index in 0..<sortedSpan {
      sorted[index] = index < positives.count ? positives[index].distance : .infinity
    }
  }

  /// How many of the sorted positives are nearer than `distance`, without a branch to guess wrong.
  @inline(__always)
  private func nearerPositives(than distance: Double) -> Int {
    var low = 0
    var half = sortedSpan / 2
    while half > 0 {
      low += sorted[low + half - 1] < distance ? half : 0
      half /= 2
    }
    return low
  }

  /// The nearest negative beyond each positive, inside the margin.
  ///
  /// Each negative is put behind the last of the sorted positives that is nearer; the nearest one
  /// beyond a positive is then the first of those behind it.
  private func mineSemiHard(_ row: AnchorRow, margin: Double, _ found: inout MinedAnchor) {
    found.candidates = positives.count
    sortPositives()
    buckets.removeAll(keepingCapacity: true)
    for _ in 0...positives.count { buckets.append((-1, .infinity)) }
    let nearest = sorted[0]
    let farthest = sorted[positives.count - 1] + margin
    buckets.withUnsafeMutableBufferPointer { buckets in
      for slot in 0..<row.count {
        let distance = row.distances[slot]
        guard distance > nearest, distance < farthest, row.isNegative(slot) else { continue }
        let bucket = nearerPositives(than: distance)
        if distance < buckets[bucket].distance { buckets[bucket] = (slot, distance) }
      }
    }
    var beyond = (slot: -1, distance: Double.infinity)
    for index in stride(from: positives.count - 1, through: 0, by: -1) {
      if buckets[index + 1].slot >= 0 { beyond = buckets[index + 1] }
      if beyond.distance < positives[index].distance + margin {
        take(positives[index], beyond, margin: margin, &found)
      }
    }
  }

  /// One of the negatives in reach of each positive, by lot: of `count` that are in reach, in the
  /// order of their slots, the one whose number is drawn.
  private func mineRandom(
    _ row: AnchorRow, as request: MiningRequest, _ found: inout MinedAnchor
  ) {
    found.candidates = positives.count
    let part = 64
    for positive in positives {
      let low = request.mode == .violating ? -Double.infinity : positive.distance
      let high = positive.distance + request.margin
      // The person's own faces are counted with the rest and taken off.
      counts.removeAll(keepingCapacity: true)
      var total = 0
      for first in stride(from: 0, to: row.count, by: part) {
        let count = DistanceKernel.count(
          of: row.distances + first, count: min(part, row.count - first), above: low, below: high)
        counts.append(count)
        total += count
      }
      for own in positives where own.distance > low && own.distance < high {
        counts[own.slot / part] -= 1
        total -= 1
      }
      if low < 0 {
        counts[row.anchor / part] -= 1
        total -= 1
      }
      guard total > 0 else { continue }
      let random = CounterRandom(
        seed: request.seed, purpose: .mining, request.step, row.anchor, positive.slot)
      var left = random.integer(0, below: total)
      var index = 0
      while left >= counts[index] {
        left -= counts[index]
        index += 1
      }
      var slot = index * part - 1
      repeat {
        slot += 1
        let distance = row.distances[slot]
        if distance > low, distance < high, row.isNegative(slot) { left -= 1 }
      } while left >= 0
      take(positive, (slot, row.distances[slot]), margin: request.margin, &found)
    }
  }

  /// Every triplet of a loss above zero: each negative counts once for every positive that lies
  /// farther than it by more than -margin.
  private func mineAll(_ row: AnchorRow, margin: Double, _ found: inout MinedAnchor) {
    sortPositives()
    // By the number of positives that are too near: how many negatives.
    counts.removeAll(keepingCapacity: true)
    for _ in 0...positives.count { counts.append(0) }
    // farther[k] is the sum of the distances of the sorted positives from k on.
    buckets.removeAll(keepingCapacity: true)
    for _ in 0...positives.count { buckets.append((-1, 0)) }
    for index in stride(from: positives.count - 1, through: 0, by: -1) {
      buckets[index].distance = buckets[index + 1].distance + positives[index].distance
    }
    let farthest = sorted[positives.count - 1]
    for slot in 0..<row.count {
      let reach = row.distances[slot] - margin
      guard reach < farthest, row.isNegative(slot) else { continue }
      let near = nearerPositives(than: reach.nextUp)
      let count = positives.count - near
      counts[near] += 1
      weights[slot] -= Int32(count)
      found.triplets += count
      found.lossSum += buckets[near].distance - Double(count) * reach
    }
    var reached = 0
    for (index, positive) in positives.enumerated() {
      reached += counts[index]
      weights[positive.slot] += Int32(reached)
    }
  }
}
