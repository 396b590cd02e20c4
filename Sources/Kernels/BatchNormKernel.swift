/// The per-channel values [C] of a batch norm and the activation fused to it.
package struct BatchNormCoefficients {
  package var mean: UnsafePointer<Float>
  package var inverseDeviation: UnsafePointer<Float>
  package var scale: UnsafePointer<Float>?
  package var offset: UnsafePointer<Float>
  package var activation: ActivationFunction
  package var slopes: UnsafePointer<Float>?

  /// Coefficients for y = act(scale * (x - mean) * inverseDeviation + offset); no scale means 1.
  package init(
    mean: UnsafePointer<Float>, inverseDeviation: UnsafePointer<Float>,
    scale: UnsafePointer<Float>?, offset: UnsafePointer<Float>,
    activation: ActivationFunction = .identity, slopes: UnsafePointer<Float>? = nil
  ) {
    self.mean = mean
    self.inverseDeviation = inverseDeviation
    self.scale = scale
    self.offset = offset
    self.activation = activation
    self.slopes = slopes
  }
}

/// Batch norm (Ioffe and Szegedy 2015) over a [P,C] map, with activation and residual fused:
/// y = act(scale * (x - mean) * inverseDeviation + offset + residual).
package enum BatchNormKernel {
  /// Sums and sums of squares [2][C] of `input` [P,C], in Double over blocks of Float sums.
  package static func statistics(
    of input: UnsafePointer<Float>, pixels: Int, channels: Int,
    into sums: UnsafeMutablePointer<Double>
  ) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    sums.update(repeating: 0, count: 2 * channels)
    StatisticsPass(channels: channels, input: input, sums: sums)
      .run(pixels: pixels, channels: channels)
  }

  /// Mean, biased variance and 1 / sqrt(variance + epsilon), each [C], from `sums` [2][C].
  package static func moments(
    from sums: UnsafePointer<Double>, pixels: Int, channels: Int, epsilon: Double,
    mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>,
    inverseDeviation: UnsafeMutablePointer<Float>
  ) {
    let count = Double(pixels)
    for c in 0..<channels {
      let average = sums[c] / count
      let spread = (sums[channels + c] / count).addingProduct(-average, average)
      // Written so that a NaN stays one: a broken activation must reach the gradient check.
      let biased = spread < 0 ? 0 : spread
      mean[c] = Float(average)
      variance[c] = Float(biased)
      inverseDeviation[c] = Float(1 / (biased + epsilon).squareRoot())
    }
  }

  /// 1 / sqrt(variance + epsilon) [C]: what inference needs from running statistics.
  package static func inverseDeviation(
    of variance: UnsafePointer<Float>, channels: Int, epsilon: Double,
    into inverseDeviation: UnsafeMutablePointer<Float>
  ) {
    for c in 0..<channels {
      inverseDeviation[c] = Float(1 / (Double(variance[c]) + epsilon).squareRoot())
    }
  }

  /// Computes the output [P,C] from `input` and, if given, `residual` [P,C].
  ///
  /// With the moments of the batch this is training, with running ones inference. `output` may be
  /// `input` or `residual`. `outputSums` [2][C], if given, receives the sums and the sums of
  /// squares of the output, for a batch norm that follows. The output's pixels lie `outputStride`
  /// floats apart, C unless given.
  package static func forward(
    _ input: UnsafePointer<Float>, pixels: Int, channels: Int,
    coefficients: BatchNormCoefficients, residual: UnsafePointer<Float>? = nil,
    into output: UnsafeMutablePointer<Float>, outputStride: Int? = nil,
    outputSums: UnsafeMutablePointer<Double>? = nil
  ) {
    checkMap(
      pixels: pixels, channels: channels, activation: coefficients.activation,
      slopes: coefficients.slopes)
    outputSums?.update(repeating: 0, count: 2 * channels)
    func pass<Activation: LaneActivation>(_ activation: Activation.Type) {
      ForwardPass<Activation>(
        channels: channels, input: input, coefficients: coefficients,
        residual: residual, output: output, outputStride: outputStride ?? channels,
        sums: outputSums
      ).run(pixels: pixels, channels: channels)
    }
    switch coefficients.activation {
    case .identity: pass(IdentityLanes.self)
    case .relu: pass(RectifiedLanes.self)
    case .prelu: pass(ParametricLanes.self)
    }
  }
}

private struct StatisticsPass: ChannelGroupPass {
  let channels: Int
  let input: UnsafePointer<Float>
  let sums: UnsafeMutablePointer<Double>

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    var sum = Lanes(0)
    var squares = Lanes(0)
    var source = input + pixel * channels + channel
    for _ in 0..<pixels {
      let x = Lanes(source, count: count)
      sum = sum + x
      squares = squares.addingProduct(x, x)
      source += channels
    }
    sum.fold(sums + channel, count: count)
    squares.fold(sums + channels + channel, count: count)
  }
}

private struct ForwardPass<Activation: LaneActivation>: ChannelGroupPass {
  let channels: Int
  let input: UnsafePointer<Float>
  let coefficients: BatchNormCoefficients
  let residual: UnsafePointer<Float>?
  let output: UnsafeMutablePointer<Float>
  let outputStride: Int
  let sums: UnsafeMutablePointer<Double>?

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    let group = NormGroup(coefficients, channel: channel, count: count)
    var sum = Lanes(0)
    var squares = Lanes(0)
    var at = pixel * channels + channel
    var target = output + (pixel * outputStride + channel)
    for _ in 0..<pixels {
      var u = group.normalized(group.centred(Lanes(input + at, count: count)))
      if let residual { u = u + Lanes(residual + at, count: count) }
      let y = Activation.value(at: u, slopes: group.slopes)
      y.store(target, count: count)
      sum = sum + y
      squares = squares.addingProduct(y, y)
      at += channels
      target += outputStride
    }
    if let sums {
      sum.fold(sums + channel, count: count)
      squares.fold(sums + channels + channel, count: count)
    }
  }
}

/// The coefficients of up to 16 channels, in registers.
struct NormGroup {
  let mean: Lanes
  let gain: Lanes
  let offset: Lanes
  let slopes: Lanes

  @inline(__always)
  init(_ coefficients: BatchNormCoefficients, channel: Int, count: Int) {
    mean = Lanes(coefficients.mean + channel, count: count)
    let inverse = Lanes(coefficients.inverseDeviation + channel, count: count)
    gain = coefficients.scale.map { Lanes($0 + channel, count: count) * inverse } ?? inverse
    offset = Lanes(coefficients.offset + channel, count: count)
    slopes = coefficients.slopes.map { Lanes($0 + channel, count: count) } ?? Lanes(0)
  }

  @inline(__always)
  func centred(_ x: Lanes) -> Lanes { x - mean }

  @inline(__always)
  func normalized(_ centred: Lanes) -> Lanes { offset.addingProduct(centred, gain) }
}
