internal import Determinism

/// A colour as red, green, blue in 0...1, and how much the surface shines in 0...1.
typealias Ink = SIMD4<Float>

/// Reads a counter-based stream front to back: each draw of a face takes the next number.
struct FaceDice {
  private let random: CounterRandom
  private var index = 0

  init(_ random: CounterRandom) { self.random = random }

  /// The next number, uniform in [low, high).
  mutating func uniform(_ low: Float, _ high: Float) -> Float {
    defer { index += 1 }
    return low + Float(random.uniform(index)) * (high - low)
  }

  /// The mean of the next three uniform numbers, moved to [low, high): a bell without a tail.
  mutating func bell(_ low: Float, _ high: Float) -> Float {
    let sum = uniform(0, 1) + uniform(0, 1) + uniform(0, 1)
    return low + sum / 3 * (high - low)
  }

  /// True with probability `probability`.
  mutating func chance(_ probability: Float) -> Bool { uniform(0, 1) < probability }

  /// The next number, uniform over 0..<bound.
  mutating func pick(_ bound: Int) -> Int {
    defer { index += 1 }
    return random.integer(index, below: bound)
  }

  /// A point of the polyline through `stops`, all of its length equally likely.
  mutating func along(_ stops: [Ink]) -> Ink {
    let place = uniform(0, Float(stops.count - 1))
    let first = min(Int(place), stops.count - 2)
    let share = place - Float(first)
    return stops[first] + (stops[first + 1] - stops[first]) * share
  }
}

/// A table of random numbers read as a smooth, endlessly repeating surface.
struct FaceLattice {
  private static let side = 32
  private let values: [Float]

  init(_ random: CounterRandom) {
    values = (0..<Self.side * Self.side).map { index in
      Float(random.word(index) >> 40) * 0x1p-23 - 1
    }
  }

  /// Lends the surface to `body` as a function of two coordinates with values in -1...1.
  func withSurface<R>(_ body: (Surface) -> R) -> R {
    values.withUnsafeBufferPointer { body(Surface(base: $0.baseAddress!)) }
  }

  struct Surface {
    let base: UnsafePointer<Float>

    /// Two unrelated values of the cell whose corner is (x, y), whole numbers.
    @inline(__always)
    func cell(_ x: Float, _ y: Float) -> (Float, Float) {
      let index = (Int(Int32(y)) & 31) * 32 + (Int(Int32(x)) & 31)
      return (base[index], base[(index + 501) & 1023])
    }

    /// The height at (x, y); the lattice points are the whole numbers.
    @inline(__always)
    func callAsFunction(_ x: Float, _ y: Float) -> Float {
      let fx = x.rounded(.down)
      let fy = y.rounded(.down)
      let column = Int(Int32(fx)) & 31
      let row = Int(Int32(fy)) & 31
      let right = (column + 1) & 31
      let below = (row + 1) & 31
      var tx = x - fx
      var ty = y - fy
      tx = tx * tx * (3 - 2 * tx)
      ty = ty * ty * (3 - 2 * ty)
      let top = base[row * 32 + column] + (base[row * 32 + right] - base[row * 32 + column]) * tx
      let bottom =
        base[below * 32 + column] + (base[below * 32 + right] - base[below * 32 + column]) * tx
      return top + (bottom - top) * ty
    }
  }
}

/// 0 below `low`, 1 above `high`, a smooth step between.
@inline(__always)
func smoothStep(_ low: Float, _ high: Float, _ x: Float) -> Float {
  let t = clamp01((x - low) / (high - low))
  return t * t * (3 - 2 * t)
}

/// `x` limited to 0...1.
@inline(__always)
func clamp01(_ x: Float) -> Float { max(0, min(1, x)) }

/// A hill of height 1 and radius 1 at the origin, as a function of the squared distance to it.
@inline(__always)
func hill(_ squaredDistance: Float) -> Float {
  let t = max(0, 1 - squaredDistance)
  return t * t
}
