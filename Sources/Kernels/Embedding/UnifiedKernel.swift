/// Pieces of the unified cross-entropy (UniFace, Zhou et al. 2023) over a row of cosines: every
/// class by itself is told from the sample, at one threshold for all.
package enum UnifiedKernel {
  /// Numbers of the chains between two parts of a row: eight of the losses, eight of the
  /// probabilities.
  package static let lanes = 16

  /// Adds log(1 + e^v) and 1 / (1 + e^-v) of v = scale * cosine - bias to `chains` [lanes], for
  /// each of `row` [count]; -infinity, the score that was taken out, adds nothing.
  package static func add(
    _ row: UnsafePointer<Float>, count: Int, scale: Float, bias: Float,
    to chains: UnsafeMutablePointer<Double>
  ) {
    let raw = UnsafeMutableRawPointer(chains)
    var losses = raw.loadUnaligned(as: SIMD8<Double>.self)
    var probabilities = raw.loadUnaligned(fromByteOffset: 64, as: SIMD8<Double>.self)
    let scales = Vector8(repeating: scale)
    let offset = Vector8(repeating: -bias)
    var i = 0
    while i < count {
      let cosine = Vector8(row + i, count: min(8, count - i), fill: -.infinity)
      let (loss, probability) = value(offset.addingProduct(cosine, scales))
      losses += SIMD8<Double>(loss)
      probabilities += SIMD8<Double>(probability)
      i += 8
    }
    raw.storeBytes(of: losses, as: SIMD8<Double>.self)
    raw.storeBytes(of: probabilities, toByteOffset: 64, as: SIMD8<Double>.self)
  }

  /// The sums of `chains` [lanes]: of the losses, and of the probabilities.
  package static func sums(
    of chains: UnsafePointer<Double>
  ) -> (losses: Double, probabilities: Double) {
    let raw = UnsafeRawPointer(chains)
    return (
      raw.loadUnaligned(as: SIMD8<Double>.self).sum(),
      raw.loadUnaligned(fromByteOffset: 64, as: SIMD8<Double>.self).sum()
    )
  }

  /// Overwrites `result` [count] with the gradients at the raw products of a row of `cosines`:
  /// scale / (1 + e^-v), times `inverseNorms` [count]. With `projections` [count] the gradients
  /// times the cosines are added to them.
  package static func gradients(
    of cosines: UnsafePointer<Float>, count: Int, scale: Float, bias: Float,
    inverseNorms: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
    addingTo projections: UnsafeMutablePointer<Float>?
  ) {
    let scales = Vector8(repeating: scale)
    let offset = Vector8(repeating: -bias)
    var i = 0
    while i < count {
      let width = min(8, count - i)
      let cosine = Vector8(cosines + i, count: width)
      let g = value(offset.addingProduct(cosine, scales)).probability * scales
      if let projections {
        Vector8(projections + i, count: width).addingProduct(g, cosine)
          .store(projections + i, count: width)
      }
      (g * Vector8(inverseNorms + i, count: width)).store(result + i, count: width)
      i += 8
    }
  }

  /// log(1 + e^v) and 1 / (1 + e^-v), by t = e^-|v|, which neither overflows nor loses what is
  /// small.
  @inline(__always)
  private static func value(_ v: Vector8) -> (loss: Vector8, probability: Vector8) {
    let zero = Vector8(repeating: 0)
    let one = Vector8(repeating: 1)
    let isPositive = v .> zero
    let positive = zero.replacing(with: v, where: isPositive)
    let t = SoftmaxKernel.exponential((-v).replacing(with: v, where: v .< zero))
    let inverse = one / (one + t)
    let probability = (t * inverse).replacing(with: inverse, where: isPositive)
    return (positive + log1p(t), probability)
  }

  /// log(1 + t) of t in 0...1: 2 artanh(z) of z = t / (2 + t), at most 1 / 3, by its series, whose
  /// first term left out is 3e-9 of the whole.
  @inline(__always)
  private static func log1p(_ t: Vector8) -> Vector8 {
    let z = t / (Vector8(repeating: 2) + t)
    let w = z * z
    var sum = Vector8(repeating: 1.0 / 13).addingProduct(Vector8(repeating: 1.0 / 15), w)
    sum = Vector8(repeating: 1.0 / 11).addingProduct(sum, w)
    sum = Vector8(repeating: 1.0 / 9).addingProduct(sum, w)
    sum = Vector8(repeating: 1.0 / 7).addingProduct(sum, w)
    sum = Vector8(repeating: 1.0 / 5).addingProduct(sum, w)
    sum = Vector8(repeating: 1.0 / 3).addingProduct(sum, w)
    let series = z.addingProduct(z, sum * w)
    return series + series
  }
}
