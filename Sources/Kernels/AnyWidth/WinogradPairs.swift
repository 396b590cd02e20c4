/// Planes of factors that hold a value of each of several tiles or channels.
enum WinogradPairs {
  /// Writes factors to `side` x `side` planes, `planeStride` floats apart from `target` on:
  /// `transform` hands the row, the column and the value for each plane of the first, and, where a
  /// factor is a pair, of the second of them.
  ///
  /// Without a second (`isPair` is false) zeros take its place. `held` is scratch of as many
  /// vectors as planes.
  @inline(__always)
  static func write(
    side: Int, to target: MutableFloats, planeStride: Int, isPair: Bool, held: MutableFloats,
    _ transform: (_ isOdd: Bool, _ put: (_ i: Int, _ j: Int, Vector) -> Void) -> Void
  ) {
    if Factor.values == 1 {
      transform(false) { i, j, value in
        target[vector: (i &* side &+ j) &* planeStride] = value
      }
      return
    }
    let planes = Planes(side: side, target: target, planeStride: planeStride, held: held)
    transform(false) { i, j, value in planes.hold(i, j, value) }
    if isPair {
      transform(true) { i, j, odd in planes.put(i, j, odd) }
    } else {
      planes.putAlone()
    }
  }

  /// The same of 36 planes, for which `transform` hands rows of six values.
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
    let planes = Planes(side: 6, target: target, planeStride: planeStride, held: held)
    transform(false) { i, values in
      (held + i &* 6 &* Vector.width).store(values, stride: Vector.width)
    }
    if isPair {
      transform(true) { i, odd in
        planes.put(i, 0, odd.0)
        planes.put(i, 1, odd.1)
        planes.put(i, 2, odd.2)
        planes.put(i, 3, odd.3)
        planes.put(i, 4, odd.4)
        planes.put(i, 5, odd.5)
      }
    } else {
      planes.putAlone()
    }
  }

  /// Planes of pairs, whose even values are held until the odd ones come.
  private struct Planes {
    let side: Int
    let target: MutableFloats
    let planeStride: Int
    let held: MutableFloats

    @inline(__always)
    private func place(_ i: Int, _ j: Int) -> Int { (i &* side &+ j) &* Vector.width }

    @inline(__always)
    func hold(_ i: Int, _ j: Int, _ even: Vector) { held[vector: place(i, j)] = even }

    @inline(__always)
    func put(_ i: Int, _ j: Int, _ odd: Vector) {
      target[vector: (i &* side &+ j) &* planeStride] = Factor.pairs(
        even: held[vector: place(i, j)], odd: odd)
    }

    /// Zeros for the odd values.
    @inline(__always)
    func putAlone() {
      for i in 0..<side { for j in 0..<side { put(i, j, Vector()) } }
    }
  }
}
