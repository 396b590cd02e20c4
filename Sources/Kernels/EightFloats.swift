/// Eight floats at a time from memory without alignment; the rest of a row goes through the same
/// arithmetic in a partly filled vector, so that results do not depend on where a range is cut.
enum EightFloats {
  @inline(__always)
  static func load(_ source: UnsafePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Float>.self)
  }

  @inline(__always)
  static func load(_ source: UnsafeMutablePointer<Float>) -> SIMD8<Float> {
    UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Float>.self)
  }

  @inline(__always)
  static func store(_ value: SIMD8<Float>, to target: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(target).storeBytes(of: value, as: SIMD8<Float>.self)
  }

  /// The first `count` (below 8) floats of `source`, then `fill`.
  @inline(__always)
  static func load(
    _ source: UnsafePointer<Float>, count: Int, fill: Float = 0
  ) -> SIMD8<Float> {
    var value = SIMD8<Float>(repeating: fill)
    for lane in 0..<count { value[lane] = source[lane] }
    return value
  }

  @inline(__always)
  static func store(_ value: SIMD8<Float>, to target: UnsafeMutablePointer<Float>, count: Int) {
    for lane in 0..<count { target[lane] = value[lane] }
  }

  /// The eight lanes widened to Double.
  @inline(__always)
  static func widen(_ value: SIMD8<Float>) -> SIMD8<Double> {
    SIMD8<Double>(
      Double(value[0]), Double(value[1]), Double(value[2]), Double(value[3]),
      Double(value[4]), Double(value[5]), Double(value[6]), Double(value[7]))
  }

  /// The square roots of eight floats that are not negative, within one unit in the last place.
  ///
  /// The standard library's takes the roots one by one, four times slower. Here: a guess of
  /// 1 / sqrt(x) from the exponent, two Newton steps, and one on the root with an exact residual.
  @inline(__always)
  static func squareRoot(_ value: SIMD8<Float>) -> SIMD8<Float> {
    let small = value .< SIMD8<Float>(repeating: 0x1p-100)
    let x = value.replacing(with: value * SIMD8<Float>(repeating: 0x1p100), where: small)
    let bits = unsafeBitCast(x, to: SIMD8<UInt32>.self)
    let guess = SIMD8<UInt32>(repeating: 0x5F37_59DF) &- (bits &>> SIMD8<UInt32>(repeating: 1))
    var r = unsafeBitCast(guess, to: SIMD8<Float>.self)
    let half = SIMD8<Float>(repeating: -0.5) * x
    let threeHalves = SIMD8<Float>(repeating: 1.5)
    r *= threeHalves.addingProduct(half * r, r)
    r *= threeHalves.addingProduct(half * r, r)
    let root = x * r
    let residual = x.addingProduct(-root, root)
    let result = root.addingProduct(residual, r * SIMD8<Float>(repeating: 0.5))
    return result.replacing(with: result * SIMD8<Float>(repeating: 0x1p-50), where: small)
      .replacing(with: value, where: value .== SIMD8<Float>(repeating: .infinity))
  }
}
