private import Preconditions

/// A grid of doubles on which sums are exact, so that they are the same in any order.
///
/// Addends are rounded once to multiples of the spacing 2^exponent; as long as no partial sum
/// leaves the 53-bit integers, adding such multiples never rounds (design, law 2).
package struct SummationGrid: Sendable, Equatable {
  /// The spacing is 2^exponent.
  package let exponent: Int

  /// A grid whose spacing is 2^`exponent`, -900...900.
  package init(exponent: Int) {
    require((-900...900).contains(exponent), "grid exponent \(exponent) is out of range")
    self.exponent = exponent
  }

  /// The distance of two neighbours on the grid.
  package var spacing: Double { Double(sign: .plus, exponent: exponent, significand: 1) }

  /// Sums of any grouping are exact while the magnitudes of their addends add up to at most this.
  package var largestSum: Double { 0x1p52 * spacing }

  /// The largest magnitude an addend may have when `count` of them are summed.
  package func largestAddend(count: Int) -> Double {
    require(count > 0, "a grid sum of \(count) addends")
    // Twice as much headroom for one addend: rounding by 1.5 * 2^52 needs |x| <= 2^51 spacings.
    return largestSum / Double(max(count, 2))
  }

  /// Whether addends of magnitude up to `pattern`, as `GridKernel.accumulate` returns it, can be
  /// trusted when `count` of them are summed; false for infinity and NaN.
  package func holds(_ pattern: UInt32, count: Int) -> Bool {
    Double(Float(bitPattern: pattern)) <= largestAddend(count: count)
  }

  /// Whether addends of magnitude up to the double with this pattern can be trusted.
  package func holds(_ pattern: UInt64, count: Int) -> Bool {
    Double(bitPattern: pattern) <= largestAddend(count: count)
  }

  /// `value` rounded to the nearest multiple of the spacing, ties to even.
  @inline(__always)
  package func rounded(_ value: Double) -> Double { (value + magic) - magic }

  /// 1.5 * 2^52 spacings: a double whose last bit is one spacing, whatever is added in range.
  @inline(__always)
  fileprivate var magic: Double { 0x1.8p52 * spacing }
}

/// Adds values to sums on a grid: the same bits in any order, grouping or number of processes.
package enum GridKernel {
  /// Adds `values` [count], rounded to the grid, to `sums`.
  ///
  /// Returns the largest magnitude among `values` as the bit pattern of a Float, compared as an
  /// integer so that infinity and NaN come out on top. The sums are to be trusted only if
  /// `grid.holds` that pattern.
  package static func accumulate(
    _ values: UnsafePointer<Float>, count: Int, grid: SummationGrid,
    addingTo sums: UnsafeMutablePointer<Double>
  ) -> UInt32 {
    let magic = SIMD8<Double>(repeating: grid.magic)
    var worst = SIMD8<UInt32>()
    var i = 0
    while i + 8 <= count {
      let value = Vector8(values + i, count: 8)
      let pattern = unsafeBitCast(value, to: SIMD8<UInt32>.self) & 0x7FFF_FFFF
      worst.replace(with: pattern, where: pattern .> worst)
      let exact = SIMD8<Double>(value)
      let target = UnsafeMutableRawPointer(sums + i)
      let sum = target.loadUnaligned(as: SIMD8<Double>.self) + ((exact + magic) - magic)
      target.storeBytes(of: sum, as: SIMD8<Double>.self)
      i += 8
    }
    var largest = worst.max()
    while i < count {
      largest = max(largest, values[i].bitPattern & 0x7FFF_FFFF)
      sums[i] += grid.rounded(Double(values[i]))
      i += 1
    }
    return largest
  }

  /// Adds `values` [count], rounded to the grid, to `sums`: losses, statistics, metrics.
  ///
  /// Returns the bit pattern of the largest magnitude, as the variant for floats does.
  package static func accumulate(
    doubles values: UnsafePointer<Double>, count: Int, grid: SummationGrid,
    addingTo sums: UnsafeMutablePointer<Double>
  ) -> UInt64 {
    var largest: UInt64 = 0
    for i in 0..<count {
      largest = max(largest, values[i].bitPattern & 0x7FFF_FFFF_FFFF_FFFF)
      sums[i] += grid.rounded(values[i])
    }
    return largest
  }

  /// Writes `sums` [count] times `scale` as floats.
  package static func finish(
    _ sums: UnsafePointer<Double>, count: Int, scale: Double = 1,
    into values: UnsafeMutablePointer<Float>
  ) {
    var i = 0
    while i + 8 <= count {
      let sum = UnsafeRawPointer(sums + i).loadUnaligned(as: SIMD8<Double>.self) * scale
      SIMD8<Float>(sum).store(values + i, count: 8)
      i += 8
    }
    while i < count {
      values[i] = Float(sums[i] * scale)
      i += 1
    }
  }
}
