/// Winograd's F(4, 2) on the two phases of a convolution of stride 2 with three taps, in one
/// dimension: y[i] = w1 even[i] + (w0 odd[i - 1] + w2 odd[i]).
///
/// The odd samples meet a filter of two taps: five products for four outputs, with the points 0, 1,
/// -1, 2, infinity. The even samples meet one tap: four products. In two dimensions that is 81
/// products for 4x4 outputs instead of 144. A window is nine samples, odd ones at 0, 2, 4, 6, 8;
/// products 0 to 4 are those of the odd samples, 5 to 8 the even ones unchanged.
enum WinogradStride2 {
  typealias Load = (Int) -> Vector
  typealias Store = (Int, Vector) -> Void

  /// B^T: nine samples to nine products.
  @inline(__always)
  static func input(_ d: Load, _ store: Store) {
    let (d0, d1, d2, d3, d4) = (d(0), d(2), d(4), d(6), d(8))
    store(0, (d0 + d0 - d1).adding(d2, times: -2) + d3)
    store(1, d3 - d2 - (d1 + d1))
    store(2, (d3 + d1 + d1).adding(d2, times: -3))
    store(3, d3 - d1)
    store(4, (d4 - d2).adding(d1 - d3, times: 2))
    for i in 0..<4 { store(5 + i, d(2 * i + 1)) }
  }

  /// B v: nine products' gradients to nine samples' (the adjoint of `input`).
  @inline(__always)
  static func inputAdjoint(_ v: Load, _ store: Store) {
    let (v0, v1, v2, v3, v4) = (v(0), v(1), v(2), v(3), v(4))
    store(0, v0 + v0)
    store(2, (v2 - v1 + v4).scaled(2) - (v0 + v3))
    store(4, v2.scaled(-3).adding(v0, times: -2) - (v1 + v4))
    store(6, (v0 + v1 + v2 + v3).adding(v4, times: -2))
    store(8, v4)
    for i in 0..<4 { store(2 * i + 1, v(5 + i)) }
  }

  /// A^T: nine products to four outputs.
  @inline(__always)
  static func output(_ m: Load) -> Winograd.Four {
    let (m1, m2, m3) = (m(1), m(2), m(3))
    let (sum, difference) = (m1 + m2, m1 - m2)
    return (
      m(0) + sum + m3 + m(5), difference.adding(m3, times: 2) + m(6),
      sum.adding(m3, times: 4) + m(7), (difference + m(4)).adding(m3, times: 8) + m(8)
    )
  }

  /// A y: four output gradients to nine products' (the adjoint of `output`).
  @inline(__always)
  static func outputAdjoint(_ y: Winograd.Four, _ store: Store) {
    let (even, odd) = (y.0 + y.2, y.1 + y.3)
    store(0, y.0)
    store(1, even + odd)
    store(2, even - odd)
    store(3, y.0.adding(y.1, times: 2).adding(y.2, times: 4).adding(y.3, times: 8))
    store(4, y.3)
    store(5, y.0)
    store(6, y.1)
    store(7, y.2)
    store(8, y.3)
  }

  /// G: three taps to six factors, five of the outer taps and the middle one for the even samples.
  @inline(__always)
  static func weight(_ g: Winograd.Three) -> Winograd.Six {
    (
      g.0.scaled(0.5), (g.0 + g.2).scaled(-0.5), (g.0 - g.2).scaled(-1 / 6),
      g.0.adding(g.2, times: 2).scaled(1 / 6), g.2, g.1
    )
  }

  /// G^T: six factors' gradients to those of three taps (the adjoint of `weight`).
  @inline(__always)
  static func weightAdjoint(_ u: Winograd.Six) -> Winograd.Three {
    let (x, y, z) = (u.1.scaled(-0.5), u.2.scaled(-1 / 6), u.3.scaled(1 / 6))
    return ((x + y + z).adding(u.0, times: 0.5), u.5, (x - y + u.4).adding(z, times: 2))
  }
}
