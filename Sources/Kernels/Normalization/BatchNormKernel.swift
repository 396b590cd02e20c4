/// The per-channel values [C] of a batch norm and the activation fused to it.
package struct BatchNormCoefficients {
  /// Means [channels].
  package var mean: UnsafePointer<Float>
  /// 1 / sqrt(variance + epsilon) [channels].
  package var inverseDeviation: UnsafePointer<Float>
  /// Factors [channels]; nil is 1.
  package var scale: UnsafePointer<Float>?
  /// Addends [channels].
  package var offset: UnsafePointer<Float>
  /// What is applied to the result.
  package var activation: ActivationFunction
  /// PReLU's slopes [channels]; nil for other activations.
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
  /// Doubles of scratch that `statistics`, `forward` and `backward` need, contents arbitrary.
  package static func scratchCount(channels: Int) -> Int {
    max(
      Scratch.countOfDoubles { $0.floats(StatisticsPass.sumsCount(channels: channels)) },
      Scratch.countOfDoubles { ForwardPlaces(channels: channels, &$0) },
      backwardScratchCount(channels: channels))
  }

  /// Sums and sums of squares [2][C] of `input` [P,C], in Double over blocks of Float sums.
  package static func statistics(
    of input: UnsafePointer<Float>, pixels: Int, channels: Int,
    into sums: UnsafeMutablePointer<Double>, scratch: UnsafeMutablePointer<Double>
  ) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    sums.update(repeating: 0, count: 2 * channels)
    let blockSums = Scratch.cut(scratch) {
      $0.floats(StatisticsPass.sumsCount(channels: channels))
    }
    StatisticsPass(channels: channels, input: input)
      .run(pixels: pixels, channels: channels, sums: blockSums, addingTo: sums)
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
  /// floats apart, C unless given. `scratch` holds `scratchCount` doubles.
  package static func forward(
    _ input: UnsafePointer<Float>, pixels: Int, channels: Int,
    coefficients: BatchNormCoefficients, residual: UnsafePointer<Float>? = nil,
    into output: UnsafeMutablePointer<Float>, outputStride: Int? = nil,
    outputSums: UnsafeMutablePointer<Double>? = nil, scratch: UnsafeMutablePointer<Double>
  ) {
    checkMap(
      pixels: pixels, channels: channels, activation: coefficients.activation,
      slopes: coefficients.slopes)
    outputSums?.update(repeating: 0, count: 2 * channels)
    let stride = outputStride ?? channels
    let target = MapWriter(output, pixels: pixels, stride: stride, isReadAs: [input, residual])
    let own = Scratch.cut(scratch) { ForwardPlaces(channels: channels, &$0) }
    let norm = NormVectors(coefficients, channels: channels, in: own.vectors)
    func pass<Activation: VectorActivation>(_ activation: Activation.Type) {
      ForwardPass<Activation>(
        channels: channels, input: input, norm: norm, residual: residual, output: target,
        keepsSums: outputSums != nil
      ).run(pixels: pixels, channels: channels, sums: own.sums, addingTo: outputSums)
    }
    switch coefficients.activation {
    case .identity: pass(IdentityVectors.self)
    case .relu: pass(RectifiedVectors.self)
    case .prelu: pass(ParametricVectors.self)
    }
    target.finish()
  }

  private struct ForwardPlaces {
    let vectors, sums: MutableFloats

    init(channels: Int, _ scratch: inout Scratch) {
      vectors = scratch.floats(NormVectors.count(channels: channels))
      sums = scratch.floats(ForwardPass<IdentityVectors>.sumsCount(channels: channels))
    }
  }
}

private struct StatisticsPass: ChannelPass {
  let channels: Int
  let input: UnsafePointer<Float>
  static var sumCount: Int { 2 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let x = Vector8(input + (pixel * channels + channel), count: count)
    sums[vector: 0] += x
    sums[vector: 8] = sums[vector: 8].addingProduct(x, x)
  }
}

private struct ForwardPass<Activation: VectorActivation>: ChannelPass {
  let channels: Int
  let input: UnsafePointer<Float>
  let norm: NormVectors
  let residual: UnsafePointer<Float>?
  let output: MapWriter
  let keepsSums: Bool
  static var sumCount: Int { 2 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let at = pixel * channels + channel
    var u = norm.normalized(norm.centred(Vector8(input + at, count: count), channel), channel)
    if let residual { u += Vector8(residual + at, count: count) }
    let y = Activation.value(at: u, slopes: norm.slopes(channel))
    output.store(y, pixel: pixel, channel: channel, count: count)
    guard keepsSums else { return }
    sums[vector: 0] += y
    sums[vector: 8] = sums[vector: 8].addingProduct(y, y)
  }
}

/// The coefficients of all channels, with the gain scale * inverseDeviation made: of each eight
/// channels the vectors of means, gains, offsets and slopes, one behind the other.
struct NormVectors {
  private let values: UnsafePointer<Float>

  /// Floats that they take.
  static func count(channels: Int) -> Int { 4 * channels.roundedUp(to: Vector8.width) }

  /// Makes them in `memory` of `count` floats.
  init(_ coefficients: BatchNormCoefficients, channels: Int, in memory: MutableFloats) {
    values = UnsafePointer(memory)
    memory.zero(Self.count(channels: channels))
    for c in 0..<channels {
      let place = memory + (4 * (c & ~7) + (c & 7))
      place[0] = coefficients.mean[c]
      place[8] = (coefficients.scale?[c] ?? 1) * coefficients.inverseDeviation[c]
      place[16] = coefficients.offset[c]
      place[24] = coefficients.slopes?[c] ?? 0
    }
  }

  @inline(__always)
  func centred(_ x: Vector8, _ channel: Int) -> Vector8 { x - values[vector: 4 &* channel] }

  @inline(__always)
  func gain(_ channel: Int) -> Vector8 { values[vector: 4 &* channel &+ 8] }

  @inline(__always)
  func normalized(_ centred: Vector8, _ channel: Int) -> Vector8 {
    values[vector: 4 &* channel &+ 16].addingProduct(centred, gain(channel))
  }

  @inline(__always)
  func slopes(_ channel: Int) -> Vector8 { values[vector: 4 &* channel &+ 24] }
}
