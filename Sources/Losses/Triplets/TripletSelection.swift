private import Kernels
private import Preconditions

/// The triplets of a whole batch: their loss, and its exact gradient at any of the embeddings.
///
/// The loss is a sum of d_ap - d_an + alpha, linear in the squared distances: whole numbers, how
/// often the distance of an anchor to a slot counts, stand for all triplets (Schroff et al. 2015,
/// equation 3).
package struct TripletSelection: Sendable {
  /// Samples of the batch.
  package private(set) var count = 0
  /// What could have become triplets (see `MiningMode`): pairs, anchors, or all triplets.
  package private(set) var candidates = 0
  /// Triplets with a loss above zero.
  package private(set) var triplets = 0
  /// Pairs of an anchor and another face of its person; of an anchor and somebody else's.
  package private(set) var pairs = 0
  /// Pairs of an anchor and a photo of someone else.
  package private(set) var negativePairs = 0
  /// Anchors that have another face of their person in the batch, and those whose nearest it is.
  package private(set) var anchors = 0
  /// Anchors whose nearest is a face of their person.
  package private(set) var anchorsNearOwn = 0
  /// The sum of the triplets' losses.
  package private(set) var lossSum = 0.0
  private var positiveSum = 0.0
  private var negativeSum = 0.0
  /// By anchor: the slots whose distance counts, and how often; then the same by slot.
  private var rows: [Range<Int>] = []
  private var rowEntries: [(slot: Int32, weight: Int32)] = []
  private var columns: [Range<Int>] = []
  private var columnEntries: [(slot: Int32, weight: Int32)] = []
  /// By slot: how many entries it has, and then the place behind those that are listed.
  private var columnEnds: [Int] = []

  /// The mean squared distance of all pairs of one person; 0 where there is none.
  package var meanPositiveDistance: Double { pairs > 0 ? positiveSum / Double(pairs) : 0 }

  /// The mean squared distance of all pairs of two people, seen from anchors that have pairs or
  /// not.
  package var meanNegativeDistance: Double {
    negativePairs > 0 ? negativeSum / Double(negativePairs) : 0
  }

  /// The mean loss of the triplets; 0 where there is none.
  package var meanLoss: Double { triplets > 0 ? lossSum / Double(triplets) : 0 }

  /// No triplets of no batch.
  package init() {}

  /// What miners have found: `words` of all blocks, in the order of the anchors 0..<`count`.
  package init(_ words: UnsafeBufferPointer<UInt64>, count: Int) { take(words, count: count) }

  /// Becomes what miners have found: `words` of all blocks, in the order of the anchors
  /// 0..<`count`. Memory of the batch before is used again.
  package mutating func take(_ words: UnsafeBufferPointer<UInt64>, count: Int) {
    clear(count: count)
    var place = 0
    for _ in 0..<count {
      require(
        place + MinedAnchor.wordCount <= words.count,
        "TripletSelection: \(words.count) words end before \(count) anchors do")
      let head = words.baseAddress! + place
      let found = MinedAnchor(head)
      candidates += found.candidates
      triplets += found.triplets
      pairs += found.pairs
      negativePairs += found.negatives
      anchors += found.pairs > 0 && found.negatives > 0 ? 1 : 0
      anchorsNearOwn += found.nearestIsOwn
      lossSum += found.lossSum
      positiveSum += found.positiveSum
      negativeSum += found.negativeSum
      let entries = MinedAnchor.entryCount(head)
      place += MinedAnchor.wordCount
      rows.append(rowEntries.count..<rowEntries.count + entries)
      for word in words[place..<place + entries] {
        let slot = Int32(truncatingIfNeeded: word >> 32)
        rowEntries.append((slot, Int32(truncatingIfNeeded: word)))
        columnEnds[Int(slot)] += 1
      }
      place += entries
    }
    require(place == words.count, "TripletSelection: \(words.count) words for \(count) anchors")
    transpose()
  }

  private mutating func clear(count: Int) {
    self.count = count
    (candidates, triplets, pairs, negativePairs) = (0, 0, 0, 0)
    (anchors, anchorsNearOwn) = (0, 0)
    (lossSum, positiveSum, negativeSum) = (0, 0, 0)
    rows.removeAll(keepingCapacity: true)
    rowEntries.removeAll(keepingCapacity: true)
    columns.removeAll(keepingCapacity: true)
    columnEntries.removeAll(keepingCapacity: true)
    columnEnds.removeAll(keepingCapacity: true)
    columnEnds.append(contentsOf: repeatElement(0, count: count))
  }

  /// Lists the entries by slot; `columnEnds` counts them.
  private mutating func transpose() {
    var end = 0
    for slot in columnEnds.indices {
      let first = end
      end += columnEnds[slot]
      columns.append(first..<end)
      columnEnds[slot] = first
    }
    let none: (slot: Int32, weight: Int32) = (0, 0)
    columnEntries.append(contentsOf: repeatElement(none, count: end))
    for (anchor, range) in rows.enumerated() {
      for place in range {
        let entry = rowEntries[place]
        columnEntries[columnEnds[Int(entry.slot)]] = (Int32(anchor), entry.weight)
        columnEnds[Int(entry.slot)] += 1
      }
    }
  }

  /// Whether any triplet has one of `slots`.
  package func touches(_ slots: Range<Int>) -> Bool {
    slots.contains { !rows[$0].isEmpty || !columns[$0].isEmpty }
  }

  /// Overwrites `gradients` [slots.count, width] with the derivatives of `scale` times the sum of
  /// the losses by the embeddings of `slots`, through their normalisation; `scratch` holds
  /// `batch.stride` doubles.
  package func gradients(
    at slots: Range<Int>, of batch: EmbeddedBatch, scale: Double,
    into gradients: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Double>
  ) {
    require(batch.count == count, "TripletSelection: \(batch.count) samples, mined for \(count)")
    for slot in slots {
      // d/dx of w ||x - y||^2 is 2 w (x - y), whichever of the two is the anchor.
      scratch.update(repeating: 0, count: batch.stride)
      var total = 0
      func add(_ entry: (slot: Int32, weight: Int32)) {
        total += Int(entry.weight)
        DistanceKernel.add(
          batch.units + Int(entry.slot) * batch.stride, times: -2 * Double(entry.weight),
          count: batch.stride, addingTo: scratch)
      }
      for place in rows[slot] { add(rowEntries[place]) }
      for place in columns[slot] { add(columnEntries[place]) }
      let unit = batch.units + slot * batch.stride
      DistanceKernel.add(
        unit, times: 2 * Double(total), count: batch.stride, addingTo: scratch)
      let inverseNorm = batch.inverseNorms[slot]
      if inverseNorm < 1 / DistanceKernel.smallestNorm {
        let projection = DistanceKernel.dot(scratch, unit, count: batch.stride)
        DistanceKernel.add(
          unit, times: -projection, count: batch.stride, addingTo: scratch)
      }
      let out = gradients + (slot - slots.lowerBound) * batch.width
      for i in 0..<batch.width { out[i] = Float(scratch[i] * (scale * inverseNorm)) }
    }
  }
}
