import Determinism
import Optimizers
import Testing

@Suite struct BlockHashesTests {
  private static func blocks(_ counts: [Int]) -> TensorBlocks {
    var tensors: [ParameterGroups.Tensor] = []
    var place = 0
    for count in counts {
      tensors.append(.init(range: place..<place + count, part: .backbone, decays: true))
      place += count
    }
    return TensorBlocks(ParameterGroups(tensors, count: place))
  }

  @Test(arguments: [1, 2, 3, 4], [8, 24, 65_536, 7, 65_530])
  func severalAtOnceAreHashedAsAlone(blocks: Int, count: Int) {
    let values = (0..<blocks * count).map { Float($0) * 1.37 - 5 }
    var hashes = [UInt64](repeating: 0, count: blocks)
    BlockHashes.write(&hashes, of: values, count: count, blocks: blocks)
    for block in 0..<blocks {
      let expected = values[block * count..<(block + 1) * count].withUnsafeBytes { Hash64.of($0) }
      #expect(hashes[block] == expected)
    }
  }

  @Test func wholeNeighboursOfATensorGoTogether() {
    // Six whole blocks and a short one; one whole; a short one.
    let size = TensorBlocks.blockElements
    let blocks = Self.blocks([6 * size + 5, size, 3])
    let all = Array(0..<blocks.count)
    #expect(BlockHashes(all, of: blocks).groups == [0..<4, 4..<6, 6..<7, 7..<8, 8..<9])
    #expect(
      BlockHashes(all, of: blocks, joined: { $0 != 1 }).groups
        == [0..<1, 1..<2, 2..<6, 6..<7, 7..<8, 8..<9])
    // Of those that others have, none comes between.
    #expect(BlockHashes([0, 2, 3, 5], of: blocks).groups == [0..<1, 1..<3, 3..<4])
  }
}
