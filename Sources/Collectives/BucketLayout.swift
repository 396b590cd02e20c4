private import Preconditions

/// How a flat vector is cut for its reduction: into buckets, and each bucket into one part a rank.
package struct BucketLayout: Sendable, Equatable {
  /// Contiguous ranges from the top of the vector down, which together are all of it.
  package let buckets: [Range<Int>]
  /// For each bucket the part that each rank sums, by rank; together they are the bucket.
  package let parts: [[Range<Int>]]

  /// Bytes of the doubles that `ranks` ranks reduce together: 8 MiB hides well and does not fill
  /// the caches; among very many ranks more, or messages would be all latency.
  package static func bucketBytes(ranks: Int) -> Int { (8 << 20) * max(1, ranks / 256) }

  /// Cuts a vector of `count` elements, only where one of `blocks` begins, into buckets of at least
  /// `minimumCount`. With `wholeBlocks` no part cuts a block either; without, parts are as equal as
  /// multiples of 16 allow.
  package init(
    count: Int, blocks: [Range<Int>], minimumCount: Int, ranks: Int, wholeBlocks: Bool
  ) {
    require(ranks > 0 && minimumCount > 0, "BucketLayout: \(ranks) ranks, \(minimumCount) elements")
    var cuts = [0]
    for block in blocks where block.lowerBound > cuts[cuts.count - 1] {
      require(block.upperBound <= count, "BucketLayout: block \(block) of \(count) elements")
      cuts.append(block.lowerBound)
    }
    var buckets: [Range<Int>] = []
    var parts: [[Range<Int>]] = []
    var upper = count
    var top = cuts.count
    for index in cuts.indices.reversed()
    where upper > cuts[index] && (upper - cuts[index] >= minimumCount || index == 0) {
      let bucket = cuts[index]..<upper
      let edges =
        wholeBlocks
        ? Self.edges(of: bucket, at: cuts[index..<top] + [upper], ranks: ranks)
        : Self.edges(of: bucket, ranks: ranks)
      // The first part goes to another rank in each bucket, so that few blocks are shared out
      // evenly.
      parts.append(
        (0..<ranks).map { rank in
          let part = wholeBlocks ? (rank + buckets.count) % ranks : rank
          return edges[part]..<edges[part + 1]
        })
      buckets.append(bucket)
      upper = bucket.lowerBound
      top = index
    }
    self.buckets = buckets
    self.parts = parts
  }

  /// Edges of nearly equal parts, each a multiple of 16 from the bucket's beginning.
  private static func edges(of bucket: Range<Int>, ranks: Int) -> [Int] {
    let size = ((bucket.count + ranks - 1) / ranks + 15) / 16 * 16
    return (0...ranks).map { bucket.lowerBound + min($0 * size, bucket.count) }
  }

  /// Edges at the cuts nearest to those of equal parts; `cuts` ascend and end with the bucket.
  private static func edges(
    of bucket: Range<Int>, at cuts: ArraySlice<Int>, ranks: Int
  ) -> [Int] {
    let cuts = Array(cuts)
    var next = 0
    return (0...ranks).map { edge in
      let ideal = bucket.lowerBound + bucket.count * edge / ranks
      while next + 1 < cuts.count, cuts[next + 1] - ideal <= ideal - cuts[next] { next += 1 }
      return edge == ranks ? bucket.upperBound : cuts[next]
    }
  }

  /// The ranges that `rank` sums, in the order of the buckets; empty ones are left out.
  package func ranges(of rank: Int) -> [Range<Int>] {
    parts.map { $0[rank] }.filter { !$0.isEmpty }
  }

  /// The bucket that holds element `index`.
  package func bucket(of index: Int) -> Int {
    // The first bucket, from the top, that begins at or below the element.
    var low = 0
    var high = buckets.count - 1
    while low < high {
      let middle = (low + high) / 2
      if buckets[middle].lowerBound > index {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  /// The most elements of a bucket, and of a part.
  package var largest: (bucket: Int, part: Int) {
    (buckets.map(\.count).max() ?? 0, parts.joined().map(\.count).max() ?? 0)
  }
}
