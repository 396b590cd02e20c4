private import Preconditions

extension BatchNormKernel {
  /// Doubles of scratch that `backward` needs.
  static func backwardScratchCount(channels: Int) -> Int {
    Scratch.countOfDoubles { BackwardPlaces(channels: channels, &$0) }
  }

  private struct BackwardPlaces {
    /// [3][C]: what the first pass sums up, then what the second subtracts.
    let totals: UnsafeMutablePointer<Double>
    let vectors, averages, sums: MutableFloats

    init(channels: Int, _ scratch: inout Scratch) {
      totals = scratch.doubles(3 * channels)
      vectors = scratch.floats(NormVectors.count(channels: channels))
      averages = scratch.floats(Averages.count(channels: channels))
      sums = scratch.floats(ReductionPass<IdentityVectors>.sumsCount(channels: channels))
    }
  }

  /// The gradients of `forward` with batch moments, in two passes over the map.
  ///
  /// With u the argument of the activation and du its gradient: dOffset = sum du,
  /// dScale = sum du * xhat, dSlope = sum dy * min(u, 0), dResidual = du and
  /// dInput = scale * inverseDeviation * (du - dOffset / P - xhat * dScale / P).
  ///
  /// - `input`, `coefficients`: as in `forward`. Where a residual was added before an activation,
  ///   `residual` [P,C] is needed, or for ReLU instead `output` [P,C].
  /// - The pixels of `outputGradient` and `output` lie `outputStride` floats apart, C unless given.
  /// - `inputGradient` and `residualGradient` [P,C] are overwritten or added to; one of them may be
  ///   `outputGradient` if it is overwritten and as dense.
  /// - `scaleGradient`, `offsetGradient`, `slopeGradient` [C] are overwritten.
  /// - `scratch` holds `scratchCount` doubles.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>,
    output: UnsafePointer<Float>? = nil, outputStride: Int? = nil,
    residual: UnsafePointer<Float>? = nil, pixels: Int, channels: Int,
    coefficients: BatchNormCoefficients,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false,
    residualGradient: UnsafeMutablePointer<Float>? = nil, addingToResidual: Bool = false,
    scaleGradient: UnsafeMutablePointer<Float>?, offsetGradient: UnsafeMutablePointer<Float>,
    slopeGradient: UnsafeMutablePointer<Float>? = nil, scratch: UnsafeMutablePointer<Double>
  ) {
    checkMap(
      pixels: pixels, channels: channels, activation: coefficients.activation,
      slopes: coefficients.slopes)
    require(
      residualGradient == nil || coefficients.activation == .identity || residual != nil
        || (coefficients.activation == .relu && output != nil),
      "batch norm backward [\(pixels),\(channels)]: the residual of an activation is missing")
    require(
      !(addingToInput && UnsafePointer(inputGradient) == outputGradient)
        && inputGradient != residualGradient,
      "batch norm backward [\(pixels),\(channels)]: gradients share memory they cannot share")
    let own = Scratch.cut(scratch) { BackwardPlaces(channels: channels, &$0) }
    own.totals.update(repeating: 0, count: 3 * channels)
    let target = MapWriter(
      inputGradient, pixels: pixels, stride: channels,
      isReadAs: [outputGradient, addingToInput ? UnsafePointer(inputGradient) : nil])
    let norm = NormVectors(coefficients, channels: channels, in: own.vectors)
    func passes<Activation: VectorActivation>(_ activation: Activation.Type) {
      let source = GradientSource<Activation>(
        channels: channels, outputGradient: outputGradient, input: input,
        output: coefficients.activation == .relu ? output : nil,
        outputStride: outputStride ?? channels, residual: residual, norm: norm)
      reduce(from: source, pixels: pixels, sums: own.sums, addingTo: own.totals)
      finishReductions(
        own.totals, pixels: pixels, channels: channels, coefficients: coefficients,
        scaleGradient: scaleGradient, offsetGradient: offsetGradient, slopeGradient: slopeGradient)
      ApplyPass(
        source: source,
        averages: Averages(roundedFrom: own.totals, channels: channels, in: own.averages),
        inputGradient: target, addedTo: addingToInput ? UnsafePointer(inputGradient) : nil,
        residualGradient: residualGradient, addingToResidual: addingToResidual
      ).run(pixels: pixels, channels: channels)
    }
    switch coefficients.activation {
    case .identity: passes(IdentityVectors.self)
    case .relu: passes(RectifiedVectors.self)
    case .prelu: passes(ParametricVectors.self)
    }
    target.finish()
  }

  /// The first pass; a function of its own, for the second runs out of registers beside it.
  @inline(never)
  private static func reduce<Activation: VectorActivation>(
    from source: GradientSource<Activation>, pixels: Int, sums: MutableFloats,
    addingTo totals: UnsafeMutablePointer<Double>
  ) {
    ReductionPass(source: source)
      .run(pixels: pixels, channels: source.channels, sums: sums, addingTo: totals)
  }

  /// Writes the gradients of the coefficients and leaves in `sums` what the second pass subtracts:
  /// [C] mean of du and [C] the factor of the centred input.
  private static func finishReductions(
    _ sums: UnsafeMutablePointer<Double>, pixels: Int, channels: Int,
    coefficients: BatchNormCoefficients, scaleGradient: UnsafeMutablePointer<Float>?,
    offsetGradient: UnsafeMutablePointer<Float>, slopeGradient: UnsafeMutablePointer<Float>?
  ) {
    let count = Double(pixels)
    for c in 0..<channels {
      let inverse = Double(coefficients.inverseDeviation[c])
      let scaleSum = sums[channels + c] * inverse
      offsetGradient[c] = Float(sums[c])
      scaleGradient?[c] = Float(scaleSum)
      slopeGradient?[c] = Float(sums[2 * channels + c])
      sums[c] /= count
      sums[channels + c] = scaleSum * inverse / count
    }
  }
}

/// What the second pass subtracts: of each eight channels the vectors of the means of du and of the
/// negated factors of the centred input.
private struct Averages {
  private let values: UnsafePointer<Float>

  /// Floats that they take.
  static func count(channels: Int) -> Int { 2 * channels.roundedUp(to: Vector8.width) }

  /// Makes them in `memory` of `count` floats from `sums` [2][C].
  init(roundedFrom sums: UnsafePointer<Double>, channels: Int, in memory: MutableFloats) {
    memory.zero(Self.count(channels: channels))
    for c in 0..<channels {
      let place = memory + (2 * (c & ~7) + (c & 7))
      place[0] = Float(sums[c])
      place[8] = -Float(sums[channels + c])
    }
    values = UnsafePointer(memory)
  }

  @inline(__always)
  func means(_ channel: Int) -> Vector8 { values[vector: 2 &* channel] }

  @inline(__always)
  func negativeFactors(_ channel: Int) -> Vector8 { values[vector: 2 &* channel &+ 8] }
}

/// Where both passes take du from.
private struct GradientSource<Activation: VectorActivation> {
  let channels: Int
  let outputGradient: UnsafePointer<Float>
  let input: UnsafePointer<Float>
  let output: UnsafePointer<Float>?
  let outputStride: Int
  let residual: UnsafePointer<Float>?
  let norm: NormVectors

  /// The centred input, the gradient of the output, and the argument of the activation or for ReLU
  /// its output, which has the same sign.
  @inline(__always)
  func load(
    pixel: Int, channel: Int, count: Int
  ) -> (centred: Vector8, outputGradient: Vector8, gate: Vector8) {
    let at = pixel * channels + channel
    let outputAt = pixel * outputStride + channel
    let dy = Vector8(outputGradient + outputAt, count: count)
    let centred = norm.centred(Vector8(input + at, count: count), channel)
    if Activation.isIdentity { return (centred, dy, centred) }
    if let output { return (centred, dy, Vector8(output + outputAt, count: count)) }
    let u = norm.normalized(centred, channel)
    guard let residual else { return (centred, dy, u) }
    return (centred, dy, u + Vector8(residual + at, count: count))
  }
}

private struct ReductionPass<Activation: VectorActivation>: ChannelPass {
  let source: GradientSource<Activation>
  static var sumCount: Int { 3 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let (centred, dy, gate) = source.load(pixel: pixel, channel: channel, count: count)
    let du = Activation.gradient(dy, at: gate, slopes: source.norm.slopes(channel))
    sums[vector: 0] += du
    sums[vector: 8] = sums[vector: 8].addingProduct(du, centred)
    if Activation.hasSlopes {
      sums[vector: 16] = Activation.slopeGradient(
        dy, at: gate, addedTo: sums[vector: 16])
    }
  }
}

private struct ApplyPass<Activation: VectorActivation>: ChannelPass {
  let source: GradientSource<Activation>
  let averages: Averages
  let inputGradient: MapWriter
  let addedTo: UnsafePointer<Float>?
  let residualGradient: UnsafeMutablePointer<Float>?
  let addingToResidual: Bool
  static var sumCount: Int { 0 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let (centred, dy, gate) = source.load(pixel: pixel, channel: channel, count: count)
    let du = Activation.gradient(dy, at: gate, slopes: source.norm.slopes(channel))
    let inner = (du - averages.means(channel))
      .addingProduct(centred, averages.negativeFactors(channel))
    let gain = source.norm.gain(channel)
    let at = pixel * source.channels + channel
    if let addedTo {
      let sum = Vector8(addedTo + at, count: count).addingProduct(inner, gain)
      inputGradient.store(sum, pixel: pixel, channel: channel, count: count)
    } else {
      inputGradient.store(inner * gain, pixel: pixel, channel: channel, count: count)
    }
    if let residualGradient {
      let target = residualGradient + at
      (addingToResidual ? Vector8(target, count: count) + du : du).store(target, count: count)
    }
  }
}
