private import Kernels
private import Preconditions

/// The tensors of a flat vector cut into fixed blocks of at most 65,536 elements, the unit in which
/// norms are summed: threads may share the blocks in any way and the norms keep their bits.
package struct TensorBlocks: Sendable, Equatable {
  /// Elements of a block at most: norms are sums over blocks, whoever computes them.
  package static let blockElements = 65_536

  /// The blocks in the order of the vector.
  package let ranges: [Range<Int>]
  /// For each tensor, which blocks are its own.
  package let blocksOfTensor: [Range<Int>]

  /// Cuts every tensor of `groups` into blocks, the last of which may be short.
  package init(_ groups: ParameterGroups) {
    var ranges: [Range<Int>] = []
    var blocksOfTensor: [Range<Int>] = []
    for tensor in groups.tensors {
      let first = ranges.count
      for start in stride(
        from: tensor.range.lowerBound, to: tensor.range.upperBound, by: Self.blockElements)
      {
        ranges.append(start..<min(start + Self.blockElements, tensor.range.upperBound))
      }
      blocksOfTensor.append(first..<ranges.count)
    }
    self.ranges = ranges
    self.blocksOfTensor = blocksOfTensor
  }

  /// How many blocks there are.
  package var count: Int { ranges.count }

  /// Overwrites elements `blocks` of `sums` [count] with the sums of squares of those blocks of
  /// `vector`, in Double.
  package func sumsOfSquares(
    of vector: UnsafePointer<Float>, in blocks: Range<Int>,
    into sums: UnsafeMutablePointer<Double>
  ) {
    require(
      blocks.lowerBound >= 0 && blocks.upperBound <= count,
      "TensorBlocks: blocks \(blocks) of \(count)")
    for block in blocks {
      sums[block] = ReductionKernel.sumOfSquares(
        of: vector + ranges[block].lowerBound, count: ranges[block].count)
    }
  }

  /// The Euclidean norm of tensor `index` from the sums of its blocks.
  package func norm(ofTensor index: Int, from sums: UnsafePointer<Double>) -> Double {
    var total = 0.0
    for block in blocksOfTensor[index] { total += sums[block] }
    return total.squareRoot()
  }

  /// The Euclidean norm of the whole vector from the sums of all blocks.
  package func norm(from sums: UnsafePointer<Double>) -> Double {
    var total = 0.0
    for block in 0..<count { total += sums[block] }
    return total.squareRoot()
  }
}
