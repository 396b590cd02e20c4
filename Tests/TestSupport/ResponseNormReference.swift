import Foundation

/// Local response normalisation of a [P,C] map in Double, as the formula stands.
package struct ResponseNormReference {
  package var channels, size: Int
  package var alpha, bias: Double

  package init(channels: Int, size: Int, alpha: Double, bias: Double) {
    self.channels = channels
    self.size = size
    self.alpha = alpha
    self.bias = bias
  }

  /// The elements whose squares are summed for element `i`.
  private func neighbours(of i: Int) -> ClosedRange<Int> {
    let c = i % channels
    return i - c + max(0, c - size / 2)...i - c + min(channels - 1, c + size / 2)
  }

  private func scales(_ x: [Double]) -> [Double] {
    x.indices.map { i in
      bias + alpha / Double(size) * neighbours(of: i).reduce(0) { $0 + x[$1] * x[$1] }
    }
  }

  /// x / (bias + alpha / size (sum of squares around))^(3/4).
  package func output(_ x: [Double]) -> [Double] {
    zip(x, scales(x)).map { $0 / pow($1, 0.75) }
  }

  /// The gradient of the input from that of the output: each output's share of each neighbour.
  package func gradient(_ outputGradient: [Double], at x: [Double]) -> [Double] {
    let scales = scales(x)
    var result = x.map { _ in 0.0 }
    for i in x.indices {
      result[i] += outputGradient[i] / pow(scales[i], 0.75)
      let share = -1.5 * alpha / Double(size) * outputGradient[i] * x[i] / pow(scales[i], 1.75)
      for other in neighbours(of: i) { result[other] += share * x[other] }
    }
    return result
  }
}
