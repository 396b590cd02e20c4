private import Preconditions

/// Rows of unit length and the squared distances between them, in Double.
///
/// Each distance is a sum of squared differences over eight fixed lanes: it depends on its two rows
/// alone, not on how many are worked on at once, and is the same bits in both directions.
package enum DistanceKernel {
  /// The elements from one row of units to the next: `width` rounded up to whole lanes.
  package static func stride(width: Int) -> Int { (width + 7) & ~7 }

  /// Lengths below this are taken for it, as in `NormalizeKernel`.
  package static let smallestNorm = 1e-12

  /// How many rows stay in the first-level cache while all anchors pass them.
  private static let tileRows = 8

  /// Overwrites `units` [rows, stride(width:)] with x / max(||x||, 1e-12) for each row x of
  /// `matrix` [rows, width], zeros behind, and `inverseNorms` [rows] with the factors.
  package static func normalize(
    _ matrix: UnsafePointer<Float>, rows: Int, width: Int,
    into units: UnsafeMutablePointer<Double>, inverseNorms: UnsafeMutablePointer<Double>
  ) {
    let stride = stride(width: width)
    for row in 0..<rows {
      let source = matrix + row * width
      let unit = units + row * stride
      let square = ReductionKernel.sumOfSquares(of: source, count: width)
      let factor = 1 / max(square.squareRoot(), smallestNorm)
      inverseNorms[row] = square.isFinite ? factor : .nan
      for i in 0..<width { unit[i] = Double(source[i]) * factor }
      for i in width..<stride { unit[i] = 0 }
    }
  }

  /// Overwrites `distances` [anchorCount, rowCount] with ||anchor - row||^2 for `anchors`
  /// [anchorCount, stride] and `rows` [rowCount, stride]; `stride` is a multiple of 8.
  package static func squaredDistances(
    from anchors: UnsafePointer<Double>, count anchorCount: Int, to rows: UnsafePointer<Double>,
    rows rowCount: Int, stride: Int, into distances: UnsafeMutablePointer<Double>
  ) {
    require(stride % 8 == 0, "squaredDistances: rows of \(stride) doubles, not whole lanes")
    var tile = 0
    while tile < rowCount {
      let end = min(tile + tileRows, rowCount)
      for anchor in 0..<anchorCount {
        let x = anchors + anchor * stride
        let out = distances + anchor * rowCount
        var row = tile
        while row + 4 <= end {
          four(x, rows + row * stride, stride: stride, into: out + row)
          row += 4
        }
        while row < end {
          out[row] = one(x, rows + row * stride, count: stride)
          row += 1
        }
      }
      tile = end
    }
  }

  /// Adds `factor` times `x` [count, a multiple of 8] to `sum`.
  package static func add(
    _ x: UnsafePointer<Double>, times factor: Double, count: Int,
    addingTo sum: UnsafeMutablePointer<Double>
  ) {
    let factors = SIMD8<Double>(repeating: factor)
    var i = 0
    while i < count {
      UnsafeMutableRawPointer(sum + i).storeBytes(
        of: load(UnsafePointer(sum + i)).addingProduct(load(x + i), factors),
        as: SIMD8<Double>.self)
      i += 8
    }
  }

  /// How many of `values` [count] lie between `low` and `high`, both excluded.
  package static func count(
    of values: UnsafePointer<Double>, count: Int, above low: Double, below high: Double
  ) -> Int {
    let lows = SIMD8<Double>(repeating: low)
    let highs = SIMD8<Double>(repeating: high)
    let ones = SIMD8<Int64>(repeating: 1)
    var sums = SIMD8<Int64>(repeating: 0)
    var i = 0
    while i + 8 <= count {
      let value = load(values + i)
      sums.replace(with: sums &+ ones, where: (value .> lows) .& (value .< highs))
      i += 8
    }
    var sum = Int(sums.wrappedSum())
    while i < count {
      if values[i] > low && values[i] < high { sum += 1 }
      i += 1
    }
    return sum
  }

  /// The dot product of `x` and `y` [count, a multiple of 8], in eight fixed lanes.
  package static func dot(
    _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, count: Int
  ) -> Double {
    var sum = SIMD8<Double>(repeating: 0)
    var i = 0
    while i < count {
      sum.addProduct(load(x + i), load(y + i))
      i += 8
    }
    return sum.sum()
  }

  @inline(__always)
  private static func load(_ source: UnsafePointer<Double>) -> SIMD8<Double> {
    UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Double>.self)
  }

  @inline(__always)
  private static func one(
    _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, count: Int
  ) -> Double {
    var sum = SIMD8<Double>(repeating: 0)
    var i = 0
    while i < count {
      let difference = load(x + i) - load(y + i)
      sum.addProduct(difference, difference)
      i += 8
    }
    return sum.sum()
  }

  /// Four rows at a time, so that the anchor is read once for all of them.
  @inline(__always)
  private static func four(
    _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, stride: Int,
    into result: UnsafeMutablePointer<Double>
  ) {
    var a = SIMD8<Double>(repeating: 0)
    var b = a
    var c = a
    var d = a
    var i = 0
    while i < stride {
      let value = load(x + i)
      let first = value - load(y + i)
      a.addProduct(first, first)
      let second = value - load(y + stride + i)
      b.addProduct(second, second)
      let third = value - load(y + 2 * stride + i)
      c.addProduct(third, third)
      let fourth = value - load(y + 3 * stride + i)
      d.addProduct(fourth, fourth)
      i += 8
    }
    result[0] = a.sum()
    result[1] = b.sum()
    result[2] = c.sum()
    result[3] = d.sum()
  }
}
