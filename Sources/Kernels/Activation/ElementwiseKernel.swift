private import Preconditions

/// What a pass over single elements does: the per-channel values [C], each of which may be missing,
/// and the factor.
package struct ElementwiseCoefficients {
  /// Addends [channels]; nil is 0.
  package var bias: UnsafePointer<Float>?
  /// What value and bias are multiplied with.
  package var factor: Float
  /// What is applied to the result.
  package var activation: ActivationFunction
  /// PReLU's slopes [channels]; nil for other activations.
  package var slopes: UnsafePointer<Float>?

  /// Coefficients for y = act(factor * (x + bias) + residual).
  package init(
    bias: UnsafePointer<Float>? = nil, factor: Float = 1,
    activation: ActivationFunction = .identity, slopes: UnsafePointer<Float>? = nil
  ) {
    self.bias = bias
    self.factor = factor
    self.activation = activation
    self.slopes = slopes
  }
}

/// y = act(factor * (x + bias) + residual) over a [P,C] map, where bias, residual and activation
/// may each be missing: for what no other kernel does with its own work.
///
/// The output's pixels lie `outputStride` floats apart: more than C where it is a range of channels
/// of a wider map.
package enum ElementwiseKernel {
  /// How many doubles `backward` needs as scratch.
  package static func backwardScratchCount(channels: Int) -> Int {
    Scratch.countOfDoubles { BackwardPlaces(channels: channels, &$0) }
  }

  private struct BackwardPlaces {
    let totals: UnsafeMutablePointer<Double>
    let sums: MutableFloats

    init(channels: Int, _ scratch: inout Scratch) {
      totals = scratch.doubles(2 * channels)
      sums = scratch.floats(
        ElementwiseBackwardPass<IdentityVectors>.sumsCount(channels: channels))
    }
  }

  /// Computes the output [P,C] from `input` and, if given, `residual` [P,C]; it may be one of them
  /// where its stride is C.
  package static func forward(
    _ input: UnsafePointer<Float>, residual: UnsafePointer<Float>? = nil, pixels: Int,
    channels: Int, coefficients: ElementwiseCoefficients,
    into output: UnsafeMutablePointer<Float>, outputStride: Int
  ) {
    coefficients.check(pixels, channels, outputStride)
    let argument = Argument(
      channels: channels, input: input, residual: residual, coefficients: coefficients)
    func pass<Activation: VectorActivation>(_ activation: Activation.Type) {
      ElementwiseForwardPass<Activation>(
        channels: channels, argument: argument, slopes: coefficients.slopes, output: output,
        outputStride: outputStride
      ).run(pixels: pixels, channels: channels)
    }
    switch coefficients.activation {
    case .identity: pass(IdentityVectors.self)
    case .relu: pass(RectifiedVectors.self)
    case .prelu: pass(ParametricVectors.self)
    }
  }

  /// The gradients of `forward`: of the input and the residual [P,C], each left out where it is nil
  /// and added to what is there if so asked, and, overwritten, of bias and slopes [C].
  ///
  /// With u the argument of the activation and du its gradient: dResidual = du, dInput = factor du,
  /// dBias = sum dInput, dSlope = sum dy min(u, 0).
  ///
  /// - With ReLU `output` [P,C] is needed, with PReLU `input` and, if there is one, `residual`.
  /// - The pixels of `outputGradient` and `output` lie `outputStride` floats apart.
  /// - A gradient that is overwritten may be `outputGradient` where that is as dense. The input's
  ///   may be the residual's, where the input's is the one that is added.
  /// - `scratch` holds `backwardScratchCount` doubles.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, output: UnsafePointer<Float>? = nil,
    outputStride: Int, input: UnsafePointer<Float>? = nil,
    residual: UnsafePointer<Float>? = nil, pixels: Int, channels: Int,
    coefficients: ElementwiseCoefficients, into inputGradient: UnsafeMutablePointer<Float>?,
    addingToInput: Bool = false, residualGradient: UnsafeMutablePointer<Float>? = nil,
    addingToResidual: Bool = false, biasGradient: UnsafeMutablePointer<Float>? = nil,
    slopeGradient: UnsafeMutablePointer<Float>? = nil, scratch: UnsafeMutablePointer<Double>
  ) {
    coefficients.check(pixels, channels, outputStride)
    let activation = coefficients.activation
    require(
      (activation != .relu || output != nil) && (activation != .prelu || input != nil),
      "elementwise backward [\(pixels),\(channels)]: what \(activation) read or made is missing"
    )
    let own = Scratch.cut(scratch) { BackwardPlaces(channels: channels, &$0) }
    own.totals.update(repeating: 0, count: 2 * channels)
    let argument = input.map {
      Argument(channels: channels, input: $0, residual: residual, coefficients: coefficients)
    }
    func pass<Activation: VectorActivation>(_ activation: Activation.Type) {
      ElementwiseBackwardPass<Activation>(
        channels: channels, outputGradient: outputGradient, output: output,
        outputStride: outputStride, argument: argument, slopes: coefficients.slopes,
        factor: coefficients.factor, inputGradient: inputGradient, addingToInput: addingToInput,
        residualGradient: residualGradient, addingToResidual: addingToResidual
      ).run(pixels: pixels, channels: channels, sums: own.sums, addingTo: own.totals)
    }
    switch activation {
    case .identity: pass(IdentityVectors.self)
    case .relu: pass(RectifiedVectors.self)
    case .prelu: pass(ParametricVectors.self)
    }
    for c in 0..<channels {
      biasGradient?[c] = Float(own.totals[c])
      slopeGradient?[c] = Float(own.totals[channels + c])
    }
  }
}

extension ElementwiseCoefficients {
  fileprivate func check(_ pixels: Int, _ channels: Int, _ outputStride: Int) {
    checkMap(pixels: pixels, channels: channels, activation: activation, slopes: slopes)
    require(
      outputStride >= channels,
      "the map [\(pixels),\(channels)] does not fit between pixels \(outputStride) floats apart")
  }
}

/// factor * (x + bias) + residual.
private struct Argument {
  let channels: Int
  let input: UnsafePointer<Float>
  let residual: UnsafePointer<Float>?
  let coefficients: ElementwiseCoefficients

  @inline(__always)
  func load(pixel: Int, channel: Int, count: Int) -> Vector8 {
    let at = pixel * channels + channel
    var u = Vector8(input + at, count: count)
    if let bias = coefficients.bias { u += Vector8(bias + channel, count: count) }
    let factor = Vector8(repeating: coefficients.factor)
    guard let residual else { return u * factor }
    return Vector8(residual + at, count: count).addingProduct(factor, u)
  }
}

private struct ElementwiseForwardPass<Activation: VectorActivation>: ChannelPass {
  let channels: Int
  let argument: Argument
  let slopes: UnsafePointer<Float>?
  let output: UnsafeMutablePointer<Float>
  let outputStride: Int
  static var sumCount: Int { 0 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let u = argument.load(pixel: pixel, channel: channel, count: count)
    let slopes = Activation.hasSlopes ? Vector8(slopes! + channel, count: count) : u
    Activation.value(at: u, slopes: slopes)
      .store(output + (pixel * outputStride + channel), count: count)
  }
}

private struct ElementwiseBackwardPass<Activation: VectorActivation>: ChannelPass {
  let channels: Int
  let outputGradient: UnsafePointer<Float>
  let output: UnsafePointer<Float>?
  let outputStride: Int
  let argument: Argument?
  let slopes: UnsafePointer<Float>?
  let factor: Float
  let inputGradient: UnsafeMutablePointer<Float>?
  let addingToInput: Bool
  let residualGradient: UnsafeMutablePointer<Float>?
  let addingToResidual: Bool
  static var sumCount: Int { 2 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let at = pixel * channels + channel
    let outputAt = pixel * outputStride + channel
    let dy = Vector8(outputGradient + outputAt, count: count)
    var du = dy
    if Activation.hasSlopes {
      let u = argument!.load(pixel: pixel, channel: channel, count: count)
      du = Activation.gradient(dy, at: u, slopes: Vector8(slopes! + channel, count: count))
      sums[vector: 8] = Activation.slopeGradient(dy, at: u, addedTo: sums[vector: 8])
    } else if !Activation.isIdentity {
      // The output has the sign of what it was made from.
      let y = Vector8(output! + outputAt, count: count)
      du = Activation.gradient(dy, at: y, slopes: y)
    }
    let dx = du * Vector8(repeating: factor)
    sums[vector: 0] += dx
    if let residualGradient {
      let target = residualGradient + at
      (addingToResidual ? Vector8(target, count: count) + du : du).store(target, count: count)
    }
    if let inputGradient {
      let target = inputGradient + at
      (addingToInput ? Vector8(target, count: count) + dx : dx).store(target, count: count)
    }
  }
}
