internal import Determinism
internal import Kernels
internal import Optimizers

/// From exact gradient sums to new weights: norm, clipping, the optimizer, and the receipts.
///
/// Everything is done over fixed blocks that depend on the model alone, shared out to the workers,
/// so that any number of threads and ranks gives the same bits.
final class UpdatePass: @unchecked Sendable {
  private let groups: ParameterGroups
  private let optimizer: any Optimizer
  private let pool: WorkerPool
  private let blocks: TensorBlocks
  private let gradientBlocks: [AlignedMemory.Box]
  private let gradientSums, parameterSums: UnsafeMutablePointer<Double>
  private let gradientHashes, weightHashes: UnsafeMutablePointer<UInt64>
  private let factors: UnsafeMutablePointer<Float>

  init(groups: ParameterGroups, optimizer: any Optimizer, pool: WorkerPool) {
    self.groups = groups
    self.optimizer = optimizer
    self.pool = pool
    blocks = TensorBlocks(groups)
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

  /// Updates `state` along `sums` x `scale`.
  func run(
    state: ModelState, sums: UnsafePointer<Double>, scale: Double, index: Int,
    rates: LearningRates, clipping: GradientClipping?
  ) -> (norm: Double, gradientHash: UInt64, weightHash: UInt64) {
    nonisolated(unsafe) let sums = sums
    nonisolated(unsafe) let parameters = state.parameters
    nonisolated(unsafe) let optimizerState = state.optimizer
    let lars = optimizer as? LARS
    pool.forEach(blocks.count) { [self] worker, block in
      let range = blocks.ranges[block]
      let gradient = gradientBlocks[worker].pointer
      GridKernel.finish(
        sums + range.lowerBound, count: range.count, scale: scale, into: gradient)
      gradientSums[block] = ReductionKernel.sumOfSquares(of: gradient, count: range.count)
      gradientHashes[block] = Hash64.of(
        UnsafeRawBufferPointer(start: sums + range.lowerBound, count: 8 * range.count))
      if lars != nil {
        blocks.sumsOfSquares(of: parameters, in: block..<block + 1, into: parameterSums)
      }
    }
    let norm = blocks.norm(from: gradientSums)
    let clipScale = Float(clipping?.scale(norm: norm) ?? 1)
    lars?.tensorFactors(
      parameterSums: parameterSums, gradientSums: gradientSums, blocks: blocks, of: groups,
      gradientScale: clipScale, into: factors)
    let step = OptimizerStep(
      index: index, rates: rates, gradientScale: clipScale,
      tensorFactors: lars == nil ? nil : UnsafePointer(factors))
    pool.forEach(blocks.count) { [self] worker, block in
      let range = blocks.ranges[block]
      let gradient = gradientBlocks[worker].pointer
      GridKernel.finish(
        sums + range.lowerBound, count: range.count, scale: scale, into: gradient)
      optimizer.update(
        parameters, along: UnsafePointer(gradient - range.lowerBound), state: optimizerState,
        in: range, of: groups, at: step)
      weightHashes[block] = Hash64.of(
        UnsafeRawBufferPointer(start: parameters + range.lowerBound, count: 4 * range.count))
    }
    return (norm, combined(gradientHashes), combined(weightHashes))
  }

  private func combined(_ hashes: UnsafePointer<UInt64>) -> UInt64 {
    Hash64.of(UnsafeRawBufferPointer(start: hashes, count: 8 * blocks.count))
  }
}

extension AlignedMemory {
  /// Memory in an array, which cannot hold noncopyable values.
  final class Box {
    private let memory: AlignedMemory

    init(count: Int) { memory = AlignedMemory(count: count, fill: 0) }

    var pointer: UnsafeMutablePointer<Float> { memory.pointer }
  }
}
