internal import Collectives
internal import Determinism
internal import Kernels
internal import Losses
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
  /// Whether the weights of classes that take no part in a step stay as they are.
  let keepsIdleRows: Bool

  init(_ objective: DividedHead, from start: Int, in world: World, _ loss: DividedLoss) {
    func shifted(_ range: Range<Int>) -> Range<Int> {
      start + range.lowerBound..<start + range.upperBound
    }
    self.start = start
    self.loss = loss
    keepsIdleRows = objective.sampling?.idleRows == .keep
    isFirst = world.rank == 0
    rowsOfRanks = (0..<world.size).map { shifted(objective.ownRange(of: $0, ranks: world.size)) }
    own = rowsOfRanks[world.rank]
    bias = shifted(objective.biasRange)
  }

  /// The gradient of the block `range`, one of the head's, with 0 for classes that take no part in
  /// the step; it may lie in `scratch` [range.count].
  func gradient(
    of range: Range<Int>, scratch: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    guard let chosen = loss.chosen, isDivided(range.lowerBound) else {
      return loss.gradients + (range.lowerBound - start)
    }
    scratch.update(repeating: 0, count: range.count)
    let head = range.lowerBound - start..<range.upperBound - start
    chosen.forEachRow(of: head) { part, row in
      (scratch + (part.lowerBound - head.lowerBound)).update(
        from: loss.gradients + row, count: part.count)
    }
    return UnsafePointer(scratch)
  }

  /// Whether some classes take no part in a step.
  var areSampled: Bool { loss.chosen != nil }

  /// The sum of squares and a hash of the gradient of the block `range`, one of the head's: of the
  /// parameters whose classes take part in the step and where they are, or of the whole block where
  /// all of them do.
  func measure(_ range: Range<Int>) -> (sumOfSquares: Double, hash: UInt64) {
    var count = 0
    forEachPart(of: range) { part, _ in count += part.count }
    var sum = 0.0
    var hash: UInt64 = 0
    func add(_ part: Range<Int>, _ gradient: UnsafePointer<Float>, seed: UInt64) {
      sum += ReductionKernel.sumOfSquares(of: gradient, count: part.count)
      hash = Hash64.of(
        UnsafeRawBufferPointer(start: gradient, count: 4 * part.count), seed: seed)
    }
    if count == range.count {
      add(range, loss.gradients + (range.lowerBound - start), seed: 0)
    } else {
      forEachPart(of: range) { part, gradient in
        add(part, gradient, seed: hash ^ UInt64(part.lowerBound))
      }
    }
    return (sum, hash)
  }

  /// Calls `body(elements, gradient)` for those parameters in the block `range`, one of the head's,
  /// whose classes take part in the step.
  func forEachPart(
    of range: Range<Int>, _ body: (Range<Int>, UnsafePointer<Float>) -> Void
  ) {
    guard let chosen = loss.chosen else {
      body(range, loss.gradients + (range.lowerBound - start))
      return
    }
    if isDivided(range.lowerBound) {
      chosen.forEachRow(of: range.lowerBound - start..<range.upperBound - start) { part, row in
        body(start + part.lowerBound..<start + part.upperBound, loss.gradients + row)
      }
    } else {
      for element in range where chosen.contains(element - bias.lowerBound) {
        body(element..<element + 1, loss.gradients + (element - start))
      }
    }
  }

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
