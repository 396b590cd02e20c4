internal import Determinism
internal import Kernels

/// Hashes of a vector's blocks, four at a time where registers are wide enough for that: one alone
/// waits for its multiplications.
package struct BlockHashes: Sendable {
  /// Blocks that are worked on together, as ranges of a list of blocks: up to four whole ones that
  /// lie one behind the other.
  package let groups: [Range<Int>]

  private static let together = 4

  /// Groups of the list `own` of `blocks`; those that are not `joined` stay alone.
  package init(_ own: [Int], of blocks: TensorBlocks, joined: (Int) -> Bool = { _ in true }) {
    var groups: [Range<Int>] = []
    for (place, block) in own.enumerated() {
      if let last = groups.last, last.count < Self.together, joined(block),
        joined(own[place - 1]), own[place - 1] == block - 1,
        blocks.ranges[block - 1].upperBound == blocks.ranges[block].lowerBound,
        blocks.ranges[block - 1].count == TensorBlocks.blockElements,
        blocks.ranges[block].count == TensorBlocks.blockElements
      {
        groups[groups.count - 1] = last.lowerBound..<place + 1
      } else {
        groups.append(place..<place + 1)
      }
    }
    self.groups = groups
  }

  /// Overwrites `hashes` [blocks] with `Hash64.of` of so many blocks of `count` floats each, one
  /// behind the other from `first` on.
  package static func write(
    _ hashes: UnsafeMutablePointer<UInt64>, of first: UnsafePointer<Float>, count: Int,
    blocks: Int
  ) {
    guard blocks == together, HashKernel.hashesFourAtOnce, count % 8 == 0 else {
      for block in 0..<blocks {
        hashes[block] = Hash64.of(
          UnsafeRawBufferPointer(start: first + block * count, count: 4 * count))
      }
      return
    }
    let start = Hash64.startLanes
    var lanes = (start, start, start, start)
    withUnsafeMutableBytes(of: &lanes) {
      HashKernel.advance(
        $0.baseAddress!.assumingMemoryBound(to: UInt64.self), over: first, count: 4 * count,
        primes: Hash64.primes)
    }
    func finish(_ lanes: SIMD4<UInt64>) -> UInt64 {
      Hash64.finish(
        lanes, count: UInt64(4 * count), tail: UnsafeRawBufferPointer(start: nil, count: 0))
    }
    hashes[0] = finish(lanes.0)
    hashes[1] = finish(lanes.1)
    hashes[2] = finish(lanes.2)
    hashes[3] = finish(lanes.3)
  }
}
