/// The transforms of 7x7 weights in the order [K/16][C][49][16] for convolutions along the rows.
enum WinogradRowWeights {
  /// [10] planes of panels [K/16][7 C][16] from weights in the order [K/16][C][49][16].
  static func transform(
    _ weights: Floats, _ layout: WinogradRowLayout, into planes: MutableFloats
  ) {
    forEachTap(layout) { f, factors, source, panel, depth in
      for half in stride(from: 0, to: 16, by: 8) {
        var sum = Vector8(repeating: 0)
        for s in 0..<7 {
          sum = sum.adding(weights[vector: source + s * 16 + half], times: factors[s])
        }
        planes[vector: f * layout.weightPlane + (panel * layout.depth + depth) * 16 + half] = sum
      }
    }
  }

  /// The adjoint, from planes of rows [7 C][K + 16].
  static func addGradient(
    _ planes: Floats, _ layout: WinogradRowLayout, to weightGradient: MutableFloats
  ) {
    forEachTap(layout) { f, factors, target, panel, depth in
      for half in stride(from: 0, to: 16, by: 8) {
        let from = f * layout.weightGradientPlane + depth * layout.productStride + panel * 16 + half
        let value = planes[vector: from]
        for s in 0..<7 {
          let at = target + s * 16 + half
          weightGradient[vector: at] = weightGradient[vector: at].adding(value, times: factors[s])
        }
      }
    }
  }

  /// Calls `body` with a product's number, its seven factors, where the seven taps of a row of a
  /// kernel begin in the weights, the panel and the place in the depth.
  @inline(__always)
  private static func forEachTap(
    _ layout: WinogradRowLayout,
    _ body: (_ f: Int, _ factors: Floats, _ taps: Int, _ panel: Int, _ depth: Int) -> Void
  ) {
    let channels = layout.shape.inputChannels
    WinogradRowFactors.shared.weight.withUnsafeBufferPointer { matrix in
      for f in 0..<WinogradRowLayout.points {
        let factors = matrix.baseAddress! + f * 7
        for panel in 0..<layout.outputs / 16 {
          for c in 0..<channels {
            for r in 0..<7 {
              body(f, factors, ((panel * channels + c) * 49 + r * 7) * 16, panel, r * channels + c)
            }
          }
        }
      }
    }
  }
}
