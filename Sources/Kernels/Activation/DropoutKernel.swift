private import Preconditions

/// Inverted dropout (Srivastava et al. 2014) whose mask is a function of a key per row.
///
/// Element i of row r is kept iff SplitMix64 of keys[r] at counter i is at least `threshold`;
/// backward makes the same mask again, so none is stored.
package enum DropoutKernel {
  /// The smallest word that keeps an element when a share of `rate` (0 <= rate < 1) is dropped.
  package static func threshold(rate: Double) -> UInt64 {
    require(rate >= 0 && rate < 1, "dropout rate \(rate) is outside [0, 1)")
    return UInt64(rate * 0x1p64)
  }

  /// output = kept ? input / (1 - rate) : 0 over `rows` rows of `features`; in place is allowed.
  package static func forward(
    _ input: UnsafePointer<Float>, rows: Int, features: Int, keys: UnsafePointer<UInt64>,
    rate: Double, into output: UnsafeMutablePointer<Float>
  ) {
    apply(input, rows: rows, features: features, keys: keys, rate: rate, adding: false, output)
  }

  /// The gradient of the input [rows, features] from that of the output; in place is allowed
  /// unless it is added to.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, rows: Int, features: Int, keys: UnsafePointer<UInt64>,
    rate: Double, into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false
  ) {
    apply(
      outputGradient, rows: rows, features: features, keys: keys, rate: rate,
      adding: addingToInput, inputGradient)
  }

  private static func apply(
    _ source: UnsafePointer<Float>, rows: Int, features: Int, keys: UnsafePointer<UInt64>,
    rate: Double, adding: Bool, _ target: UnsafeMutablePointer<Float>
  ) {
    // Vectors of spelled type: comparisons with scalars compile lane by lane.
    let thresholds = SIMD8<UInt64>(repeating: threshold(rate: rate))
    let zeros = SIMD8<UInt64>(repeating: 0)
    let ones = SIMD8<UInt64>(repeating: 1)
    let none = SIMD8<UInt32>(repeating: 0)
    let zero = SIMD8<Float>(repeating: 0)
    let factor = Float(1 / (1 - rate))
    for row in 0..<rows {
      let from = source + row * features
      let to = target + row * features
      var i = 0
      while i < features {
        let count = min(8, features - i)
        let whole = count == 8
        let value = Vector8(from + i, count: whole ? 8 : count)
        let words = words(key: keys[row], from: i)
        let bits = SIMD8<UInt32>(
          truncatingIfNeeded: zeros.replacing(with: ones, where: words .>= thresholds))
        var result = (value * factor).replacing(with: zero, where: bits .== none)
        if whole {
          if adding { result += Vector8(to + i, count: 8) }
          result.store(to + i, count: 8)
        } else {
          for k in 0..<count { to[i + k] = adding ? to[i + k] + result[k] : result[k] }
        }
        i += 8
      }
    }
  }

  /// Words `index` to `index + 7` of the stream with that key.
  @inline(__always)
  private static func words(key: UInt64, from index: Int) -> SIMD8<UInt64> {
    let golden: UInt64 = 0x9E37_79B9_7F4A_7C15
    let ascending = SIMD8<UInt64>(1, 2, 3, 4, 5, 6, 7, 8)
    let counters = ascending &+ SIMD8(repeating: UInt64(index))
    var z = SIMD8(repeating: key) &+ counters &* SIMD8(repeating: golden)
    z = (z ^ (z &>> SIMD8(repeating: 30))) &* SIMD8(repeating: 0xBF58_476D_1CE4_E5B9)
    z = (z ^ (z &>> SIMD8(repeating: 27))) &* SIMD8(repeating: 0x94D0_49BB_1331_11EB)
    return z ^ (z &>> SIMD8(repeating: 31))
  }
}
