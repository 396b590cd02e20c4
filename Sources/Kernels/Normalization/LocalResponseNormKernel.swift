private import Preconditions

/// Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3): y_c = x_c /
/// s_c^(3/4), s_c = bias + alpha / size * (sum of x^2 over the `size` channels around c).
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
    if size == 5 {
      forwardRows(input, pixels, channels, 5, alpha, bias, output, scratch)
    } else {
      forwardRows(input, pixels, channels, size, alpha, bias, output, scratch)
    }
  }

  /// The forward pass, unrolled where `size` is a literal.
  @inline(__always)
  private static func forwardRows(
    _ input: Floats, _ pixels: Int, _ channels: Int, _ size: Int, _ alpha: Float, _ bias: Float,
    _ output: MutableFloats, _ scratch: MutableFloats
  ) {
    scratch.zero(scratchCount(channels: channels, size: size))
    let squares = scratch + size / 2
    for pixel in 0..<pixels {
      let x = input + pixel &* channels
      let y = output + pixel &* channels
      fillSquares(x, channels, into: squares)
      forEachEight(channels) { c, count in
        let s = scale(scratch + c, size: size, alpha: alpha, bias: bias)
        let root = inverseFourthRoot(s)
        (Vector8(x + c, count: count) * (root * root * root)).store(y + c, count: count)
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
    if size == 5 {
      backwardRows(
        outputGradient, input, pixels, channels, 5, alpha, bias, inputGradient, addingToInput,
        scratch)
    } else {
      backwardRows(
        outputGradient, input, pixels, channels, size, alpha, bias, inputGradient, addingToInput,
        scratch)
    }
  }

  /// The backward pass, unrolled where `size` is a literal.
  @inline(__always)
  private static func backwardRows(
    _ outputGradient: Floats, _ input: Floats, _ pixels: Int, _ channels: Int, _ size: Int,
    _ alpha: Float, _ bias: Float, _ inputGradient: MutableFloats, _ addingToInput: Bool,
    _ scratch: MutableFloats
  ) {
    scratch.zero(scratchCount(channels: channels, size: size))
    let squares = scratch + size / 2
    let sums = scratch + rowCount(channels, size)
    let shares = sums + size / 2
    let factor = Vector8(repeating: -1.5 * alpha / Float(size))
    for pixel in 0..<pixels {
      let x = input + pixel &* channels
      let dy = outputGradient + pixel &* channels
      let dx = inputGradient + pixel &* channels
      fillSquares(x, channels, into: squares)
      forEachEight(channels) { c, count in
        let s = scale(scratch + c, size: size, alpha: alpha, bias: bias)
        let root = inverseFourthRoot(s)
        let square = root * root
        let direct = Vector8(dy + c, count: count) * (square * root)
        (Vector8(x + c, count: count) * direct * (square * square)).store(shares + c, count: 8)
        (addingToInput ? Vector8(dx + c, count: count) + direct : direct)
          .store(dx + c, count: count)
      }
      forEachEight(channels) { c, count in
        let around = window(sums + c, size) * factor
        Vector8(dx + c, count: count).addingProduct(Vector8(x + c, count: count), around)
          .store(dx + c, count: count)
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
    forEachEight(channels) { c, count in
      let value = Vector8(x + c, count: count)
      (value * value).store(squares + c, count: 8)
    }
  }

  /// s of eight channels, whose neighbourhoods begin at `squares`.
  @inline(__always)
  private static func scale(
    _ squares: UnsafePointer<Float>, size: Int, alpha: Float, bias: Float
  ) -> Vector8 {
    Vector8(repeating: bias)
      .addingProduct(window(squares, size), Vector8(repeating: alpha / Float(size)))
  }

  /// The sums of `size` neighbours, eight at a time.
  @inline(__always)
  private static func window(_ values: UnsafePointer<Float>, _ size: Int) -> Vector8 {
    var sum = Vector8(values, count: 8)
    for i in 1..<max(size, 1) { sum += Vector8(values + i, count: 8) }
    return sum
  }

  /// s^(-1/4) of positive numbers within a few units in the last place: a guess from the exponent,
  /// then Newton steps t <- t (5 - s t^4) / 4.
  @inline(__always)
  private static func inverseFourthRoot(_ s: Vector8) -> Vector8 {
    let bits = unsafeBitCast(s, to: SIMD8<UInt32>.self)
    let guess = SIMD8<UInt32>(repeating: 0x4F58_6000) &- (bits &>> SIMD8<UInt32>(repeating: 2))
    var t = unsafeBitCast(guess, to: Vector8.self)
    let quarter = s * Vector8(repeating: -0.25)
    let fiveQuarters = Vector8(repeating: 1.25)
    for _ in 0..<3 {
      let square = t * t
      t *= fiveQuarters.addingProduct(quarter, square * square)
    }
    return t
  }
}
