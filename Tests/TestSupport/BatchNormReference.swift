/// The activations of the references.
package enum ReferenceActivation: CaseIterable, Sendable {
  case identity, relu, prelu

  package func value(_ u: Double, slope: Double) -> Double {
    switch self {
    case .identity: u
    case .relu: u > 0 ? u : 0
    case .prelu: u > 0 ? u : slope * u
    }
  }

  package func derivative(_ u: Double, slope: Double) -> Double {
    switch self {
    case .identity: 1
    case .relu: u > 0 ? 1 : 0
    case .prelu: u > 0 ? 1 : slope
    }
  }
}

/// Batch norm over [P,C] with residual and activation, in Double, as the formula stands.
package struct BatchNormReference {
  package var channels: Int
  package var input: [Double]
  package var scale: [Double]
  package var offset: [Double]
  package var slopes: [Double]
  package var residual: [Double]?
  package var activation: ReferenceActivation
  package var epsilon: Double

  package init(
    channels: Int, input: [Double], scale: [Double], offset: [Double], slopes: [Double],
    residual: [Double]?, activation: ReferenceActivation, epsilon: Double
  ) {
    self.channels = channels
    self.input = input
    self.scale = scale
    self.offset = offset
    self.slopes = slopes
    self.residual = residual
    self.activation = activation
    self.epsilon = epsilon
  }

  package var pixels: Int { input.count / channels }

  package var mean: [Double] {
    var sums = Array(repeating: 0.0, count: channels)
    for (i, x) in input.enumerated() { sums[i % channels] += x }
    return sums.map { $0 / Double(pixels) }
  }

  package var variance: [Double] {
    let mean = mean
    var sums = Array(repeating: 0.0, count: channels)
    for (i, x) in input.enumerated() {
      let difference = x - mean[i % channels]
      sums[i % channels] += difference * difference
    }
    return sums.map { $0 / Double(pixels) }
  }

  /// xhat [P,C].
  package var normalized: [Double] {
    let (mean, variance) = (mean, variance)
    let deviation = variance.map { ($0 + epsilon).squareRoot() }
    return input.enumerated().map { i, x in
      (x - mean[i % channels]) / deviation[i % channels]
    }
  }

  /// The argument of the activation [P,C].
  package var preactivation: [Double] {
    let normalized = normalized
    return normalized.enumerated().map { i, hat in
      let added = residual?[i] ?? 0
      return scale[i % channels] * hat + offset[i % channels] + added
    }
  }

  package var output: [Double] {
    preactivation.enumerated().map { i, u in activation.value(u, slope: slopes[i % channels]) }
  }

  package struct Gradients {
    package var input: [Double]
    package var residual: [Double]
    package var scale: [Double]
    package var offset: [Double]
    package var slopes: [Double]
  }

  package func gradients(_ outputGradient: [Double]) -> Gradients {
    let (u, hat, variance) = (preactivation, normalized, variance)
    var result = Gradients(
      input: [], residual: [], scale: Array(repeating: 0, count: channels),
      offset: Array(repeating: 0, count: channels), slopes: Array(repeating: 0, count: channels))
    for i in input.indices {
      let c = i % channels
      let du = outputGradient[i] * activation.derivative(u[i], slope: slopes[c])
      result.residual.append(du)
      result.offset[c] += du
      result.scale[c] += du * hat[i]
      if activation == .prelu { result.slopes[c] += outputGradient[i] * min(u[i], 0) }
    }
    let count = Double(pixels)
    result.input = input.indices.map { i in
      let c = i % channels
      let gain = scale[c] / (variance[c] + epsilon).squareRoot()
      let projection = (result.offset[c] + hat[i] * result.scale[c]) / count
      return gain * (result.residual[i] - projection)
    }
    return result
  }
}

/// Sums and sums of squares [2][C] of a [P,C] map.
package func referenceSums(_ values: [Double], channels: Int) -> [Double] {
  var sums = Array(repeating: 0.0, count: 2 * channels)
  for (i, value) in values.enumerated() {
    sums[i % channels] += value
    sums[channels + i % channels] += value * value
  }
  return sums
}
