/// Sums down the columns of a row-major matrix.
enum ColumnSums {
  /// sums[c] = scale * sum over r of values[r][c]: Float over 512 rows at a time, Double above.
  static func write(
    _ values: UnsafePointer<Float>, rows: Int, columns: Int, scale: Double,
    into sums: UnsafeMutablePointer<Float>
  ) {
    var c = 0
    while c < columns {
      let count = min(8, columns - c)
      var total = SIMD8<Double>()
      var row = 0
      while row < rows {
        let end = min(row + 512, rows)
        var sum = SIMD8<Float>()
        var source = values + row * columns + c
        for _ in row..<end {
          sum += Vector8(source, count: count)
          source += columns
        }
        total += SIMD8<Double>(sum)
        row = end
      }
      total *= scale
      for i in 0..<count { sums[c + i] = Float(total[i]) }
      c += 8
    }
  }
}
