internal import Kernels

/// Inner products of many rows with many rows, a block at a time, so that no square matrix is held.
enum Similarity {
  /// The rows of a block: large enough for the product to run at speed, small enough to stay
  /// cached.
  private static let blockRows = 128

  /// Calls `body(row, products)` for every row of `rows` [n, dimension], in order, with its inner
  /// products [m] with all rows of `others` [m, dimension].
  ///
  /// `isRepeatable` products have the same bits on every processor, as figures must that choose the
  /// best checkpoint; others are OpenBLAS's, which is a tenth faster with so many rows.
  static func forEachRow(
    _ rows: [Float], against others: [Float], dimension: Int, isRepeatable: Bool = false,
    _ body: (Int, UnsafeBufferPointer<Float>) -> Void
  ) {
    let rowCount = rows.count / dimension
    let otherCount = others.count / dimension
    guard rowCount > 0, otherCount > 0 else { return }
    var block = [Float](repeating: 0, count: min(blockRows, rowCount) * otherCount)
    rows.withUnsafeBufferPointer { rows in
      others.withUnsafeBufferPointer { others in
        block.withUnsafeMutableBufferPointer { block in
          guard let r = rows.baseAddress, let o = others.baseAddress, let p = block.baseAddress
          else { return }
          for first in stride(from: 0, to: rowCount, by: blockRows) {
            let count = min(blockRows, rowCount - first)
            if isRepeatable {
              LinearKernel.forward(
                r + first * dimension, weights: o, bias: nil, rows: count, inputs: dimension,
                outputs: otherCount, into: p)
            } else {
              DenseProduct.multiply(
                r + first * dimension, o, transposeB: true, rows: count, columns: otherCount,
                inner: dimension, into: p)
            }
            for row in 0..<count {
              body(first + row, UnsafeBufferPointer(start: p + row * otherCount, count: otherCount))
            }
          }
        }
      }
    }
  }
}
