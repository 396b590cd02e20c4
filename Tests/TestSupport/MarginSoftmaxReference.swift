#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif

/// The losses of a softmax head in Double, as the formulas read: every angle through arccos, every
/// probability from the full softmax, no blocks and no shared code with the kernel.
package struct MarginSoftmaxReference: Sendable {
  /// What replaces the cosine of the target.
  package enum Margin: Sendable {
    case none
    case arcFace(Double)
    case monotone(Double)
    case easy(Double)
    case clamped(Double)
    case cosFace(Double)
    case combined(Double, Double, Double)
    /// Margin and concentration, then mean and deviation of the norms.
    case adaFace(Double, Double, Double, Double)
    /// Margin and the mean cosine t.
    case curricularFace(Double, Double)
    /// Margins of the least and the greatest norm, these norms, and the weight of the loss of them;
    /// whether the margin ends at a right angle.
    case magFace(Double, Double, Double, Double, weight: Double, isEasy: Bool)
    /// Margin and the bias.
    case uniFace(Double, Double)
  }

  package var margin: Margin
  package var scale: Double
  package var normalized: Bool
  package var hasBias: Bool
  /// The margin counts as the identity in the gradient.
  package var straightThrough: Bool
  /// The norms that margins are made of, in place of the embeddings': they are no variables.
  package var norms: [Double]?
  /// The share of the truth that all classes have alike.
  package var smoothing = 0.0

  package init(
    _ margin: Margin, scale: Double = 64, normalized: Bool = true, hasBias: Bool = false,
    straightThrough: Bool = false, smoothing: Double = 0
  ) {
    self.smoothing = smoothing
    self.margin = margin
    self.scale = scale
    self.normalized = normalized
    self.hasBias = hasBias
    self.straightThrough = straightThrough
  }

  /// The loss sum and the gradients of one microbatch.
  package struct Result {
    package var loss = 0.0
    package var embeddings: [Double] = []
    /// Weights, then bias if there is one.
    package var weights: [Double] = []
    package var correctCount = 0
    package var targetCosineSum = 0.0
  }

  /// `embeddings` [rows, width], `weights` [classes, width] and bias [classes] behind if there is
  /// one.
  package func run(
    _ embeddings: [Double], labels: [Int], weights: [Double], classes: Int, width: Int
  ) -> Result {
    let rows = labels.count
    let x = unitRows(embeddings, rows: rows, width: width)
    let w = unitRows(weights, rows: classes, width: width)
    var result = Result()
    var dx = [Double](repeating: 0, count: rows * width)
    var dw = [Double](repeating: 0, count: classes * width)
    var db = [Double](repeating: 0, count: classes)
    var dNorms = [Double](repeating: 0, count: rows)
    for i in 0..<rows {
      let y = labels[i]
      var raw = (0..<classes).map { j in
        dot(x.units, i, w.units, j, width) + (hasBias ? weights[classes * width + j] : 0)
      }
      let others = raw.enumerated().filter { $0.offset != y }.map(\.element)
      if others.allSatisfy({ $0 < raw[y] }) { result.correctCount += 1 }
      result.targetCosineSum +=
        dot(embeddings, i, weights, y, width)
        / (dot(embeddings, i, embeddings, i, width) * dot(weights, y, weights, y, width))
        .squareRoot()
      let own = dot(embeddings, i, embeddings, i, width).squareRoot()
      let norm = hasVariableNorms ? own : norms?[i] ?? own
      let slope = straightThrough ? 1 : slope(raw[y], norm: norm)
      let cosine = raw[y]
      let negatives = hardened(raw, target: raw[y])
      for j in 0..<classes where j != y { raw[j] = negatives[j].value }
      raw[y] = target(raw[y], norm: norm)
      let greatest = raw.max()!
      let exponentials = raw.map { exp(scale * ($0 - greatest)) }
      let sum = exponentials.reduce(0, +)
      var probabilities = exponentials.map { $0 / sum }
      var truth = [Double](repeating: smoothing / Double(classes), count: classes)
      truth[y] += 1 - smoothing
      if case .uniFace(_, let bias) = margin {
        probabilities = raw.map { 1 / (1 + exp(bias - scale * $0)) }
        for j in 0..<classes {
          let v = scale * raw[j] - bias
          result.loss += log1p(exp(j == y ? -v : v))
        }
      } else {
        for j in 0..<classes {
          result.loss += truth[j] * (log(sum) + scale * (greatest - raw[j]))
        }
      }
      let (normLoss, normSlope, targetSlope) = normTerm(cosine, norm)
      result.loss += normLoss
      dNorms[i] = normSlope + scale * (probabilities[y] - truth[y]) * targetSlope
      for j in 0..<classes {
        let g =
          scale * (probabilities[j] - truth[j]) * (j == y ? slope : negatives[j].slope)
        db[j] += g
        for k in 0..<width {
          dx[i * width + k] += g * w.units[j * width + k]
          dw[j * width + k] += g * x.units[i * width + k]
        }
      }
    }
    result.embeddings = pulledBack(dx, x, rows: rows, width: width)
    for i in 0..<rows {
      for k in 0..<width { result.embeddings[i * width + k] += dNorms[i] * x.units[i * width + k] }
    }
    result.weights = pulledBack(dw, w, rows: classes, width: width) + (hasBias ? db : [])
    return result
  }

  /// The function of the cosine in place of the target's.
  package func target(_ cosine: Double, norm: Double = 1) -> Double {
    let theta = acos(cosine)
    switch margin {
    case .none: return cosine
    case .arcFace(let m): return cos(theta + m)
    case .monotone(let m):
      return theta < .pi - m ? cos(theta + m) : cosine - m * sin(.pi - m)
    case .easy(let m): return theta < .pi / 2 ? cos(theta + m) : cosine
    case .clamped(let m):
      let c = Swift.min(Swift.max(cosine, 0), 1)
      return cosine + (c * cos(m) - (1 - c * c).squareRoot() * sin(m) - c)
    case .cosFace(let m), .uniFace(let m, _): return cosine - m
    case .magFace(_, _, _, _, _, let isEasy):
      return isEasy && theta >= .pi / 2 ? cosine : cos(theta + normMargin(norm))
    case .combined(let m1, let m2, let m3): return cos(m1 * theta + m2) - m3
    case .curricularFace(let m, _):
      return cosine > cos(.pi - m) ? cos(theta + m) : cosine - m * sin(.pi - m)
    case .adaFace(let m, let h, let mean, let deviation):
      let k = quality(norm, h, mean, deviation)
      return cos(Swift.min(Swift.max(theta - m * k, 1e-3), .pi - 1e-3)) - m - m * k
    }
  }

  /// What stands for the cosines of other classes, and its slopes.
  private func hardened(
    _ cosines: [Double], target: Double
  ) -> [(value: Double, slope: Double)] {
    guard case .curricularFace(let m, let t) = margin else { return cosines.map { ($0, 1) } }
    let hard = cos(acos(target) + m)
    return cosines.map { $0 > hard ? ($0 * (t + $0), t + 2 * $0) : ($0, 1) }
  }

  /// Whether gradients flow into the norms.
  private var hasVariableNorms: Bool {
    if case .magFace = margin { return true }
    return false
  }

  private func normMargin(_ norm: Double) -> Double {
    guard case .magFace(let low, let high, let least, let greatest, _, _) = margin else { return 0 }
    let share = (Swift.min(Swift.max(norm, least), greatest) - least) / (greatest - least)
    return low + (high - low) * share
  }

  /// The loss of a norm, its slope, and that of the target in the norm.
  private func normTerm(_ cosine: Double, _ norm: Double) -> (Double, Double, Double) {
    guard case .magFace(let low, let high, let least, let greatest, let weight, let isEasy) = margin
    else { return (0, 0, 0) }
    let size = Swift.min(Swift.max(norm, least), greatest)
    let loss = weight * (size / (greatest * greatest) + 1 / size)
    if size != norm { return (loss, 0, 0) }
    let theta = acos(cosine)
    let turned = isEasy && theta >= .pi / 2 ? 0 : -sin(theta + normMargin(norm))
    return (
      loss, weight * (1 / (greatest * greatest) - 1 / (size * size)),
      straightThrough ? 0 : turned * (high - low) / (greatest - least)
    )
  }

  private func quality(
    _ norm: Double, _ concentration: Double, _ mean: Double, _ deviation: Double
  ) -> Double {
    let clipped = Swift.min(Swift.max(norm, 1e-3), 100)
    return Swift.min(Swift.max(concentration * (clipped - mean) / (deviation + 1e-3), -1), 1)
  }

  /// d target / d cosine.
  package func slope(_ cosine: Double, norm: Double = 1) -> Double {
    let theta = acos(cosine)
    switch margin {
    case .none, .cosFace, .uniFace: return 1
    case .magFace(_, _, _, _, _, let isEasy):
      return isEasy && theta >= .pi / 2 ? 1 : sin(theta + normMargin(norm)) / sin(theta)
    case .arcFace(let m): return sin(theta + m) / sin(theta)
    case .monotone(let m): return theta < .pi - m ? sin(theta + m) / sin(theta) : 1
    case .easy(let m), .clamped(let m):
      return theta < .pi / 2 ? sin(theta + m) / sin(theta) : 1
    case .combined(let m1, let m2, _): return m1 * sin(m1 * theta + m2) / sin(theta)
    case .curricularFace(let m, _):
      return cosine > cos(.pi - m) ? sin(theta + m) / sin(theta) : 1
    case .adaFace(let m, let h, let mean, let deviation):
      let angle = theta - m * quality(norm, h, mean, deviation)
      return angle < 1e-3 || angle > .pi - 1e-3 ? 0 : sin(angle) / sin(theta)
    }
  }

  private func unitRows(
    _ matrix: [Double], rows: Int, width: Int
  ) -> (units: [Double], norms: [Double]) {
    var units = Array(matrix[0..<(rows * width)])
    var norms = [Double](repeating: 1, count: rows)
    guard normalized else { return (units, norms) }
    for i in 0..<rows {
      norms[i] = Swift.max(dot(matrix, i, matrix, i, width).squareRoot(), 1e-12)
      for k in 0..<width { units[i * width + k] /= norms[i] }
    }
    return (units, norms)
  }

  private func pulledBack(
    _ gradient: [Double], _ rows: (units: [Double], norms: [Double]), rows count: Int, width: Int
  ) -> [Double] {
    guard normalized else { return gradient }
    var result = gradient
    for i in 0..<count {
      let along = rows.norms[i] > 1e-12 ? dot(gradient, i, rows.units, i, width) : 0
      for k in 0..<width {
        result[i * width + k] =
          (gradient[i * width + k] - along * rows.units[i * width + k]) / rows.norms[i]
      }
    }
    return result
  }

  private func dot(_ a: [Double], _ i: Int, _ b: [Double], _ j: Int, _ width: Int) -> Double {
    var sum = 0.0
    for k in 0..<width { sum += a[i * width + k] * b[j * width + k] }
    return sum
  }
}
