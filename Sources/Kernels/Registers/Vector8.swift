/// Eight floats in one AVX register: the unit of work of the kernels.
typealias Vector8 = SIMD8<Float>
/// What the code of any width takes in this module, loads and stores included.
typealias Vector = Vector8

extension Vector8 {
  /// The first `count` (0...8) floats of `source`, then `fill`; a literal 8 folds to one load.
  @inline(__always)
  init(_ source: Floats, count: Int, fill: Float = 0) {
    if count == 8 {
      self = source[vector: 0]
    } else {
      self.init(repeating: fill)
      for lane in 0..<count { self[lane] = source[lane] }
    }
  }

  /// Writes the first `count` (0...8) lanes; a literal 8 folds to one store.
  @inline(__always)
  func store(_ target: MutableFloats, count: Int) {
    if count == 8 {
      target[vector: 0] = self
    } else {
      for lane in 0..<count { target[lane] = self[lane] }
    }
  }

  /// min(self, 0), and NaN where self is.
  @inline(__always)
  var negativePart: Vector8 {
    let zero = Vector8(repeating: 0)
    return replacing(with: zero, where: self .> zero)
  }

  /// self where `gate` is positive or not a number, `other` elsewhere.
  @inline(__always)
  func replacing(with other: Vector8, whereNotPositive gate: Vector8) -> Vector8 {
    // A zero of spelled type: comparisons with `SIMD8()` or a scalar compile lane by lane.
    let zero = Vector8(repeating: 0)
    return replacing(with: other, where: gate .<= zero)
  }

  /// The square roots of eight floats that are not negative, within one unit in the last place.
  ///
  /// The standard library's takes the roots one by one, four times slower. Here: a guess of
  /// 1 / sqrt(x) from the exponent, two Newton steps, and one on the root with an exact residual.
  @inline(__always)
  func newtonSquareRoot() -> Vector8 {
    let small = self .< Vector8(repeating: 0x1p-100)
    let x = replacing(with: self * Vector8(repeating: 0x1p100), where: small)
    let bits = unsafeBitCast(x, to: SIMD8<UInt32>.self)
    let guess = SIMD8<UInt32>(repeating: 0x5F37_59DF) &- (bits &>> SIMD8<UInt32>(repeating: 1))
    var r = unsafeBitCast(guess, to: Vector8.self)
    let half = Vector8(repeating: -0.5) * x
    let threeHalves = Vector8(repeating: 1.5)
    r *= threeHalves.addingProduct(half * r, r)
    r *= threeHalves.addingProduct(half * r, r)
    let root = x * r
    let residual = x.addingProduct(-root, root)
    let result = root.addingProduct(residual, r * Vector8(repeating: 0.5))
    return result.replacing(with: result * Vector8(repeating: 0x1p-50), where: small)
      .replacing(with: self, where: self .== Vector8(repeating: .infinity))
  }
}

extension UnsafeMutablePointer<Float> {
  /// Copies `count` floats; overlapping last vector instead of a scalar tail, so that runs of 9 or
  /// 21 floats (three channels) stay cheap.
  @inline(__always)
  func copy(_ count: Int, from source: UnsafePointer<Float>) {
    if count >= 8 {
      var i = 0
      while i + 8 <= count {
        self[vector: i] = source[vector: i]
        i += 8
      }
      if i < count { self[vector: count - 8] = source[vector: count - 8] }
    } else {
      for i in 0..<count { self[i] = source[i] }
    }
  }

  /// Adds `count` floats.
  @inline(__always)
  func add(_ count: Int, from source: UnsafePointer<Float>) {
    var i = 0
    while i + 8 <= count {
      self[vector: i] += source[vector: i]
      i += 8
    }
    while i < count {
      self[i] += source[i]
      i += 1
    }
  }
}

/// target[j][i] = source[i][j] for a block of 8 x 8 floats, rows `sourceStride` and `targetStride`
/// apart.
///
/// Three perfect unshuffles (even and odd halves) rotate the six index bits by three.
@inline(__always)
func transpose8x8(
  _ source: Floats, _ sourceStride: Int, into target: MutableFloats, _ targetStride: Int
) {
  @inline(__always) func even(_ a: Vector8, _ b: Vector8) -> Vector8 {
    SIMD16(lowHalf: a, highHalf: b).evenHalf
  }
  @inline(__always) func odd(_ a: Vector8, _ b: Vector8) -> Vector8 {
    SIMD16(lowHalf: a, highHalf: b).oddHalf
  }
  var r0 = source[vector: 0]
  var r1 = source[vector: sourceStride]
  var r2 = source[vector: 2 * sourceStride]
  var r3 = source[vector: 3 * sourceStride]
  var r4 = source[vector: 4 * sourceStride]
  var r5 = source[vector: 5 * sourceStride]
  var r6 = source[vector: 6 * sourceStride]
  var r7 = source[vector: 7 * sourceStride]
  for _ in 0..<3 {
    let (e0, e1, e2, e3) = (even(r0, r1), even(r2, r3), even(r4, r5), even(r6, r7))
    let (o0, o1, o2, o3) = (odd(r0, r1), odd(r2, r3), odd(r4, r5), odd(r6, r7))
    (r0, r1, r2, r3) = (e0, e1, e2, e3)
    (r4, r5, r6, r7) = (o0, o1, o2, o3)
  }
  target[vector: 0] = r0
  target[vector: targetStride] = r1
  target[vector: 2 * targetStride] = r2
  target[vector: 3 * targetStride] = r3
  target[vector: 4 * targetStride] = r4
  target[vector: 5 * targetStride] = r5
  target[vector: 6 * targetStride] = r6
  target[vector: 7 * targetStride] = r7
}

extension Int {
  /// The next multiple of `unit`, a positive number.
  @inline(__always)
  func roundedUp(to unit: Int) -> Int { (self + unit - 1) / unit * unit }
}
