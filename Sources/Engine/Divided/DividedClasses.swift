internal import Collectives
internal import Optimizers

/// Which elements of the flat vector are this rank's part of a divided head, for whoever walks over
/// the blocks of an update.
package struct DividedClasses {
  /// Where the head begins in the flat vector.
  let start: Int
  /// Whether this rank speaks for what all ranks have.
  let isFirst: Bool
  /// This rank's rows of the weights.
  private let own: Range<Int>
  /// What every rank has and updates alike.
  private let bias: Range<Int>
  private let rowsOfRanks: [Range<Int>]
  private let loss: DividedLoss

  init(_ objective: DividedHead, from start: Int, in world: World, _ loss: DividedLoss) {
    func shifted(_ range: Range<Int>) -> Range<Int> {
      start + range.lowerBound..<start + range.upperBound
    }
    self.start = start
    self.loss = loss
    isFirst = world.rank == 0
    rowsOfRanks = (0..<world.size).map { shifted(objective.ownRange(of: $0, ranks: world.size)) }
    own = rowsOfRanks[world.rank]
    bias = shifted(objective.biasRange)
  }

  /// The gradients of the head's parameters, from its first.
  var gradients: UnsafePointer<Float> { loss.gradients }

  /// Whether this rank updates the block that begins at `element`, which is one of the head's.
  func owns(_ element: Int) -> Bool { own.contains(element) || bias.contains(element) }

  /// Whether one rank alone updates the block that begins at `element`.
  func isDivided(_ element: Int) -> Bool { !bias.contains(element) }

  /// Brings the hashes of the blocks of all ranks' classes together on every rank.
  func gather(
    _ hashes: UnsafeMutablePointer<UInt64>, of blocks: TensorBlocks,
    over communicator: any Communicator
  ) throws {
    guard communicator.size > 1 else { return }
    let parts = rowsOfRanks.map { rows in
      let first = blocks.firstIndex(from: rows.lowerBound)
      return first..<max(first, blocks.firstIndex(from: rows.upperBound))
    }
    try communicator.allGather(
      UnsafeMutableBufferPointer(start: hashes, count: blocks.count), parts: parts)
  }
}

extension TensorBlocks {
  /// The first block that begins at `element` or behind it; `count` where there is none.
  fileprivate func firstIndex(from element: Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].lowerBound < element { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
