/// Inner products of many rows with many rows, a block at a time, so that no square matrix is held.
enum Similarity {
  /// The rows of a block: large enough for the product to run at speed, small enough to stay cached.
  private static let blockRows = 128

  /// Calls `body(row, products)` for every row of `rows` [n, dimension], in order, with its inner
  /// products [m] with all rows of `others` [m, dimension].
  static func forEachRow(
    _ rows: [Float], against others: [Float], dimension: Int,
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
            multiply(
              r + first * dimension, count, o, otherCount, dimension: dimension, into: p)
            for row in 0..<count {
              body(first + row, UnsafeBufferPointer(start: p + row * otherCount, count: otherCount))
            }
          }
        }
      }
    }
  }

  /// products [rowCount, otherCount] = rows [rowCount, dimension] x others [otherCount, dimension]^T.
  private static func multiply(
    _ rows: UnsafePointer<Float>, _ rowCount: Int, _ others: UnsafePointer<Float>,
    _ otherCount: Int, dimension: Int, into products: UnsafeMutablePointer<Float>
  ) {
    for other in 0..<otherCount {
      let b = others + other * dimension
      for row in 0..<rowCount {
        let a = rows + row * dimension
        var sum = SIMD8<Float>(repeating: 0)
        var i = 0
        while i + 8 <= dimension {
          let x = UnsafeRawPointer(a + i).loadUnaligned(as: SIMD8<Float>.self)
          let y = UnsafeRawPointer(b + i).loadUnaligned(as: SIMD8<Float>.self)
          sum += x * y
          i += 8
        }
        var rest: Float = 0
        while i < dimension {
          rest += a[i] * b[i]
          i += 1
        }
        products[row * otherCount + other] = sum.sum() + rest
      }
    }
  }
}
