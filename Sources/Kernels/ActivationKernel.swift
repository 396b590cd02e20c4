/// What follows a batch norm or a bias: nothing, max(u, 0), or u > 0 ? u : slope * u.
package enum ActivationFunction: Sendable {
  case identity, relu, prelu
}

extension ActivationFunction {
  @inline(__always)
  func value(at u: Lanes, slopes: Lanes) -> Lanes {
    switch self {
    case .identity: u
    case .relu: u.replacing(with: Lanes(0), whereNotPositive: u)
    case .prelu: u.replacing(with: u * slopes, whereNotPositive: u)
    }
  }

  /// The gradient of u, given that of the value.
  @inline(__always)
  func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes {
    switch self {
    case .identity: outputGradient
    case .relu: outputGradient.replacing(with: Lanes(0), whereNotPositive: u)
    case .prelu: outputGradient.replacing(with: outputGradient * slopes, whereNotPositive: u)
    }
  }
}

/// y = act(x + bias) over a [P,C] map, for networks without batch norm (PReLU: He et al. 2015).
package enum BiasActivationKernel {
  /// How many doubles `backward` needs as scratch.
  package static func backwardScratchCount(channels: Int) -> Int { 2 * channels }

  /// Computes act(input + bias) [P,C]; `output` may be `input`.
  ///
  /// `bias` and `slopes` are [C]; `outputSums` [2][C], if given, receives the sums and the sums of
  /// squares of the output.
  package static func forward(
    _ input: UnsafePointer<Float>, pixels: Int, channels: Int, bias: UnsafePointer<Float>?,
    activation: ActivationFunction, slopes: UnsafePointer<Float>? = nil,
    into output: UnsafeMutablePointer<Float>, outputSums: UnsafeMutablePointer<Double>? = nil
  ) {
    checkMap(pixels: pixels, channels: channels, activation: activation, slopes: slopes)
    outputSums?.update(repeating: 0, count: 2 * channels)
    @inline(__always) func pass(_ activation: ActivationFunction) {
      BiasForwardPass(
        activation: activation, channels: channels, input: input, bias: bias, slopes: slopes,
        output: output, sums: outputSums
      ).run(pixels: pixels, channels: channels)
    }
    switch activation {
    case .identity: pass(.identity)
    case .relu: pass(.relu)
    case .prelu: pass(.prelu)
    }
  }

  /// The gradients of `forward`: of the input [P,C], and, overwritten, of bias and slopes [C].
  ///
  /// `inputGradient` may be `outputGradient` unless it is added to. A ReLU without bias may pass
  /// its output as `input`. `scratch` holds `backwardScratchCount` doubles.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>, pixels: Int,
    channels: Int, bias: UnsafePointer<Float>?, activation: ActivationFunction,
    slopes: UnsafePointer<Float>? = nil, into inputGradient: UnsafeMutablePointer<Float>,
    addingToInput: Bool = false, biasGradient: UnsafeMutablePointer<Float>?,
    slopeGradient: UnsafeMutablePointer<Float>? = nil, scratch: UnsafeMutablePointer<Double>
  ) {
    checkMap(pixels: pixels, channels: channels, activation: activation, slopes: slopes)
    scratch.update(repeating: 0, count: 2 * channels)
    @inline(__always) func pass(_ activation: ActivationFunction) {
      BiasBackwardPass(
        activation: activation, channels: channels, outputGradient: outputGradient, input: input,
        bias: bias, slopes: slopes, inputGradient: inputGradient, adding: addingToInput,
        sums: scratch
      ).run(pixels: pixels, channels: channels)
    }
    switch activation {
    case .identity: pass(.identity)
    case .relu: pass(.relu)
    case .prelu: pass(.prelu)
    }
    for c in 0..<channels {
      biasGradient?[c] = Float(scratch[c])
      slopeGradient?[c] = Float(scratch[channels + c])
    }
  }
}

func checkMap(
  pixels: Int, channels: Int, activation: ActivationFunction, slopes: UnsafePointer<Float>?
) {
  precondition(pixels > 0 && channels > 0, "the map [\(pixels),\(channels)] is empty")
  precondition(activation != .prelu || slopes != nil, "PReLU needs slopes for \(channels) channels")
}

private struct BiasForwardPass: ChannelGroupPass {
  let activation: ActivationFunction
  let channels: Int
  let input: UnsafePointer<Float>
  let bias: UnsafePointer<Float>?
  let slopes: UnsafePointer<Float>?
  let output: UnsafeMutablePointer<Float>
  let sums: UnsafeMutablePointer<Double>?

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    let bias = bias.map { Lanes($0 + channel, count: count) } ?? Lanes(0)
    let slopes = slopes.map { Lanes($0 + channel, count: count) } ?? Lanes(0)
    var sum = Lanes(0)
    var squares = Lanes(0)
    var at = pixel * channels + channel
    for _ in 0..<pixels {
      let y = activation.value(at: Lanes(input + at, count: count) + bias, slopes: slopes)
      y.store(output + at, count: count)
      sum = sum + y
      squares = squares.addingProduct(y, y)
      at += channels
    }
    if let sums {
      sum.fold(sums + channel, count: count)
      squares.fold(sums + channels + channel, count: count)
    }
  }
}

private struct BiasBackwardPass: ChannelGroupPass {
  let activation: ActivationFunction
  let channels: Int
  let outputGradient: UnsafePointer<Float>
  let input: UnsafePointer<Float>
  let bias: UnsafePointer<Float>?
  let slopes: UnsafePointer<Float>?
  let inputGradient: UnsafeMutablePointer<Float>
  let adding: Bool
  let sums: UnsafeMutablePointer<Double>

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    let bias = bias.map { Lanes($0 + channel, count: count) } ?? Lanes(0)
    let slopes = slopes.map { Lanes($0 + channel, count: count) } ?? Lanes(0)
    var sum = Lanes(0)
    var slopeSum = Lanes(0)
    var at = pixel * channels + channel
    for _ in 0..<pixels {
      let dy = Lanes(outputGradient + at, count: count)
      let u = Lanes(input + at, count: count) + bias
      let du = activation.gradient(dy, at: u, slopes: slopes)
      sum = sum + du
      if activation == .prelu {
        slopeSum = slopeSum + Lanes(0).replacing(with: dy * u, whereNotPositive: u)
      }
      let target = inputGradient + at
      (adding ? Lanes(target, count: count) + du : du).store(target, count: count)
      at += channels
    }
    sum.fold(sums + channel, count: count)
    slopeSum.fold(sums + channels + channel, count: count)
  }
}
