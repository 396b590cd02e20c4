internal import Kernels
internal import Preconditions

/// Agglomerative clustering by average linkage: the two clusters with the smallest mean distance
/// between their members merge, again and again.
///
/// By the nearest-neighbour chain (Murtagh 1983) on a triangle of distances, in time and memory of
/// order n x n. Of neighbours at one distance the lowest row is taken, or the one before in the
/// chain, so that the result is a function of the embeddings.
package struct AverageLinkage: Sendable {
  /// Two clusters that become one; clusters go by their lowest row.
  package struct Merge: Sendable, Equatable {
    /// The lowest row of the one that stays.
    package let first: Int
    /// The lowest row of the one that joins it.
    package let second: Int
    /// The mean squared distance between the members of the two.
    package let height: Double
  }

  /// The number of rows.
  package let count: Int
  /// By height, ascending; a cluster's own merges come before those that it goes into.
  package let merges: [Merge]

  /// Clusters the rows of `embeddings` [count, dimension] by their squared distances after
  /// normalisation, as far as merges lie below `threshold`. A non-finite row stays alone.
  package init(_ embeddings: Embeddings, below threshold: Double = .infinity) {
    var distances = [Float](
      unsafeUninitializedCapacity: Self.triangleCount(embeddings.count)
    ) { buffer, written in
      Self.fill(buffer, with: embeddings)
      written = buffer.count
    }
    self.init(distances: &distances, count: embeddings.count, below: threshold)
  }

  /// Clusters by the lower triangle `distances` [count (count - 1) / 2], where row i > j has its
  /// distance to row j at i (i - 1) / 2 + j; it is overwritten.
  package init(distances: inout [Float], count: Int, below threshold: Double = .infinity) {
    require(
      distances.count == Self.triangleCount(count),
      "AverageLinkage: \(distances.count) distances of \(count) rows")
    self.count = count
    merges = distances.withUnsafeMutableBufferPointer { buffer in
      var chain = NeighbourChain(buffer, count: count, threshold: Float(threshold))
      return chain.run()
    }.enumerated().sorted { ($0.element.height, $0.offset) < ($1.element.height, $1.offset) }
      .map(\.element)
  }

  /// The distances of `count` rows, each pair once.
  package static func triangleCount(_ count: Int) -> Int { max(0, count * (count - 1) / 2) }

  /// The cluster of each row [count] when merges below `threshold` are made, numbered by their
  /// lowest rows.
  package func labels(below threshold: Double) -> [Int] {
    labels(after: merges.prefix { $0.height < threshold })
  }

  /// The cluster of each row [count] when merges are made until `clusterCount` are left, or as few
  /// as there can be.
  package func labels(clusterCount: Int) -> [Int] {
    require(clusterCount > 0, "AverageLinkage: \(clusterCount) clusters")
    return labels(after: merges.prefix(max(0, count - clusterCount)))
  }

  private func labels(after merges: ArraySlice<Merge>) -> [Int] {
    // A cluster's lowest row leads on to the one that it was merged into.
    var leader = Array(0..<count)
    for merge in merges { leader[merge.second] = merge.first }
    var labels = [Int](repeating: -1, count: count)
    var next = 0
    for row in 0..<count {
      if leader[row] == row {
        labels[row] = next
        next += 1
      } else {
        // The leader is a lower row, and has its label.
        labels[row] = labels[leader[row]]
      }
    }
    return labels
  }

  private static func fill(_ triangle: UnsafeMutableBufferPointer<Float>, with rows: Embeddings) {
    let dimension = rows.dimension
    let unit = rows.normalized()
    let squares = rows.norms.map { $0.isFinite ? ($0 > 0 ? Float(1) : 0) : .infinity }
    let blockRows = 128
    var block = [Float](repeating: 0, count: min(blockRows, rows.count) * rows.count)
    unit.withUnsafeBufferPointer { unit in
      block.withUnsafeMutableBufferPointer { block in
        guard let unit = unit.baseAddress, let products = block.baseAddress else { return }
        for first in stride(from: 0, to: rows.count, by: blockRows) {
          let end = min(first + blockRows, rows.count)
          DenseProduct.multiply(
            unit + first * dimension, unit, transposeB: true, rows: end - first, columns: end,
            inner: dimension, into: products)
          for row in max(1, first)..<max(1, end) {
            let source = products + (row - first) * end
            let target = triangle.baseAddress! + row * (row - 1) / 2
            let square = squares[row]
            for other in 0..<row {
              target[other] = max(0, square + squares[other] - 2 * source[other])
            }
          }
        }
      }
    }
  }
}

/// The state of the nearest-neighbour chain.
private struct NeighbourChain {
  private let distances: UnsafeMutablePointer<Float>
  private let threshold: Float
  private var sizes: [Double]
  /// The clusters that may still merge, by their lowest rows, ascending.
  private var active: [Int]
  private var chain: [Int] = []

  init(_ distances: UnsafeMutableBufferPointer<Float>, count: Int, threshold: Float) {
    // An empty triangle has no address, and is never looked at.
    self.distances = distances.baseAddress ?? UnsafeMutablePointer(bitPattern: 64)!
    self.threshold = threshold
    sizes = [Double](repeating: 1, count: count)
    active = Array(0..<count)
  }

  @inline(__always)
  private func place(_ a: Int, _ b: Int) -> Int {
    a > b ? a &* (a &- 1) / 2 &+ b : b &* (b &- 1) / 2 &+ a
  }

  mutating func run() -> [AverageLinkage.Merge] {
    var merges: [AverageLinkage.Merge] = []
    while active.count > 1 {
      let top = chain.last ?? active[0]
      if chain.isEmpty { chain.append(top) }
      let previous = chain.count > 1 ? chain[chain.count - 2] : nil
      let (nearest, distance) = nearest(to: top, preferring: previous)
      // Means of what is farther are farther: what is alone here stays alone.
      guard distance < threshold else {
        chain.removeLast()
        remove(top)
        continue
      }
      guard nearest == previous else {
        chain.append(nearest)
        continue
      }
      chain.removeLast(2)
      let (first, second) = (min(top, nearest), max(top, nearest))
      merges.append(.init(first: first, second: second, height: Double(distance)))
      merge(second, into: first)
    }
    return merges
  }

  private func nearest(to row: Int, preferring previous: Int?) -> (row: Int, distance: Float) {
    var best = -1
    var least = Float.infinity
    let own = distances + row &* (row &- 1) / 2
    active.withUnsafeBufferPointer { active in
      var i = 0
      while i < active.count, active[i] < row {
        let distance = own[active[i]]
        if distance < least || best < 0 { (best, least) = (active[i], distance) }
        i &+= 1
      }
      if i < active.count, active[i] == row { i &+= 1 }
      while i < active.count {
        let other = active[i]
        let distance = distances[other &* (other &- 1) / 2 &+ row]
        if distance < least || best < 0 { (best, least) = (other, distance) }
        i &+= 1
      }
    }
    if let previous, distances[place(row, previous)] == least { best = previous }
    return (best, least)
  }

  /// Lance and Williams: the mean over the members of both is the mean of the means by their sizes.
  ///
  /// In double precision and then rounded, so that it lies between the two and no merge comes out
  /// below one that it contains.
  private mutating func merge(_ second: Int, into first: Int) {
    let (n, m) = (sizes[first], sizes[second])
    for other in active where other != first && other != second {
      let (a, b) = (Double(distances[place(first, other)]), Double(distances[place(second, other)]))
      distances[place(first, other)] = Float((n * a + m * b) / (n + m))
    }
    sizes[first] = n + m
    remove(second)
  }

  private mutating func remove(_ row: Int) {
    var (low, high) = (0, active.count)
    while low < high {
      let middle = (low + high) / 2
      if active[middle] < row { low = middle + 1 } else { high = middle }
    }
    active.remove(at: low)
  }
}
