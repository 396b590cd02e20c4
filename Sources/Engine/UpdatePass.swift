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
  private let pool: WorkerPool
  let blocks: TensorBlocks
  /// The blocks that this rank updates.
  private let ownBlocks: [Int]
  private let gradientBlocks: [AlignedMemory.Box]
  private let gradientSums, parameterSums: UnsafeMutablePointer<Double>
  private let gradientHashes, weightHashes: UnsafeMutablePointer<UInt64>
  private let factors: UnsafeMutablePointer<Float>

  /// Updates the blocks that lie in `ownRanges`, which do not cut any; nil updates all.
  package init(
    groups: ParameterGroups, blocks: TensorBlocks, optimizer: any Optimizer, pool: WorkerPool,
    ownRanges: [Range<Int>]?
  ) {
    self.groups = groups
    self.optimizer = optimizer
    self.pool = pool
    self.blocks = blocks
    ownBlocks =
      ownRanges.map { ranges in
        blocks.ranges.indices.filter { block in
          ranges.contains { $0.contains(blocks.ranges[block].lowerBound) }
        }
      } ?? Array(blocks.ranges.indices)
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

  /// Numbers that `writeOwn` and `readAll` take of a block: a sum of squares and a hash.
  package static let valuesOfBlock = 1 + HashSum.count

  /// Squares and hashes the gradient in this rank's blocks. `apply` makes it anew from the sums,
  /// block by block: a second vector of gradients would cost more than that.
  package func measure(_ reducer: GradientReducer) {
    pool.forEach(ownBlocks.count) { [self] worker, item in
      let block = ownBlocks[item]
      let range = blocks.ranges[block]
      let gradient = reducer.gradient(of: range, scratch: gradientBlocks[worker].pointer)
      gradientSums[block] = ReductionKernel.sumOfSquares(of: gradient, count: range.count)
      gradientHashes[block] = Hash64.of(
        UnsafeRawBufferPointer(start: gradient, count: 4 * range.count))
    }
  }

  /// Writes what this rank has measured to `values` [valuesOfBlock x blocks], 0 where other ranks
  /// measure: added to zeros, every number arrives as it is.
  package func writeOwn(to values: UnsafeMutablePointer<Double>) {
    values.update(repeating: 0, count: Self.valuesOfBlock * blocks.count)
    for block in ownBlocks {
      let place = values + Self.valuesOfBlock * block
      place[0] = gradientSums[block]
      HashSum.write(gradientHashes[block], to: place + 1)
    }
  }

  /// Takes over what all ranks have measured.
  package func readAll(from values: UnsafePointer<Double>) {
    for block in 0..<blocks.count {
      let place = values + Self.valuesOfBlock * block
      gradientSums[block] = place[0]
      gradientHashes[block] = HashSum.read(place + 1)
    }
  }

  /// Updates this rank's blocks of `state` along the measured gradient, lets `gather` bring those
  /// of the other ranks, and takes the receipts.
  package func apply(
    to state: ModelState, _ reducer: GradientReducer, index: Int, rates: LearningRates,
    clipping: GradientClipping?, gather: () throws -> Void
  ) rethrows -> UpdateReceipt {
    nonisolated(unsafe) let parameters = state.parameters
    nonisolated(unsafe) let vectors = state.vectorsPointer
    if optimizer.needsTensorFactors {
      pool.forEach(blocks.count) { [self] _, block in
        blocks.sumsOfSquares(of: parameters, in: block..<block + 1, into: parameterSums)
      }
    }
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
      let gradient = reducer.gradient(of: range, scratch: gradientBlocks[worker].pointer)
      optimizer.update(
        parameters, along: gradient - range.lowerBound, state: vectors, in: range,
        of: groups, at: step)
    }
    try gather()
    pool.forEach(blocks.count) { [self] _, block in
      let range = blocks.ranges[block]
      weightHashes[block] = Hash64.of(
        UnsafeRawBufferPointer(start: parameters + range.lowerBound, count: 4 * range.count))
    }
    return UpdateReceipt(
      norm: norm, gradientHash: combined(gradientHashes), weightsHash: combined(weightHashes))
  }

  private func combined(_ hashes: UnsafePointer<UInt64>) -> UInt64 {
    Hash64.of(UnsafeRawBufferPointer(start: hashes, count: 8 * blocks.count))
  }
}
