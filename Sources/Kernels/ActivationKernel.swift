private import Preconditions

/// What follows a batch norm or a bias: nothing, max(u, 0), or u > 0 ? u : slope * u.
package enum ActivationFunction: Sendable {
  case identity, relu, prelu
}

/// An activation known at compile time, so that each has loops of its own.
protocol LaneActivation {
  static func value(at u: Lanes, slopes: Lanes) -> Lanes

  /// The gradient of u, given that of the value.
  static func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes

  /// `sum` plus the gradient of the slopes.
  static func slopeGradient(_ outputGradient: Lanes, at u: Lanes, addedTo sum: Lanes) -> Lanes

  static var isIdentity: Bool { get }
}

enum IdentityLanes: LaneActivation {
  @inline(__always)
  static func value(at u: Lanes, slopes: Lanes) -> Lanes { u }

  @inline(__always)
  static func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes {
    outputGradient
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Lanes, at u: Lanes, addedTo sum: Lanes) -> Lanes {
    sum
  }

  static var isIdentity: Bool { true }
}

enum RectifiedLanes: LaneActivation {
  @inline(__always)
  static func value(at u: Lanes, slopes: Lanes) -> Lanes {
    u.replacing(with: Lanes(0), whereNotPositive: u)
  }

  @inline(__always)
  static func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes {
    outputGradient.replacing(with: Lanes(0), whereNotPositive: u)
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Lanes, at u: Lanes, addedTo sum: Lanes) -> Lanes {
    sum
  }

  static var isIdentity: Bool { false }
}

enum ParametricLanes: LaneActivation {
  @inline(__always)
  static func value(at u: Lanes, slopes: Lanes) -> Lanes {
    u.replacing(with: u * slopes, whereNotPositive: u)
  }

  @inline(__always)
  static func gradient(_ outputGradient: Lanes, at u: Lanes, slopes: Lanes) -> Lanes {
    outputGradient.replacing(with: outputGradient * slopes, whereNotPositive: u)
  }

  @inline(__always)
  static func slopeGradient(_ outputGradient: Lanes, at u: Lanes, addedTo sum: Lanes) -> Lanes {
    sum.addingProduct(outputGradient, u.negativePart)
  }

  static var isIdentity: Bool { false }
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
    func pass<Activation: LaneActivation>(_ activation: Activation.Type) {
      BiasForwardPass<Activation>(
        channels: channels, input: input, bias: bias, slopes: slopes,
        output: output, sums: outputSums
      ).run(pixels: pixels, channels: channels)
    }
    switch activation {
    case .identity: pass(IdentityLanes.self)
    case .relu: pass(RectifiedLanes.self)
    case .prelu: pass(ParametricLanes.self)
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
    func pass<Activation: LaneActivation>(_ activation: Activation.Type) {
      BiasBackwardPass<Activation>(
        channels: channels, outputGradient: outputGradient, input: input,
        bias: bias, slopes: slopes, inputGradient: inputGradient, adding: addingToInput,
        sums: scratch
      ).run(pixels: pixels, channels: channels)
    }
    switch activation {
    case .identity: pass(IdentityLanes.self)
    case .relu: pass(RectifiedLanes.self)
    case .prelu: pass(ParametricLanes.self)
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
  require(pixels > 0 && channels > 0, "the map [\(pixels),\(channels)] is empty")
  require(activation != .prelu || slopes != nil, "PReLU needs slopes for \(channels) channels")
}

private struct BiasForwardPass<Activation: LaneActivation>: ChannelGroupPass {
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
      let y = Activation.value(at: Lanes(input + at, count: count) + bias, slopes: slopes)
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

private struct BiasBackwardPass<Activation: LaneActivation>: ChannelGroupPass {
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
      let du = Activation.gradient(dy, at: u, slopes: slopes)
      sum = sum + du
      slopeSum = Activation.slopeGradient(dy, at: u, addedTo: slopeSum)
      let target = inputGradient + at
      (adding ? Lanes(target, count: count) + du : du).store(target, count: count)
      at += channels
    }
    sum.fold(sums + channel, count: count)
    slopeSum.fold(sums + channels + channel, count: count)
  }
}
