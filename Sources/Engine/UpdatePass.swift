package import Collectives
internal import Determinism
internal import Kernels
package import Optimizers
package import State
package import Threads

/// What an update leaves behind, the same on every rank.
package struct UpdateReceipt: Sendable, Equatable {
  /// Of the gradient, before clipping.
  package let norm: Double
  /// Of the bits of the summed gradient, the same on all ranks.
  package let gradientHash: UInt64
  /// Of the weights as they are now.
  package let weightsHash: UInt64
}

/// From gradients to new weights: norm, clipping, the optimizer, and the receipts.
///
/// Everything is done over fixed blocks that depend on the model alone, shared out to the workers
/// and, where the optimizer is sharded, to the ranks, so that any number of either gives the same
/// bits.
package final class UpdatePass: @unchecked Sendable {
  private let groups: ParameterGroups
  private let optimizer: any Optimizer
  private let average: WeightAverage?
  private let pool: WorkerPool
  let blocks: TensorBlocks
  /// The blocks that this rank updates.
  private let ownBlocks: [Int]
  /// Of those, the ones that it tells the other ranks of: all that no rank before it updates too.
  private let toldBlocks: [Int]
  /// The work of `measure`, as places of `ownBlocks`, and of the hashes of the weights, as places
  /// of `hashedBlocks`.
  private let measured, hashed: BlockHashes
  /// The blocks whose weights this rank has when they are updated.
  private let hashedBlocks: [Int]
  /// Of a head that is divided over the ranks: its classes here.
  private let classes: DividedClasses?
  /// Whether ranks update different blocks, and have to tell each other.
  let isDivided: Bool
  private let gradientBlocks: [AlignedMemory.Box]
  private let gradientSums, parameterSums: UnsafeMutablePointer<Double>
  private let gradientHashes, weightHashes: UnsafeMutablePointer<UInt64>
  private let factors: UnsafeMutablePointer<Float>

  /// Updates the blocks that lie in `ownRanges`, which do not cut any; nil updates all. Of a head
  /// that is divided, which is in no range, those of `classes`. The state's average of the weights
  /// follows them as `average` says.
  package init(
    groups: ParameterGroups, blocks: TensorBlocks, optimizer: any Optimizer, pool: WorkerPool,
    ownRanges: [Range<Int>]?, classes: DividedClasses? = nil, average: WeightAverage? = nil
  ) {
    self.average = average
    self.classes = classes
    isDivided = ownRanges != nil || classes != nil
    self.groups = groups
    self.optimizer = optimizer
    self.pool = pool
    self.blocks = blocks
    func own(_ block: Int) -> Bool {
      let start = blocks.ranges[block].lowerBound
      if let classes, start >= classes.start { return classes.owns(start) }
      return ownRanges?.contains { $0.contains(start) } ?? true
    }
    let ownBlocks = blocks.ranges.indices.filter(own)
    self.ownBlocks = ownBlocks
    toldBlocks = ownBlocks.filter { block in
      let start = blocks.ranges[block].lowerBound
      guard let classes else { return true }
      return classes.isFirst
        || (start >= classes.start ? classes.isDivided(start) : ownRanges != nil)
    }
    // The gradients of others come one by one.
    measured = BlockHashes(ownBlocks, of: blocks) { block in
      guard let classes, !classes.areSampled else { return false }
      return blocks.ranges[block].lowerBound >= classes.start
    }
    let hashedBlocks = blocks.ranges.indices.filter { block in
      guard let classes else { return true }
      let start = blocks.ranges[block].lowerBound
      return start < classes.start || classes.owns(start)
    }
    self.hashedBlocks = hashedBlocks
    hashed = BlockHashes(hashedBlocks, of: blocks)
    gradientBlocks = (0..<pool.count).map { _ in
      AlignedMemory.Box(count: TensorBlocks.blockElements)
    }
    gradientSums = .allocate(capacity: blocks.count)
    parameterSums = .allocate(capacity: blocks.count)
    gradientHashes = .allocate(capacity: blocks.count)
    weightHashes = .allocate(capacity: blocks.count)
    factors = .allocate(capacity: groups.tensors.count)
    gradientSums.initialize(repeating: 0, count: blocks.count)
    parameterSums.initialize(repeating: 0, count: blocks.count)
    gradientHashes.initialize(repeating: 0, count: blocks.count)
    weightHashes.initialize(repeating: 0, count: blocks.count)
    factors.initialize(repeating: 1, count: groups.tensors.count)
  }

  deinit {
    gradientSums.deallocate()
    parameterSums.deallocate()
    gradientHashes.deallocate()
    weightHashes.deallocate()
    factors.deallocate()
  }

  /// Numbers that `writeOwn` and `readAll` take of a block: sums of squares of gradient and
  /// parameters, and a hash.
  package static let valuesOfBlock = 2 + HashSum.count

  /// Numbers of the ledger that the blocks take: none where every rank has all of them.
  static func values(
    of blocks: TensorBlocks, _ objective: Objective, isSharded: Bool
  ) -> Int {
    isSharded || objective.divided != nil ? valuesOfBlock * blocks.count : 0
  }

  /// The gradient of a block, wherever it is.
  private func gradient(
    of range: Range<Int>, _ reducer: GradientReducer, on worker: Int
  ) -> UnsafePointer<Float> {
    if let classes, range.lowerBound >= classes.start {
      return classes.gradient(of: range, scratch: gradientBlocks[worker].pointer)
    }
    return reducer.gradient(of: range, scratch: gradientBlocks[worker].pointer)
  }

  /// Squares and hashes the gradient in this rank's blocks, and squares the parameters of `state`
  /// where the optimizer wants that. `apply` makes the gradient anew from the sums, block by block:
  /// a second vector of gradients would cost more than that.
  package func measure(_ reducer: GradientReducer, _ state: ModelState) {
    nonisolated(unsafe) let parameters = state.parameters
    pool.forEach(measured.groups.count) { [self] worker, item in
      let group = measured.groups[item]
      let (first, end) = (ownBlocks[group.lowerBound], ownBlocks[group.upperBound - 1] + 1)
      let range = blocks.ranges[first]
      if optimizer.needsTensorFactors {
        blocks.sumsOfSquares(of: parameters, in: first..<end, into: parameterSums)
      }
      if let classes, classes.areSampled, range.lowerBound >= classes.start {
        (gradientSums[first], gradientHashes[first]) = classes.measure(range)
        return
      }
      let gradient = gradient(of: range, reducer, on: worker)
      for block in first..<end {
        gradientSums[block] = ReductionKernel.sumOfSquares(
          of: gradient + (block - first) * range.count, count: blocks.ranges[block].count)
      }
      BlockHashes.write(
        gradientHashes + first, of: gradient, count: range.count, blocks: group.count)
    }
  }

  /// Writes what this rank has measured to `values` [valuesOfBlock x blocks], 0 where other ranks
  /// measure: added to zeros, every number arrives as it is.
  package func writeOwn(to values: UnsafeMutablePointer<Double>) {
    values.update(repeating: 0, count: Self.valuesOfBlock * blocks.count)
    for block in toldBlocks {
      let place = values + Self.valuesOfBlock * block
      place[0] = gradientSums[block]
      place[1] = parameterSums[block]
      HashSum.write(gradientHashes[block], to: place + 2)
    }
  }

  /// Takes over what all ranks have measured.
  package func readAll(from values: UnsafePointer<Double>) {
    for block in 0..<blocks.count {
      let place = values + Self.valuesOfBlock * block
      gradientSums[block] = place[0]
      parameterSums[block] = place[1]
      gradientHashes[block] = HashSum.read(place + 2)
    }
  }

  /// Updates this rank's blocks of `state` along the measured gradient, lets `gather` bring those
  /// of the other ranks, and takes the receipts; of classes that other ranks have it gets those
  /// over `communicator`. Throws what these throw.
  package func apply(
    to state: ModelState, _ reducer: GradientReducer, index: Int, rates: LearningRates,
    clipping: GradientClipping?, over communicator: any Communicator = SoloCommunicator(),
    gather: () throws -> Void
  ) throws -> UpdateReceipt {
    nonisolated(unsafe) let parameters = state.parameters
    nonisolated(unsafe) let vectors = state.vectorsPointer
    nonisolated(unsafe) let averages = state.average
    let norm = blocks.norm(from: gradientSums)
    let clipScale = Float(clipping?.scale(norm: norm) ?? 1)
    if optimizer.needsTensorFactors {
      optimizer.tensorFactors(
        parameterSums: parameterSums, gradientSums: gradientSums, blocks: blocks, of: groups,
        gradientScale: clipScale, into: factors)
    }
    let step = OptimizerStep(
      index: index, rates: rates, gradientScale: clipScale,
      tensorFactors: UnsafePointer(factors))
    pool.forEach(ownBlocks.count) { [self] worker, item in
      let range = blocks.ranges[ownBlocks[item]]
      func update(_ part: Range<Int>, _ gradient: UnsafePointer<Float>) {
        optimizer.update(
          parameters, along: gradient - part.lowerBound, state: vectors, in: part, of: groups,
          at: step)
      }
      if let classes, classes.keepsIdleRows, range.lowerBound >= classes.start {
        classes.forEachPart(of: range, update)
      } else {
        update(range, gradient(of: range, reducer, on: worker))
      }
      if let average, let averages {
        average.update(averages, towards: parameters, in: range, index: index)
      }
    }
    try gather()
    pool.forEach(hashed.groups.count) { [self] _, item in
      let group = hashed.groups[item]
      let first = hashedBlocks[group.lowerBound]
      let range = blocks.ranges[first]
      BlockHashes.write(
        weightHashes + first, of: parameters + range.lowerBound, count: range.count,
        blocks: group.count)
    }
    try classes?.gather(weightHashes, of: blocks, over: communicator)
    return UpdateReceipt(
      norm: norm, gradientHash: combined(gradientHashes), weightsHash: combined(weightHashes))
  }

  private func combined(_ hashes: UnsafePointer<UInt64>) -> UInt64 {
    Hash64.of(UnsafeRawBufferPointer(start: hashes, count: 8 * blocks.count))
  }
}
