/// Winograd's F(4, 3) in one dimension, by Toom and Cook with the points 0, +-a, +-b, infinity for
/// a = sqrt(1/2), b = sqrt(2): y = A^T ((G g) * (B^T d)), and the adjoints for the gradients.
///
/// With these points the error of F(4x4, 3x3) is a third of that of 0, +-1, +-2 (Lavin and Gray
/// 2016) at the same cost; a^2 b^2 = 1 saves two products.
enum Winograd {
  typealias Three = (Vector, Vector, Vector)
  typealias Four = (Vector, Vector, Vector, Vector)
  typealias Six = (Vector, Vector, Vector, Vector, Vector, Vector)

  @inline(__always) private static var a: Float { 0.707_106_781_186_547_52 }
  @inline(__always) private static var b: Float { 1.414_213_562_373_095_05 }
  /// 1 / (2 a^2 (a^2 - b^2)) and 1 / (2 b^2 (b^2 - a^2)).
  @inline(__always) private static var scaleA: Float { -2 / 3 }
  @inline(__always) private static var scaleB: Float { 1 / 6 }

  /// B^T d: six inputs to six products.
  @inline(__always)
  static func input(_ d: Six) -> Six {
    let v0 = (d.0 + d.4).adding(d.2, times: -2.5)
    let v5 = (d.1 + d.5).adding(d.3, times: -2.5)
    let evenA = d.4.adding(d.2, times: -2)
    let oddA = d.3.adding(d.1, times: -2)
    let evenB = d.4.adding(d.2, times: -0.5)
    let oddB = d.3.adding(d.1, times: -0.5)
    let (scaledA, scaledB) = (oddA.scaled(a), oddB.scaled(b))
    return (v0, evenA + scaledA, evenA - scaledA, evenB + scaledB, evenB - scaledB, v5)
  }

  /// A^T m: six products to four outputs.
  @inline(__always)
  static func output(_ m: Six) -> Four {
    let (sumA, differenceA) = (m.1 + m.2, m.1 - m.2)
    let (sumB, differenceB) = (m.3 + m.4, m.3 - m.4)
    return (
      m.0 + sumA + sumB,
      differenceA.scaled(a).adding(differenceB, times: b),
      sumA.scaled(0.5).adding(sumB, times: 2),
      m.5.adding(differenceA, times: a / 2).adding(differenceB, times: 2 * b)
    )
  }

  /// A y: four output gradients to six (the adjoint of `output`).
  @inline(__always)
  static func outputAdjoint(_ y: Four) -> Six {
    let evenA = y.0.adding(y.2, times: 0.5)
    let oddA = y.1.adding(y.3, times: 0.5)
    let evenB = y.0.adding(y.2, times: 2)
    let oddB = y.1.adding(y.3, times: 2)
    let (scaledA, scaledB) = (oddA.scaled(a), oddB.scaled(b))
    return (y.0, evenA + scaledA, evenA - scaledA, evenB + scaledB, evenB - scaledB, y.3)
  }

  /// G g: three weights to six factors.
  @inline(__always)
  static func weight(_ g: Three) -> Six {
    let evenA = g.0.scaled(scaleA).adding(g.2, times: scaleA / 2)
    let oddA = g.1.scaled(scaleA * a)
    let evenB = g.0.scaled(scaleB).adding(g.2, times: scaleB * 2)
    let oddB = g.1.scaled(scaleB * b)
    return (g.0, evenA + oddA, evenA - oddA, evenB + oddB, evenB - oddB, g.2)
  }

  /// G^T u: six to the gradients of three weights (the adjoint of `weight`).
  @inline(__always)
  static func weightAdjoint(_ u: Six) -> Three {
    let (sumA, differenceA) = ((u.1 + u.2).scaled(scaleA), (u.1 - u.2).scaled(scaleA))
    let (sumB, differenceB) = ((u.3 + u.4).scaled(scaleB), (u.3 - u.4).scaled(scaleB))
    return (
      u.0 + sumA + sumB,
      differenceA.scaled(a).adding(differenceB, times: b),
      u.5.adding(sumA, times: 0.5).adding(sumB, times: 2)
    )
  }
}

extension MutableFloats {
  /// Stores six vectors, `stride` floats apart.
  @inline(__always)
  func store(_ v: Winograd.Six, stride: Int) {
    self[vector: 0] = v.0
    self[vector: stride] = v.1
    self[vector: 2 * stride] = v.2
    self[vector: 3 * stride] = v.3
    self[vector: 4 * stride] = v.4
    self[vector: 5 * stride] = v.5
  }
}

extension Floats {
  /// Loads three vectors, `stride` floats apart.
  @inline(__always)
  func three(stride: Int) -> Winograd.Three {
    (self[vector: 0], self[vector: stride], self[vector: 2 * stride])
  }

  /// Loads four vectors, `stride` floats apart.
  @inline(__always)
  func four(stride: Int) -> Winograd.Four {
    (
      self[vector: 0], self[vector: stride], self[vector: 2 * stride],
      self[vector: 3 * stride]
    )
  }

  /// Loads six vectors, `stride` floats apart.
  @inline(__always)
  func six(stride: Int) -> Winograd.Six {
    (
      self[vector: 0], self[vector: stride], self[vector: 2 * stride],
      self[vector: 3 * stride], self[vector: 4 * stride], self[vector: 5 * stride]
    )
  }
}
