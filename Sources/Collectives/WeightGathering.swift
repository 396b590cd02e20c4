/// The weights of all ranks' parts put together, where the optimizer is sharded: one all-gather.
///
/// It borrows the memory of the gradient sums, which nobody needs after the update.
package final class WeightGathering {
  /// The ranges of each rank in the vector, by rank, and where they lie, one behind the other, in
  /// the message.
  private let ranges: [[Range<Int>]]
  private let parts: [Range<Int>]
  private let rank: Int

  /// The gathering of a vector cut by `layout` over `ranks` ranks, of which this is `rank`.
  package init(layout: BucketLayout, rank: Int, ranks: Int) {
    self.rank = rank
    ranges = (0..<ranks).map(layout.ranges)
    parts = .consecutive(ranges.map { $0.reduce(0) { $0 + $1.count } })
  }

  /// Bytes that this rank sends in a step.
  package var sentBytes: Int { MemoryLayout<Float>.stride * parts[rank].count * (parts.count - 1) }

  /// Brings the parts of all other ranks into `vector`; `scratch` holds all elements of it. Throws
  /// what the communicator throws.
  package func run(
    on vector: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer,
    over communicator: any Communicator
  ) throws {
    let message = scratch.assumingMemoryBound(to: Float.self)
    var place = message + parts[rank].lowerBound
    for range in ranges[rank] {
      place.update(from: vector + range.lowerBound, count: range.count)
      place += range.count
    }
    try communicator.allGather(
      UnsafeMutableBufferPointer(start: message, count: parts.last!.upperBound), parts: parts)
    for (peer, ranges) in ranges.enumerated() where peer != rank {
      var source = message + parts[peer].lowerBound
      for range in ranges {
        (vector + range.lowerBound).update(from: source, count: range.count)
        source += range.count
      }
    }
  }
}
