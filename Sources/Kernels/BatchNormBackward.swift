private import Preconditions

extension BatchNormKernel {
  /// How many doubles `backward` needs as scratch.
  package static func backwardScratchCount(channels: Int) -> Int { 3 * channels }

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
  /// - `scratch` holds `backwardScratchCount` doubles.
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
    scratch.update(repeating: 0, count: 3 * channels)
    func passes<Activation: LaneActivation>(_ activation: Activation.Type) {
      let source = GradientSource<Activation>(
        channels: channels, outputGradient: outputGradient, input: input,
        output: coefficients.activation == .relu ? output : nil,
        outputStride: outputStride ?? channels, residual: residual, coefficients: coefficients)
      ReductionPass(source: source, sums: scratch).run(pixels: pixels, channels: channels)
      finishReductions(
        scratch, pixels: pixels, channels: channels, coefficients: coefficients,
        scaleGradient: scaleGradient, offsetGradient: offsetGradient,
        slopeGradient: slopeGradient)
      ApplyPass(
        source: source, sums: scratch, inputGradient: inputGradient,
        addingToInput: addingToInput, residualGradient: residualGradient,
        addingToResidual: addingToResidual
      ).run(pixels: pixels, channels: channels)
    }
    switch coefficients.activation {
    case .identity: passes(IdentityLanes.self)
    case .relu: passes(RectifiedLanes.self)
    case .prelu: passes(ParametricLanes.self)
    }
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

/// Where both passes take du from.
private struct GradientSource<Activation: LaneActivation> {
  let channels: Int
  let outputGradient: UnsafePointer<Float>
  let input: UnsafePointer<Float>
  let output: UnsafePointer<Float>?
  let outputStride: Int
  let residual: UnsafePointer<Float>?
  let coefficients: BatchNormCoefficients

  /// The argument of the activation, or for ReLU its output, which has the same sign.
  @inline(__always)
  func gate(
    _ centred: Lanes, _ group: NormGroup, at: Int, outputAt: Int, count: Int
  ) -> Lanes {
    if Activation.isIdentity { return centred }
    if let output { return Lanes(output + outputAt, count: count) }
    let u = group.normalized(centred)
    guard let residual else { return u }
    return u + Lanes(residual + at, count: count)
  }
}

private struct ReductionPass<Activation: LaneActivation>: ChannelGroupPass {
  let source: GradientSource<Activation>
  let sums: UnsafeMutablePointer<Double>

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    let channels = source.channels
    let group = NormGroup(source.coefficients, channel: channel, count: count)
    var offsetSum = Lanes(0)
    var scaleSum = Lanes(0)
    var slopeSum = Lanes(0)
    var at = pixel * channels + channel
    var outputAt = pixel * source.outputStride + channel
    for _ in 0..<pixels {
      let dy = Lanes(source.outputGradient + outputAt, count: count)
      let centred = group.centred(Lanes(source.input + at, count: count))
      let u = source.gate(centred, group, at: at, outputAt: outputAt, count: count)
      let du = Activation.gradient(dy, at: u, slopes: group.slopes)
      offsetSum = offsetSum + du
      scaleSum = scaleSum.addingProduct(du, centred)
      slopeSum = Activation.slopeGradient(dy, at: u, addedTo: slopeSum)
      at += channels
      outputAt += source.outputStride
    }
    offsetSum.fold(sums + channel, count: count)
    scaleSum.fold(sums + channels + channel, count: count)
    slopeSum.fold(sums + 2 * channels + channel, count: count)
  }
}

private struct ApplyPass<Activation: LaneActivation>: ChannelGroupPass {
  let source: GradientSource<Activation>
  let sums: UnsafePointer<Double>
  let inputGradient: UnsafeMutablePointer<Float>
  let addingToInput: Bool
  let residualGradient: UnsafeMutablePointer<Float>?
  let addingToResidual: Bool

  init(
    source: GradientSource<Activation>, sums: UnsafeMutablePointer<Double>,
    inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool,
    residualGradient: UnsafeMutablePointer<Float>?, addingToResidual: Bool
  ) {
    self.source = source
    self.sums = UnsafePointer(sums)
    self.inputGradient = inputGradient
    self.addingToInput = addingToInput
    self.residualGradient = residualGradient
    self.addingToResidual = addingToResidual
  }

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    let channels = source.channels
    let group = NormGroup(source.coefficients, channel: channel, count: count)
    let average = Lanes(rounding: sums + channel, count: count)
    let negativeFactor = Lanes(0) - Lanes(rounding: sums + channels + channel, count: count)
    var at = pixel * channels + channel
    var outputAt = pixel * source.outputStride + channel
    for _ in 0..<pixels {
      let dy = Lanes(source.outputGradient + outputAt, count: count)
      let centred = group.centred(Lanes(source.input + at, count: count))
      let u = source.gate(centred, group, at: at, outputAt: outputAt, count: count)
      let du = Activation.gradient(dy, at: u, slopes: group.slopes)
      let inner = (du - average).addingProduct(centred, negativeFactor)
      let target = inputGradient + at
      if addingToInput {
        Lanes(target, count: count).addingProduct(inner, group.gain).store(target, count: count)
      } else {
        (inner * group.gain).store(target, count: count)
      }
      if let residualGradient {
        let target = residualGradient + at
        (addingToResidual ? Lanes(target, count: count) + du : du).store(target, count: count)
      }
      at += channels
      outputAt += source.outputStride
    }
  }
}
