/// Sums on their way between ranks: exact ones in 48 bits, lossy ones as floats or bfloat16.
///
/// A sum on a grid is an integer of spacings. Below 2^47 of them it travels as two planes, the low
/// 32 bits of all values and then the high 16 bits, and comes out as the same double.
package enum WireKernel {
  /// Bytes of a value in `pack48`.
  package static let packedBytes = 6

  /// The bit pattern of the largest magnitude of `sums` [count]; infinity and NaN come out on top.
  package static func largest(of sums: UnsafePointer<Double>, count: Int) -> UInt64 {
    let mask: UInt64 = 0x7FFF_FFFF_FFFF_FFFF
    var lanes = SIMD8<UInt64>()
    var i = 0
    while i + 8 <= count {
      let bits = UnsafeRawPointer(sums + i).loadUnaligned(as: SIMD8<UInt64>.self) & mask
      lanes.replace(with: bits, where: bits .> lanes)
      i += 8
    }
    var worst = lanes.max()
    while i < count {
      worst = max(worst, sums[i].bitPattern & mask)
      i += 1
    }
    return worst
  }

  /// Whether sums of magnitude up to the double with this pattern fit 48 bits on `grid`.
  package static func fits48(_ pattern: UInt64, grid: SummationGrid) -> Bool {
    Double(bitPattern: pattern) < 0x1p47 * grid.spacing
  }

  /// Writes `sums` [count], which lie on `grid` and fit 48 bits, as 6 x `count` bytes.
  package static func pack48(
    _ sums: UnsafePointer<Double>, count: Int, grid: SummationGrid,
    into bytes: UnsafeMutableRawPointer
  ) {
    let magic = 0x1.8p52 * grid.spacing
    let low = bytes.assumingMemoryBound(to: UInt32.self)
    let high = (bytes + 4 * count).assumingMemoryBound(to: UInt16.self)
    for i in 0..<count {
      let bits = (sums[i] + magic).bitPattern
      low[i] = UInt32(truncatingIfNeeded: bits)
      high[i] = UInt16(truncatingIfNeeded: bits >> 32)
    }
  }

  /// Adds `count` values that `pack48` has written to `sums`, exactly.
  package static func add48(
    _ bytes: UnsafeRawPointer, count: Int, grid: SummationGrid,
    addingTo sums: UnsafeMutablePointer<Double>
  ) {
    let spacing = grid.spacing
    let low = bytes.assumingMemoryBound(to: UInt32.self)
    let high = (bytes + 4 * count).assumingMemoryBound(to: Int16.self)
    for i in 0..<count {
      let integer = Int64(truncatingIfNeeded: high[i]) << 32 | Int64(truncatingIfNeeded: low[i])
      // 1.5 x 2^52 plus the integer, as the bits of a double.
      let bits = UInt64(bitPattern: integer) &+ 0x4338_0000_0000_0000
      sums[i] += (Double(bitPattern: bits) - 0x1.8p52) * spacing
    }
  }

  /// Adds `values` [count] to `sums`.
  package static func add(
    _ values: UnsafePointer<Double>, count: Int, addingTo sums: UnsafeMutablePointer<Double>
  ) {
    for i in 0..<count { sums[i] += values[i] }
  }

  /// Adds `values` [count] times `scale` to `sums`.
  package static func add(
    _ values: UnsafePointer<Float>, count: Int, scale: Double,
    addingTo sums: UnsafeMutablePointer<Double>
  ) {
    for i in 0..<count { sums[i] += Double(values[i]) * scale }
  }

  /// Adds the bfloat16 `values` [count] times `scale` to `sums`.
  package static func add(
    bfloat16 values: UnsafePointer<UInt16>, count: Int, scale: Double,
    addingTo sums: UnsafeMutablePointer<Double>
  ) {
    for i in 0..<count { sums[i] += Double(float(values[i])) * scale }
  }

  /// Writes `sums` [count] x `scale` + `residual` [count] as bfloat16, rounded to nearest, ties to
  /// even, and leaves in `residual` what rounding has taken away (error feedback, Seide et al.
  /// 2014).
  ///
  /// Where the value is not finite the residual becomes 0: such a step is skipped.
  package static func packBFloat16(
    _ sums: UnsafePointer<Double>, count: Int, scale: Double,
    residual: UnsafeMutablePointer<Float>, into values: UnsafeMutablePointer<UInt16>
  ) {
    for i in 0..<count {
      let value = Float(sums[i] * scale) + residual[i]
      let rounded = bfloat16(value)
      let rest = value - float(rounded)
      residual[i] = rest - rest == 0 ? rest : 0
      values[i] = rounded
    }
  }

  /// Writes the bfloat16 `values` [count] as floats.
  package static func unpackBFloat16(
    _ values: UnsafePointer<UInt16>, count: Int, into floats: UnsafeMutablePointer<Float>
  ) {
    for i in 0..<count { floats[i] = float(values[i]) }
  }

  @inline(__always)
  private static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
  }

  @inline(__always)
  private static func float(_ value: UInt16) -> Float {
    Float(bitPattern: UInt32(value) << 16)
  }
}
