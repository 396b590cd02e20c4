import Collectives
import Testing

@Suite struct BucketLayoutTests {
  /// Blocks of tensors of uneven sizes, as a model has them.
  private static let blocks: [Range<Int>] = {
    var blocks: [Range<Int>] = []
    var start = 0
    for size in [1_728, 64, 64, 65_536, 65_536, 11_000, 512, 512, 65_536, 65_536, 40_000, 7] {
      blocks.append(start..<start + size)
      start += size
    }
    return blocks
  }()
  private static let count = blocks.last!.upperBound

  @Test(arguments: [1, 2, 3, 8, 40], [false, true])
  func partsAreTheWhole(ranks: Int, wholeBlocks: Bool) {
    for minimum in [1, 5_000, 100_000, 10_000_000] {
      let layout = BucketLayout(
        count: Self.count, blocks: Self.blocks, minimumCount: minimum, ranks: ranks,
        wholeBlocks: wholeBlocks)
      #expect(layout.buckets.first?.upperBound == Self.count)
      #expect(layout.buckets.last?.lowerBound == 0)
      #expect(
        zip(layout.buckets, layout.buckets.dropFirst()).allSatisfy {
          $0.lowerBound == $1.upperBound
        })
      #expect(layout.buckets.dropLast().allSatisfy { $0.count >= minimum })
      for (index, bucket) in layout.buckets.enumerated() {
        let parts = layout.parts[index].filter { !$0.isEmpty }
          .sorted { $0.lowerBound < $1.lowerBound }
        #expect(layout.parts[index].count == ranks)
        #expect(parts.first?.lowerBound == bucket.lowerBound)
        #expect(parts.last?.upperBound == bucket.upperBound)
        #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        #expect(layout.bucket(of: bucket.lowerBound) == index)
        #expect(layout.bucket(of: bucket.upperBound - 1) == index)
        if wholeBlocks {
          let starts = Set(Self.blocks.map(\.lowerBound))
          #expect(parts.allSatisfy { starts.contains($0.lowerBound) })
        }
      }
      let owned = (0..<ranks).flatMap { layout.ranges(of: $0) }.reduce(0) { $0 + $1.count }
      #expect(owned == Self.count)
    }
  }

  @Test func equalPartsDifferByASixteenAtMostAndBlocksAreSpread() {
    let equal = BucketLayout(
      count: Self.count, blocks: Self.blocks, minimumCount: 1 << 30, ranks: 8, wholeBlocks: false)
    let sizes = equal.parts[0].map(\.count)
    #expect(sizes.max()! - sizes[1] == 0 && sizes.max()! < Self.count / 8 + 16)
    // Twenty equal blocks over five ranks in buckets of four: nobody gets more than four.
    let blocks = (0..<20).map { 1000 * $0..<1000 * ($0 + 1) }
    let spread = BucketLayout(
      count: 20_000, blocks: blocks, minimumCount: 4_000, ranks: 5, wholeBlocks: true)
    let owned = (0..<5).map { spread.ranges(of: $0).reduce(0) { $0 + $1.count } }
    #expect(owned == [4000, 4000, 4000, 4000, 4000])
  }
}
