internal import Collectives
internal import Kernels

/// The weights of all ranks' parts put together, where the optimizer is sharded: one collective for
/// models of up to `pieceFloats` parameters.
///
/// It borrows the memory of the gradient sums, which nobody needs after the update.
package final class WeightGathering {
  /// MPI counts bytes in 32 bits.
  package static let pieceFloats = 256 << 20

  /// A number of neighbouring buckets whose parts travel together.
  private struct Piece {
    let count: Int
    /// The ranges of each rank, and where its bytes lie in the message.
    let ranges: [[Range<Int>]]
    let parts: [Range<Int>]
  }

  private let pieces: [Piece]
  private let rank: Int
  private let own: AlignedMemory

  init(layout: BucketLayout, rank: Int, ranks: Int) {
    self.rank = rank
    var pieces: [Piece] = []
    var first = 0
    while first < layout.buckets.count {
      var last = first
      var count = 0
      while last < layout.buckets.count,
        last == first || count + layout.buckets[last].count <= Self.pieceFloats
      {
        count += layout.buckets[last].count
        last += 1
      }
      let ranges = (0..<ranks).map { peer in
        (first..<last).map { layout.parts[$0][peer] }.filter { !$0.isEmpty }
      }
      var offset = 0
      let parts = ranges.map { ranges in
        let bytes = 4 * ranges.reduce(0) { $0 + $1.count }
        defer { offset += bytes }
        return offset..<offset + bytes
      }
      pieces.append(Piece(count: count, ranges: ranges, parts: parts))
      first = last
    }
    self.pieces = pieces
    own = AlignedMemory(
      count: pieces.map { $0.parts[rank].count / 4 }.max() ?? 0, fill: 0)
  }

  var bytes: Int { own.bytes }

  /// Bytes that this rank sends in a step.
  var sentBytes: Int {
    pieces.reduce(0) { $0 + $1.parts[rank].count * ($1.parts.count - 1) }
  }

  /// Brings the parts of all other ranks into `vector`; `scratch` holds all elements of it.
  func run(
    on vector: UnsafeMutablePointer<Float>, scratch: UnsafeMutableRawPointer,
    over communicator: any Communicator
  ) throws {
    for piece in pieces {
      var offset = 0
      for range in piece.ranges[rank] {
        (own.pointer + offset).update(from: vector + range.lowerBound, count: range.count)
        offset += range.count
      }
      try communicator.exchange(
        count: piece.count, scatter: { nil },
        gather: {
          GatherMessages(own: UnsafeRawPointer(own.pointer), all: scratch, parts: piece.parts)
        })
      for (peer, ranges) in piece.ranges.enumerated() where peer != rank {
        var source = (scratch + piece.parts[peer].lowerBound).assumingMemoryBound(to: Float.self)
        for range in ranges {
          (vector + range.lowerBound).update(from: source, count: range.count)
          source += range.count
        }
      }
    }
  }
}
