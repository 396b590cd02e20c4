private import Determinism
private import Kernels
private import Preconditions

/// The classes of a head cut into blocks that ranks share out, a function of classes, their centres
/// and the width alone. With several centres a class, what is said of classes holds for the rows of
/// the weights, and a block has all rows of its classes.
///
/// A block is a whole number of everything that the whole head does by ranges of classes, so that
/// no range is cut between two ranks: its products, its partial sums of exponentials, and the
/// blocks over which norms and receipts are taken.
package struct HeadBlocks: Sendable, Equatable {
  /// Rows of the weights of the head: its classes, or the centres of all.
  package let classes: Int
  /// The width of an embedding.
  package let dimension: Int
  /// Classes of a product of the whole head.
  let productClasses: Int
  /// Classes whose scores lie together: products and partial sums, both whole.
  package let tileClasses: Int
  /// Classes of a block, the last of which may be short.
  package let blockClasses: Int

  /// Elements of a tensor over which a norm is summed at a time (`TensorBlocks.blockElements`).
  private static let normElements = 65_536

  /// The blocks of a head of `classes` classes, with so many `centres` each, and `dimension`
  /// numbers.
  package init(classes: Int, dimension: Int, centres: Int = 1) {
    require(
      classes >= 1 && dimension >= 1 && centres >= 1,
      "HeadBlocks: \(classes) classes of dimension \(dimension), \(centres) centres")
    self.classes = classes * centres
    self.dimension = dimension
    productClasses = MarginSoftmaxHead.productClasses(dimension: dimension)
    tileClasses = Self.leastCommonMultiple(
      Self.leastCommonMultiple(productClasses, SoftmaxChain.chunk), centres)
    blockClasses = Self.leastCommonMultiple(
      tileClasses,
      Self.normElements / Self.greatestCommonDivisor(Self.normElements, dimension))
  }

  /// The blocks of `head`.
  package init(of head: MarginSoftmaxHead) {
    self.init(classes: head.classes, dimension: head.dimension, centres: head.subCentres)
  }

  /// How many blocks there are.
  package var count: Int { (classes + blockClasses - 1) / blockClasses }

  /// How many of `ranks` ranks have a block: the first ones.
  package func activeRanks(of ranks: Int) -> Int { min(ranks, count) }

  /// The classes of rank `rank` of `ranks`, contiguous and in the order of the ranks; none where
  /// there are fewer blocks than ranks before it.
  package func classes(of rank: Int, ranks: Int) -> Range<Int> {
    let share = Microbatches.share(of: count, rank: rank, size: ranks)
    return min(
      share.lowerBound * blockClasses, classes)..<min(
        share.upperBound * blockClasses, classes)
  }

  /// The tiles of `range`, classes of a rank, in order.
  package func tiles(of range: Range<Int>) -> [Range<Int>] {
    stride(from: range.lowerBound, to: range.upperBound, by: tileClasses).map {
      $0..<min($0 + tileClasses, range.upperBound)
    }
  }

  /// The pieces in which `rows`, faces of a batch, pass `activeRanks` ranks of `threads` workers:
  /// so many that the ranks wait little, each with enough rows for a product.
  package static func pieces(
    of rows: Range<Int>, activeRanks: Int, threads: Int
  ) -> [Range<Int>] {
    let wanted = activeRanks == 1 ? 1 : piecesForRank * (activeRanks - 1)
    let tile = tileRows * threads
    let size = max(1, (rows.count + wanted * tile - 1) / (wanted * tile)) * tile
    // A last piece of less than a tile would read all weights for few rows.
    let count = rows.isEmpty ? 0 : max(1, (rows.count + size - tile) / size)
    return (0..<count).map {
      let start = rows.lowerBound + $0 * size
      return start..<($0 + 1 == count ? rows.upperBound : start + size)
    }
  }

  private static let piecesForRank = 8
  /// Rows of a product that registers hold at a time.
  private static let tileRows = 12

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
  }

  private static func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
    a / greatestCommonDivisor(a, b) * b
  }
}
