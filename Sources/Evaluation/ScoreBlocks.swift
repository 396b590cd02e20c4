private import Foundation
internal import Kernels

/// Inner products of many rows, on all threads.
package enum ScoreBlocks {
  /// Rows of a block: with a gallery of 160,000 its products take 20 MiB a thread.
  private static let blockRows = 32

  /// The results of `body(row, products)`, by row: the products [m] of row i of `rows`
  /// [n, dimension] with all of `others` [m, dimension]. `body` is called from several threads.
  package static func map<Result: Sendable>(
    _ rows: [Float], against others: [Float], dimension: Int, threads: Int,
    _ body: @Sendable (Int, UnsafeMutableBufferPointer<Float>) -> Result
  ) -> [Result] {
    let rowCount = rows.count / dimension
    let otherCount = others.count / dimension
    guard rowCount > 0, otherCount > 0 else { return [] }
    let blockCount = (rowCount + blockRows - 1) / blockRows
    let lanes = min(threads, blockCount)
    nonisolated(unsafe) let results = UnsafeMutablePointer<Result?>.allocate(capacity: rowCount)
    results.initialize(repeating: nil, count: rowCount)
    defer {
      results.deinitialize(count: rowCount)
      results.deallocate()
    }
    DispatchQueue.concurrentPerform(iterations: lanes) { lane in
      var products = [Float](repeating: 0, count: blockRows * otherCount)
      for block in stride(from: lane, to: blockCount, by: lanes) {
        let first = block * blockRows
        let count = min(blockRows, rowCount - first)
        products.withUnsafeMutableBufferPointer { products in
          rows.withUnsafeBufferPointer { rows in
            others.withUnsafeBufferPointer { others in
              DenseProduct.multiply(
                rows.baseAddress! + first * dimension, others.baseAddress!, transposeB: true,
                rows: count, columns: otherCount, inner: dimension, into: products.baseAddress!)
            }
          }
          for row in 0..<count {
            let own = UnsafeMutableBufferPointer(
              rebasing: products[row * otherCount..<(row + 1) * otherCount])
            results[first + row] = body(first + row, own)
          }
        }
      }
    }
    return (0..<rowCount).map { results[$0]! }
  }

  /// The inner product of rows `first[i]` and `second[i]` of `values` [n, dimension] for every i,
  /// in double precision: among millions of scores a threshold lies between two that are hardly
  /// apart.
  package static func pairs(
    _ values: [Float], dimension: Int, first: [Int32], second: [Int32], threads: Int
  ) -> [Double] {
    let count = first.count
    let chunk = 1 << 16
    let chunks = (count + chunk - 1) / chunk
    let lanes = max(1, min(threads, chunks))
    return [Double](unsafeUninitializedCapacity: count) { buffer, written in
      nonisolated(unsafe) let out = buffer
      DispatchQueue.concurrentPerform(iterations: lanes) { lane in
        values.withUnsafeBufferPointer { values in
          for index in stride(from: lane, to: chunks, by: lanes) {
            for pair in index * chunk..<min(count, (index + 1) * chunk) {
              out[pair] = product(
                values.baseAddress! + Int(first[pair]) * dimension,
                values.baseAddress! + Int(second[pair]) * dimension, dimension)
            }
          }
        }
      }
      written = count
    }
  }

  /// In eight lanes, which are added at the end.
  private static func product(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
  ) -> Double {
    var sums = SIMD8<Double>(repeating: 0)
    let (a8, b8) = (UnsafeRawPointer(a), UnsafeRawPointer(b))
    var at = 0
    while at + 8 <= count {
      sums +=
        SIMD8<Double>(a8.loadUnaligned(fromByteOffset: 4 * at, as: SIMD8<Float>.self))
        * SIMD8<Double>(b8.loadUnaligned(fromByteOffset: 4 * at, as: SIMD8<Float>.self))
      at += 8
    }
    var sum = sums.sum()
    while at < count {
      sum += Double(a[at]) * Double(b[at])
      at += 1
    }
    return sum
  }
}
