/// Sums and sums of squares of the channels of an output, taken while it is in cache: Float over at
/// most about a thousand values, Double beyond.
enum ConvolutionStatistics {
  /// Adds those of `rows` rows of [columns] floats to `statistics` [2][columns].
  @inline(never)
  static func accumulate(
    _ values: Floats, rows: Int, columns: Int, addingTo statistics: UnsafeMutablePointer<Double>
  ) {
    var column = 0
    // Four vectors abreast hide the latency of the sums.
    while column + 32 <= columns {
      var (s0, s1, s2, s3) = (Vector8(), Vector8(), Vector8(), Vector8())
      var (q0, q1, q2, q3) = (Vector8(), Vector8(), Vector8(), Vector8())
      var p = values + column
      for _ in 0..<rows {
        sum(p[vector: 0], &s0, &q0)
        sum(p[vector: 8], &s1, &q1)
        sum(p[vector: 16], &s2, &q2)
        sum(p[vector: 24], &s3, &q3)
        p += columns
      }
      let (sums, squares) = (statistics + column, statistics + columns + column)
      add(s0, to: sums)
      add(s1, to: sums + 8)
      add(s2, to: sums + 16)
      add(s3, to: sums + 24)
      add(q0, to: squares)
      add(q1, to: squares + 8)
      add(q2, to: squares + 16)
      add(q3, to: squares + 24)
      column += 32
    }
    while column + 8 <= columns {
      var (s, q) = (Vector8(), Vector8())
      for row in 0..<rows { sum(values[vector: row * columns + column], &s, &q) }
      add(s, to: statistics + column)
      add(q, to: statistics + columns + column)
      column += 8
    }
    while column < columns {
      var (sum, squares) = (Float(), Float())
      for row in 0..<rows {
        let v = values[row * columns + column]
        sum += v
        squares = squares.addingProduct(v, v)
      }
      statistics[column] += Double(sum)
      statistics[columns + column] += Double(squares)
      column += 1
    }
  }

  /// Adds the partial sums [2][stride], of which `count` (a multiple of 8) are meant, to the
  /// channels from `first` on of `statistics` [2][columns], and clears them.
  @inline(never)
  static func fold(
    _ partial: MutableFloats, stride: Int, count: Int, first: Int, columns: Int,
    addingTo statistics: UnsafeMutablePointer<Double>
  ) {
    for i in Swift.stride(from: 0, to: count, by: 8) {
      add(partial[vector: i], to: statistics + first + i)
      add(partial[vector: stride + i], to: statistics + columns + first + i)
    }
    partial.zero(2 * stride)
  }

  @inline(__always)
  private static func sum(_ v: Vector8, _ sum: inout Vector8, _ squares: inout Vector8) {
    sum += v
    squares = squares.addingProduct(v, v)
  }

  @inline(__always)
  private static func add(_ v: Vector8, to target: UnsafeMutablePointer<Double>) {
    let raw = UnsafeMutableRawPointer(target)
    let sum = UnsafeRawPointer(target).loadUnaligned(as: SIMD8<Double>.self) + SIMD8<Double>(v)
    raw.storeBytes(of: sum, as: SIMD8<Double>.self)
  }
}
