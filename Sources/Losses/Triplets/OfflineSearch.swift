private import Kernels
private import Preconditions
private import Synchronization

/// The hard triplets of a pool of embeddings: for each anchor its farthest positive and its nearest
/// negative, the argmax and argmin of Schroff et al. 2015, section 3.2.
package struct OfflineSearch: Sendable {
  private let units: [Double]
  private let labels: [Int]
  private let isSound: [Bool]
  private let stride: Int

  /// A search among `values` [count, dimension] of people `labels` [count]; rows that are not
  /// finite take no part.
  package init(_ values: [Float], dimension: Int, labels: [Int]) {
    require(
      values.count == labels.count * dimension,
      "OfflineSearch: \(values.count) floats for \(labels.count) rows of \(dimension)")
    let stride = DistanceKernel.stride(width: dimension)
    var norms = [Double](repeating: 0, count: labels.count)
    units = [Double](unsafeUninitializedCapacity: labels.count * stride) { buffer, count in
      values.withUnsafeBufferPointer { values in
        norms.withUnsafeMutableBufferPointer { norms in
          guard let rows = values.baseAddress else { return }
          DistanceKernel.normalize(
            rows, rows: labels.count, width: dimension, into: buffer.baseAddress!,
            inverseNorms: norms.baseAddress!)
        }
      }
      count = labels.count * stride
    }
    isSound = norms.map(\.isFinite)
    self.labels = labels
    self.stride = stride
  }

  /// The triplets with d_an < d_ap + `margin`, the worst first, ties in the order of the anchors.
  ///
  /// `concurrently` runs its body for each number below a count, on any threads, and waits.
  package func hardTriplets(
    margin: Double, concurrently: (Int, @escaping @Sendable (Int) -> Void) -> Void
  ) -> [Triplet] {
    let block = TripletMiner.blockAnchors
    let blocks = (labels.count + block - 1) / block
    let store = Store(blocks)
    let search = self
    concurrently(blocks) { item in
      let anchors = item * block..<min((item + 1) * block, search.labels.count)
      store.put(search.search(anchors, margin), at: item)
    }
    let all = store.all.joined()
    return all.sorted {
      ($1.excess, $0.triplet.anchor) < ($0.excess, $1.triplet.anchor)
    }.map(\.triplet)
  }

  private final class Store: Sendable {
    private let blocks: Mutex<[[(triplet: Triplet, excess: Double)]]>

    init(_ count: Int) { blocks = Mutex(.init(repeating: [], count: count)) }

    func put(_ found: [(triplet: Triplet, excess: Double)], at block: Int) {
      blocks.withLock { $0[block] = found }
    }

    var all: [[(triplet: Triplet, excess: Double)]] { blocks.withLock { $0 } }
  }

  private func search(
    _ anchors: Range<Int>, _ margin: Double
  ) -> [(triplet: Triplet, excess: Double)] {
    let distances = [Double](unsafeUninitializedCapacity: anchors.count * labels.count) {
      buffer, count in
      units.withUnsafeBufferPointer { units in
        DistanceKernel.squaredDistances(
          from: units.baseAddress! + anchors.lowerBound * stride, count: anchors.count,
          to: units.baseAddress!, rows: labels.count, stride: stride, into: buffer.baseAddress!)
      }
      count = anchors.count * labels.count
    }
    var found: [(triplet: Triplet, excess: Double)] = []
    for anchor in anchors where isSound[anchor] {
      let row = (anchor - anchors.lowerBound) * labels.count
      var positive = (slot: -1, distance: -Double.infinity)
      var negative = (slot: -1, distance: Double.infinity)
      for slot in labels.indices where slot != anchor && isSound[slot] {
        let distance = distances[row + slot]
        if labels[slot] == labels[anchor] {
          if distance > positive.distance { positive = (slot, distance) }
        } else if distance < negative.distance {
          negative = (slot, distance)
        }
      }
      let excess = positive.distance - negative.distance + margin
      guard positive.slot >= 0, negative.slot >= 0, excess > 0 else { continue }
      found.append(
        (Triplet(anchor: anchor, positive: positive.slot, negative: negative.slot), excess))
    }
    return found
  }
}
