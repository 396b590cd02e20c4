/// Elementary functions of additions, multiplications, divisions and square roots alone, which
/// IEEE 754 rounds the same everywhere.
///
/// A C library chooses variants of its functions by processor, and versions of it differ; these
/// have the same bits on every processor and with every library. Errors are about one unit in the
/// last place, of the arc cosine two. Polynomials are Taylor's, long enough for the intervals they
/// are used on.
package enum Elementary {
  /// ln 2 in two parts, of which the first leaves room for the product with an exponent.
  private static let ln2 = (high: 0x1.62e42feep-1, low: 0x1.a39ef35793c76p-33)

  /// e^x.
  package static func exp(_ x: Double) -> Double {
    guard x < 709.79 else { return x.isNaN ? x : .infinity }
    guard x > -745.2 else { return x.isNaN ? x : 0 }
    return exp(x, 0)
  }

  /// e^(x + low), for an x that does not overflow and a `low` that is small beside it.
  private static func exp(_ x: Double, _ low: Double) -> Double {
    let n = (x * 0x1.71547652b82fep0).rounded(.toNearestOrEven)
    let high = x - n * ln2.high
    let rest = n * ln2.low - low
    let r = high - rest
    // (e^r - 1 - r) / r^2, |r| <= ln 2 / 2.
    var q = 1 / 6_227_020_800.0
    q = q * r + 1 / 479_001_600.0
    q = q * r + 1 / 39_916_800.0
    q = q * r + 1 / 3_628_800.0
    q = q * r + 1 / 362_880.0
    q = q * r + 1 / 40_320.0
    q = q * r + 1 / 5_040.0
    q = q * r + 1 / 720.0
    q = q * r + 1 / 120.0
    q = q * r + 1 / 24.0
    q = q * r + 1 / 6.0
    q = q * r + 0.5
    let value = 1 + (high + (r * r * q - rest))
    let exponent = Int(n)
    if exponent > -1022 && exponent < 1023 { return value * power(ofTwo: exponent) }
    let half = exponent / 2
    return value * power(ofTwo: half) * power(ofTwo: exponent - half)
  }

  @inline(__always)
  private static func power(ofTwo exponent: Int) -> Double {
    Double(bitPattern: UInt64(bitPattern: Int64(exponent + 1023)) << 52)
  }

  /// The natural logarithm of x.
  package static func log(_ x: Double) -> Double {
    guard x > 0 && x < .infinity else {
      return x == 0 ? -.infinity : x == .infinity ? x : .nan
    }
    let (exponent, f) = parts(x)
    // log(1 + f) = 2 atanh(s), s = f / (2 + f); |s| <= 0.1716.
    let s = f / (2 + f)
    let z = s * s
    let half = 0.5 * f * f
    let r = z * (2 / 3.0 + z * atanhRest(z))
    let (high, low) = (exponent * ln2.high, exponent * ln2.low)
    return high - ((half - (s * (half + r) + low)) - f)
  }

  /// x = 2^exponent (1 + f), with 1 + f between the roots of 1/2 and 2.
  @inline(__always)
  private static func parts(_ x: Double) -> (exponent: Double, f: Double) {
    var (x, exponent) = (x, 0)
    if x < 0x1p-1022 {
      x *= 0x1p54
      exponent = -54
    }
    let bits = x.bitPattern
    exponent += Int(bits >> 52) - 1023
    var m = Double(bitPattern: bits & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
    if m > 0x1.6a09e667f3bcdp0 {
      m *= 0.5
      exponent += 1
    }
    return (Double(exponent), m - 1)
  }

  /// 2 (1/5 + z / 7 + z^2 / 9 ...), what follows 2/3 in 2 atanh(s) / s = 2 + z (2/3 + z (...)).
  @inline(__always)
  private static func atanhRest(_ z: Double) -> Double {
    var q = 2 / 23.0
    q = q * z + 2 / 21.0
    q = q * z + 2 / 19.0
    q = q * z + 2 / 17.0
    q = q * z + 2 / 15.0
    q = q * z + 2 / 13.0
    q = q * z + 2 / 11.0
    q = q * z + 2 / 9.0
    q = q * z + 2 / 7.0
    return q * z + 2 / 5.0
  }

  /// log(1 + x), exact for small x.
  package static func log1p(_ x: Double) -> Double {
    let u = 1 + x
    guard x > -1 && u < .infinity else { return log(u) }
    return log(u) + (x - (u - 1)) / u
  }

  /// The sine of x radians.
  package static func sin(_ x: Double) -> Double { turned(x, by: 0) }

  /// The cosine of x radians.
  package static func cos(_ x: Double) -> Double { turned(x, by: 1) }

  /// The sine of x and so many right angles.
  private static func turned(_ x: Double, by quarters: Int) -> Double {
    guard x.isFinite else { return .nan }
    let (quadrant, r, tail) = reduced(abs(x) < 1e6 ? x : x.remainder(dividingBy: 2 * .pi))
    switch (quadrant + quarters) & 3 {
    case 0: return sineNearZero(r, tail)
    case 1: return cosineNearZero(r, tail)
    case 2: return -sineNearZero(r, tail)
    default: return -cosineNearZero(r, tail)
    }
  }

  /// x = quadrant pi / 2 + r + tail, |r| <= pi / 4: pi / 2 in three parts of 33 bits (Cody, Waite).
  @inline(__always)
  private static func reduced(_ x: Double) -> (quadrant: Int, r: Double, tail: Double) {
    let n = (x * 0x1.45f306dc9c883p-1).rounded(.toNearestOrEven)
    let first = x - n * 0x1.921fb544p0
    let second = n * 0x1.0b4611a6p-34
    let high = first - second
    let third = n * 0x1.3198a2e037073p-69 - ((first - high) - second)
    let r = high - third
    return (Int(n), r, (high - r) - third)
  }

  @inline(__always)
  private static func sineNearZero(_ x: Double, _ tail: Double) -> Double {
    let z = x * x
    var q = 1 / 355_687_428_096_000.0
    q = q * z - 1 / 1_307_674_368_000.0
    q = q * z + 1 / 6_227_020_800.0
    q = q * z - 1 / 39_916_800.0
    q = q * z + 1 / 362_880.0
    q = q * z - 1 / 5_040.0
    q = q * z + 1 / 120.0
    let cube = z * x
    return x - ((z * (0.5 * tail - cube * q) - tail) + cube * (1 / 6.0))
  }

  @inline(__always)
  private static func cosineNearZero(_ x: Double, _ tail: Double) -> Double {
    let z = x * x
    var q = -1 / 6_402_373_705_728_000.0
    q = q * z + 1 / 20_922_789_888_000.0
    q = q * z - 1 / 87_178_291_200.0
    q = q * z + 1 / 479_001_600.0
    q = q * z - 1 / 3_628_800.0
    q = q * z + 1 / 40_320.0
    q = q * z - 1 / 720.0
    q = q * z + 1 / 24.0
    let half = 0.5 * z
    let w = 1 - half
    return w + (((1 - w) - half) + (z * z * q - x * tail))
  }

  /// The angle in radians, 0 to pi, whose cosine is c; NaN outside -1...1.
  package static func acos(_ c: Double) -> Double {
    guard c >= -1 && c <= 1 else { return .nan }
    // Within 7e-5 (Abramowitz and Stegun 4.4.45), then one step with the sine of what is missing.
    let a = abs(c)
    let cubic = 1.5707288 + a * (-0.2121144 + a * (0.0742610 - a * 0.0187293))
    let near = (1 - a).squareRoot() * cubic
    let guess = c < 0 ? .pi - near : near
    let sine = ((1 - c) * (1 + c)).squareRoot()
    let missing = sine * cos(guess) - c * sin(guess)
    return guess + (missing + missing * missing * missing * (1 / 6.0))
  }

  /// x to the power y, of an x that is not negative.
  package static func pow(_ x: Double, _ y: Double) -> Double {
    if y == 0 || x == 1 { return 1 }
    guard x > 0 && x < .infinity && y.isFinite else { return powerOfExtreme(x, y) }
    let count = abs(y)
    if count <= 1_048_576 && count == count.rounded() {
      let value = power(x, Int(count))
      return y > 0 ? value : 1 / value
    }
    let (high, low) = logInTwoParts(x)
    let product = y * high
    let rest = product.isFinite ? (-product).addingProduct(y, high) + y * low : 0
    guard product < 709.7 else { return .infinity }
    guard product > -745 else { return 0 }
    return exp(product, rest)
  }

  private static func powerOfExtreme(_ x: Double, _ y: Double) -> Double {
    guard x >= 0 && !y.isNaN else { return .nan }
    let grows = (x > 1) == (y > 0)
    return grows ? .infinity : 0
  }

  /// x^count by squares, whose roundings are carried along.
  private static func power(_ x: Double, _ count: Int) -> Double {
    var (result, factor) = (Pair(high: 1, low: 0), Pair(high: x, low: 0))
    var left = count
    while left > 0 {
      if left & 1 == 1 { result = result.times(factor) }
      left >>= 1
      if left > 0 { factor = factor.times(factor) }
    }
    return result.high + result.low
  }

  /// log x as a sum of two, to about 2^-62 of it.
  private static func logInTwoParts(_ x: Double) -> (Double, Double) {
    let (exponent, f) = parts(x)
    let divisor = 2 + f
    let s = f / divisor
    // What the quotient leaves, and what the divisor's rounding adds to it.
    let rest = f.addingProduct(-s, divisor) - s * (f - (divisor - 2))
    let sLow = rest / divisor
    let z = s * s
    let series = s * (z * (2 / 3.0 + z * atanhRest(z)))
    let whole = Pair.sum(exponent * ln2.high, 2 * s)
    let parts = Pair.sum(whole.high, series)
    return (parts.high, parts.low + whole.low + (2 * sLow + exponent * ln2.low))
  }
}

/// A number as a sum of two, the second below the precision of the first.
private struct Pair {
  var high, low: Double

  /// The exact sum of two numbers (Knuth).
  static func sum(_ a: Double, _ b: Double) -> Pair {
    let high = a + b
    let part = high - a
    return Pair(high: high, low: (a - (high - part)) + (b - part))
  }

  func times(_ other: Pair) -> Pair {
    let product = high * other.high
    guard product.isFinite else { return Pair(high: product, low: 0) }
    let rest =
      (-product).addingProduct(high, other.high) + (high * other.low + low * other.high)
    return Pair.sum(product, rest)
  }
}
