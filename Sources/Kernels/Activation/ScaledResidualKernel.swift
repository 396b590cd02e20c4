private import Preconditions

/// y = act(scale (x + bias) + residual) over a [P,C] map: the end of a block of Inception-ResNet
/// (Szegedy et al. 2016), with or without a ReLU.
package enum ScaledResidualKernel {
  /// How many doubles `backward` needs as scratch.
  package static func backwardScratchCount(channels: Int) -> Int {
    Scratch.countOfDoubles { BackwardPlaces(channels: channels, &$0) }
  }

  private struct BackwardPlaces {
    let totals: UnsafeMutablePointer<Double>
    let sums: MutableFloats

    init(channels: Int, _ scratch: inout Scratch) {
      totals = scratch.doubles(channels)
      sums = scratch.floats(ResidualBackwardPass.sumsCount(channels: channels))
    }
  }

  /// Computes the output [P,C]; it may be `input` or `residual`.
  package static func forward(
    _ input: UnsafePointer<Float>, pixels: Int, channels: Int, bias: UnsafePointer<Float>,
    scale: Float, residual: UnsafePointer<Float>, rectifies: Bool,
    into output: UnsafeMutablePointer<Float>
  ) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    ResidualForwardPass(
      channels: channels, input: input, bias: bias, scale: scale, residual: residual,
      rectifies: rectifies, output: output
    ).run(pixels: pixels, channels: channels)
  }

  /// The gradients of `forward`: of the input [P,C] and of the residual [P,C], each added to what
  /// is there if so asked, and, overwritten, of the bias [C].
  ///
  /// `output` [P,C] is read with `rectifies` alone. `residualGradient` may be `outputGradient`
  /// where it is not added to. `scratch` holds `backwardScratchCount` doubles.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, output: UnsafePointer<Float>, pixels: Int,
    channels: Int, scale: Float, rectifies: Bool, into inputGradient: UnsafeMutablePointer<Float>,
    addingToInput: Bool = false, residualGradient: UnsafeMutablePointer<Float>?,
    addingToResidual: Bool = false, biasGradient: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Double>
  ) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    let own = Scratch.cut(scratch) { BackwardPlaces(channels: channels, &$0) }
    own.totals.update(repeating: 0, count: channels)
    ResidualBackwardPass(
      channels: channels, outputGradient: outputGradient, output: output, scale: scale,
      rectifies: rectifies, inputGradient: inputGradient, addingToInput: addingToInput,
      residualGradient: residualGradient, addingToResidual: addingToResidual
    ).run(pixels: pixels, channels: channels, sums: own.sums, addingTo: own.totals)
    for c in 0..<channels { biasGradient[c] = Float(own.totals[c]) }
  }
}

private struct ResidualForwardPass: ChannelPass {
  let channels: Int
  let input, bias: UnsafePointer<Float>
  let scale: Float
  let residual: UnsafePointer<Float>
  let rectifies: Bool
  let output: UnsafeMutablePointer<Float>
  static var sumCount: Int { 0 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let at = pixel * channels + channel
    let moved = Vector8(input + at, count: count) + Vector8(bias + channel, count: count)
    let u = Vector8(residual + at, count: count)
      .addingProduct(Vector8(repeating: scale), moved)
    (rectifies ? RectifiedVectors.value(at: u, slopes: u) : u).store(output + at, count: count)
  }
}

private struct ResidualBackwardPass: ChannelPass {
  let channels: Int
  let outputGradient, output: UnsafePointer<Float>
  let scale: Float
  let rectifies: Bool
  let inputGradient: UnsafeMutablePointer<Float>
  let addingToInput: Bool
  let residualGradient: UnsafeMutablePointer<Float>?
  let addingToResidual: Bool
  static var sumCount: Int { 1 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let at = pixel * channels + channel
    var du = Vector8(outputGradient + at, count: count)
    if rectifies {
      // The output has the sign of what it was made from.
      let y = Vector8(output + at, count: count)
      du = RectifiedVectors.gradient(du, at: y, slopes: y)
    }
    let dx = du * Vector8(repeating: scale)
    sums[vector: 0] += dx
    let target = inputGradient + at
    (addingToInput ? Vector8(target, count: count) + dx : dx).store(target, count: count)
    if let residualGradient {
      let target = residualGradient + at
      (addingToResidual ? Vector8(target, count: count) + du : du).store(target, count: count)
    }
  }
}
