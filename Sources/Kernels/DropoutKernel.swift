/// Inverted dropout (Srivastava et al. 2014) whose mask is a function of a key per row.
///
/// Element i of row r is kept iff SplitMix64 of keys[r] at counter i is at least `threshold`;
/// backward makes the same mask again, so none is stored.
package enum DropoutKernel {
  /// The smallest word that keeps an element when a share of `rate` (0 <= rate < 1) is dropped.
  package static func threshold(rate: Double) -> UInt64 {
    precondition(rate >= 0 && rate < 1, "dropout rate \(rate) is outside [0, 1)")
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
    let threshold = threshold(rate: rate)
    let factor = Float(1 / (1 - rate))
    for row in 0..<rows {
      let from = source + row * features
      let to = target + row * features
      var i = 0
      while i < features {
        let count = min(8, features - i)
        let whole = count == 8
        let value = whole ? loadEight(from + i) : loadFewer(from + i, count: count)
        let keeps = words(key: keys[row], from: i) .>= threshold
        let bits = SIMD8<UInt32>(
          truncatingIfNeeded: SIMD8<UInt64>().replacing(with: 1, where: keeps))
        var result = (value * factor).replacing(with: SIMD8<Float>(), where: bits .== 0)
        if whole {
          if adding { result += loadEight(to + i) }
          storeEight(result, to + i)
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
    let counters = SIMD8<UInt64>(1, 2, 3, 4, 5, 6, 7, 8) &+ UInt64(index)
    var z = key &+ counters &* golden
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }
}
