private import Preconditions

/// Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3):
/// y_c = x_c / s_c^(3/4), s_c = bias + alpha / size * (sum of x^2 over the `size` channels around c).
package enum LocalResponseNormKernel {
  /// Floats of scratch that both directions need.
  package static func scratchCount(channels: Int, size: Int) -> Int {
    2 * rowCount(channels, size)
  }

  /// One pixel's channels in whole vectors, with zeros for the neighbours that do not exist.
  private static func rowCount(_ channels: Int, _ size: Int) -> Int {
    channels.roundedUp(to: 8) + size + 7
  }

  /// Computes the output [P,C]; `size` is odd, `scratch` holds `scratchCount` floats.
  package static func forward(
    _ input: UnsafePointer<Float>, pixels: Int, channels: Int, size: Int, alpha: Float,
    bias: Float, into output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    check(pixels, channels, size)
    scratch.zero(scratchCount(channels: channels, size: size))
    let squares = scratch + size / 2
    for pixel in 0..<pixels {
      let x = input + pixel * channels
      fillSquares(x, channels, into: squares)
      var c = 0
      while c < channels {
        let count = min(8, channels - c)
        let s = scale(scratch + c, size: size, alpha: alpha, bias: bias)
        let root = inverseFourthRoot(s)
        store(load(x + c, count) * (root * root * root), output + (pixel * channels + c), count)
        c += 8
      }
    }
  }

  /// The gradient of the input [P,C] from that of the output and the input:
  /// dx_c = dy_c / s_c^(3/4) - 3/2 alpha / size * x_c * (sum around c of dy x / s^(7/4)).
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>, pixels: Int,
    channels: Int, size: Int, alpha: Float, bias: Float,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false,
    scratch: UnsafeMutablePointer<Float>
  ) {
    check(pixels, channels, size)
    scratch.zero(scratchCount(channels: channels, size: size))
    let squares = scratch + size / 2
    let sums = scratch + rowCount(channels, size)
    let shares = sums + size / 2
    let factor = SIMD8<Float>(repeating: -1.5 * alpha / Float(size))
    for pixel in 0..<pixels {
      let x = input + pixel * channels
      let dy = outputGradient + pixel * channels
      let dx = inputGradient + pixel * channels
      fillSquares(x, channels, into: squares)
      var c = 0
      while c < channels {
        let count = min(8, channels - c)
        let s = scale(scratch + c, size: size, alpha: alpha, bias: bias)
        let root = inverseFourthRoot(s)
        let square = root * root
        let direct = load(dy + c, count) * (square * root)
        (load(x + c, count) * direct * (square * square)).store(shares + c, count: 8)
        store(addingToInput ? load(dx + c, count) + direct : direct, dx + c, count)
        c += 8
      }
      c = 0
      while c < channels {
        let count = min(8, channels - c)
        let around = window(sums + c, size) * factor
        store(load(dx + c, count).addingProduct(load(x + c, count), around), dx + c, count)
        c += 8
      }
    }
  }

  private static func check(_ pixels: Int, _ channels: Int, _ size: Int) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    require(
      size > 0 && size % 2 == 1 && size <= 31,
      "response norm over \(size) of \(channels) channels: give an odd number up to 31")
  }

  @inline(__always)
  private static func fillSquares(
    _ x: UnsafePointer<Float>, _ channels: Int, into squares: UnsafeMutablePointer<Float>
  ) {
    var c = 0
    while c < channels {
      let value = load(x + c, min(8, channels - c))
      (value * value).store(squares + c, count: 8)
      c += 8
    }
  }

  /// s of eight channels, whose neighbourhoods begin at `squares`.
  @inline(__always)
  private static func scale(
    _ squares: UnsafePointer<Float>, size: Int, alpha: Float, bias: Float
  ) -> SIMD8<Float> {
    SIMD8<Float>(repeating: bias)
      .addingProduct(window(squares, size), SIMD8<Float>(repeating: alpha / Float(size)))
  }

  /// The sums of `size` neighbours, eight at a time.
  @inline(__always)
  private static func window(_ values: UnsafePointer<Float>, _ size: Int) -> SIMD8<Float> {
    var sum = Vector8(values, count: 8)
    for i in 1..<max(size, 1) { sum += Vector8(values + i, count: 8) }
    return sum
  }

  /// s^(-1/4) of positive numbers within a few units in the last place: a guess from the exponent,
  /// then Newton steps t <- t (5 - s t^4) / 4.
  @inline(__always)
  private static func inverseFourthRoot(_ s: SIMD8<Float>) -> SIMD8<Float> {
    let bits = unsafeBitCast(s, to: SIMD8<UInt32>.self)
    let guess = SIMD8<UInt32>(repeating: 0x4F58_6000) &- (bits &>> SIMD8<UInt32>(repeating: 2))
    var t = unsafeBitCast(guess, to: SIMD8<Float>.self)
    let quarter = s * SIMD8<Float>(repeating: -0.25)
    let fiveQuarters = SIMD8<Float>(repeating: 1.25)
    for _ in 0..<3 {
      let square = t * t
      t *= fiveQuarters.addingProduct(quarter, square * square)
    }
    return t
  }

  @inline(__always)
  private static func load(_ source: UnsafePointer<Float>, _ count: Int) -> SIMD8<Float> {
    Vector8(source, count: count)
  }

  @inline(__always)
  private static func store(
    _ value: SIMD8<Float>, _ target: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    if count == 8 {
      value.store(target, count: 8)
    } else {
      for i in 0..<count { target[i] = value[i] }
    }
  }
}
