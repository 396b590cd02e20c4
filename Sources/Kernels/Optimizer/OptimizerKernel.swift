/// Elementwise optimizer updates over flat vectors; each element depends on its own index alone, so
/// any cut of a vector into ranges gives the same bits.
package enum OptimizerKernel {
  /// g = factor (scale gradient + decay w); velocity = m velocity + g;
  /// w -= rate (nesterov ? g + m velocity : velocity), over `count` elements in place.
  package static func momentum(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    velocity: UnsafeMutablePointer<Float>, count: Int, rate: Float, momentum: Float,
    nesterov: Bool, decay: Float, scale: Float, factor: Float
  ) {
    @inline(__always)
    func step(
      _ w: SIMD8<Float>, _ gradient: SIMD8<Float>, _ v: SIMD8<Float>
    ) -> (w: SIMD8<Float>, v: SIMD8<Float>) {
      let g = (gradient * scale).addingProduct(w, SIMD8(repeating: decay)) * factor
      let velocity = g.addingProduct(v, SIMD8(repeating: momentum))
      let along = nesterov ? g.addingProduct(velocity, SIMD8(repeating: momentum)) : velocity
      return (w.addingProduct(along, SIMD8(repeating: -rate)), velocity)
    }
    var i = 0
    while i + 8 <= count {
      let new = step(
        Vector8(parameters + i, count: 8), Vector8(gradients + i, count: 8),
        Vector8(velocity + i, count: 8))
      new.w.store(parameters + i, count: 8)
      new.v.store(velocity + i, count: 8)
      i += 8
    }
    if i < count {
      let rest = count - i
      let new = step(
        Vector8(parameters + i, count: rest), Vector8(gradients + i, count: rest),
        Vector8(velocity + i, count: rest))
      new.w.store(parameters + i, count: rest)
      new.v.store(velocity + i, count: rest)
    }
  }

  /// g = scale gradient + decay w; squares += g^2; w -= rate g / (sqrt(squares) + epsilon), over
  /// `count` elements in place.
  package static func adaGrad(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    squares: UnsafeMutablePointer<Float>, count: Int, rate: Float, epsilon: Float,
    decay: Float, scale: Float
  ) {
    @inline(__always)
    func step(
      _ w: SIMD8<Float>, _ gradient: SIMD8<Float>, _ s: SIMD8<Float>
    ) -> (w: SIMD8<Float>, s: SIMD8<Float>) {
      let g = (gradient * scale).addingProduct(w, SIMD8(repeating: decay))
      let squares = s.addingProduct(g, g)
      let quotient = g / (squares.newtonSquareRoot() + epsilon)
      return (w.addingProduct(quotient, SIMD8(repeating: -rate)), squares)
    }
    var i = 0
    while i + 8 <= count {
      let new = step(
        Vector8(parameters + i, count: 8), Vector8(gradients + i, count: 8),
        Vector8(squares + i, count: 8))
      new.w.store(parameters + i, count: 8)
      new.s.store(squares + i, count: 8)
      i += 8
    }
    if i < count {
      let rest = count - i
      let new = step(
        Vector8(parameters + i, count: rest), Vector8(gradients + i, count: rest),
        Vector8(squares + i, count: rest))
      new.w.store(parameters + i, count: rest)
      new.s.store(squares + i, count: rest)
    }
  }

  /// The scalars of one AdamW step, rounded once from Double.
  package struct AdamWFactors: Sendable {
    let keep, rate, oneMinusBeta1, beta2, oneMinusBeta2: Float
    let inverseRootCorrection2, epsilon, scale: Float

    /// `rate` is already divided by the first bias correction; `keep` is 1 - rate * decay;
    /// `correction2` is 1 - beta2^t.
    package init(
      keep: Double, rate: Double, beta1: Double, beta2: Double, correction2: Double,
      epsilon: Double, scale: Float
    ) {
      self.keep = Float(keep)
      self.rate = Float(rate)
      self.oneMinusBeta1 = Float(1 - beta1)
      self.beta2 = Float(beta2)
      self.oneMinusBeta2 = Float(1 - beta2)
      self.inverseRootCorrection2 = Float(1 / correction2.squareRoot())
      self.epsilon = Float(epsilon)
      self.scale = scale
    }
  }

  /// w *= keep; m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
  /// w -= rate m / (sqrt(v / correction2) + epsilon), over `count` elements in place.
  package static func adamW(
    _ parameters: UnsafeMutablePointer<Float>, along gradients: UnsafePointer<Float>,
    means: UnsafeMutablePointer<Float>, squares: UnsafeMutablePointer<Float>, count: Int,
    factors f: AdamWFactors
  ) {
    @inline(__always)
    func step(
      _ w: SIMD8<Float>, _ gradient: SIMD8<Float>, _ m: SIMD8<Float>, _ v: SIMD8<Float>
    ) -> (w: SIMD8<Float>, m: SIMD8<Float>, v: SIMD8<Float>) {
      let g = gradient * f.scale
      let mean = m.addingProduct(g - m, SIMD8(repeating: f.oneMinusBeta1))
      let square = (v * f.beta2).addingProduct(g * f.oneMinusBeta2, g)
      let divisor = SIMD8(repeating: f.epsilon)
        .addingProduct(square.newtonSquareRoot(), SIMD8(repeating: f.inverseRootCorrection2))
      let kept = w * f.keep
      return (kept.addingProduct(mean / divisor, SIMD8(repeating: -f.rate)), mean, square)
    }
    var i = 0
    while i + 8 <= count {
      let new = step(
        Vector8(parameters + i, count: 8), Vector8(gradients + i, count: 8),
        Vector8(means + i, count: 8),
        Vector8(squares + i, count: 8))
      new.w.store(parameters + i, count: 8)
      new.m.store(means + i, count: 8)
      new.v.store(squares + i, count: 8)
      i += 8
    }
    if i < count {
      let rest = count - i
      let new = step(
        Vector8(parameters + i, count: rest), Vector8(gradients + i, count: rest),
        Vector8(means + i, count: rest), Vector8(squares + i, count: rest))
      new.w.store(parameters + i, count: rest)
      new.m.store(means + i, count: rest)
      new.v.store(squares + i, count: rest)
    }
  }

  /// average += rate (value - average), over `count` elements in place; a rate of 1 copies.
  package static func average(
    _ average: UnsafeMutablePointer<Float>, towards values: UnsafePointer<Float>, count: Int,
    rate: Float
  ) {
    let rates = SIMD8<Float>(repeating: rate)
    var i = 0
    while i < count {
      let lanes = min(8, count - i)
      let old = Vector8(average + i, count: lanes)
      // Not old + (value - old), which is rounded.
      let new =
        rate == 1
        ? Vector8(values + i, count: lanes)
        : old.addingProduct(Vector8(values + i, count: lanes) - old, rates)
      new.store(average + i, count: lanes)
      i += 8
    }
  }
}
