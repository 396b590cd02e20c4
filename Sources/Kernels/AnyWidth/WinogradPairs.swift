/// Planes of factors that hold a value of each of several tiles or channels.
enum WinogradPairs {
  /// Writes factors to 36 planes, `planeStride` floats apart from `target` on: `transform` hands
  /// the rows of six values of the first, and, where a factor is a pair, of the second of them.
  /// Without a second (`isPair` is false) zeros take its place. `held` is scratch of 36 vectors.
  @inline(__always)
  static func write(
    to target: MutableFloats, planeStride: Int, isPair: Bool, held: MutableFloats,
    _ transform: (_ isOdd: Bool, _ put: (_ row: Int, Winograd.Six) -> Void) -> Void
  ) {
    if Factor.values == 1 {
      transform(false) { i, values in
        (target + i * 6 * planeStride).store(values, stride: planeStride)
      }
      return
    }
    let line = 6 &* Vector.width
    transform(false) { i, values in (held + i &* line).store(values, stride: Vector.width) }
    @inline(__always) func putPairs(_ i: Int, _ odd: Winograd.Six) {
      let even = Floats(held + i &* line).six(stride: Vector.width)
      let pairs = (
        Factor.pairs(even: even.0, odd: odd.0), Factor.pairs(even: even.1, odd: odd.1),
        Factor.pairs(even: even.2, odd: odd.2), Factor.pairs(even: even.3, odd: odd.3),
        Factor.pairs(even: even.4, odd: odd.4), Factor.pairs(even: even.5, odd: odd.5)
      )
      (target + i * 6 * planeStride).store(pairs, stride: planeStride)
    }
    if isPair {
      transform(true, putPairs)
    } else {
      let zero = Vector()
      for i in 0..<6 { putPairs(i, (zero, zero, zero, zero, zero, zero)) }
    }
  }
}
