private import Preconditions

/// y = act(scale (x + bias) + residual) over a [P,C] map: the end of a block of Inception-ResNet
/// (Szegedy et al. 2016), with or without a ReLU.
package enum ScaledResidualKernel {
  /// How many doubles `backward` needs as scratch.
  package static func backwardScratchCount(channels: Int) -> Int { channels }

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

  /// The gradients of `forward`: of the input [P,C] and of the residual [P,C], each added to what is
  /// there if so asked, and, overwritten, of the bias [C].
  ///
  /// `output` [P,C] is read with `rectifies` alone. `residualGradient` may be `outputGradient` where
  /// it is not added to. `scratch` holds `backwardScratchCount` doubles.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, output: UnsafePointer<Float>, pixels: Int,
    channels: Int, scale: Float, rectifies: Bool, into inputGradient: UnsafeMutablePointer<Float>,
    addingToInput: Bool = false, residualGradient: UnsafeMutablePointer<Float>?,
    addingToResidual: Bool = false, biasGradient: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Double>
  ) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    scratch.update(repeating: 0, count: channels)
    ResidualBackwardPass(
      channels: channels, outputGradient: outputGradient, output: output, scale: scale,
      rectifies: rectifies, inputGradient: inputGradient, addingToInput: addingToInput,
      residualGradient: residualGradient, addingToResidual: addingToResidual, sums: scratch
    ).run(pixels: pixels, channels: channels)
    for c in 0..<channels { biasGradient[c] = Float(scratch[c]) }
  }
}

private struct ResidualForwardPass: ChannelGroupPass {
  let channels: Int
  let input, bias: UnsafePointer<Float>
  let scale: Float
  let residual: UnsafePointer<Float>
  let rectifies: Bool
  let output: UnsafeMutablePointer<Float>

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    let (bias, scale) = (Lanes(bias + channel, count: count), Lanes(scale))
    var at = pixel * channels + channel
    for _ in 0..<pixels {
      let u = Lanes(residual + at, count: count)
        .addingProduct(scale, Lanes(input + at, count: count) + bias)
      (rectifies ? RectifiedLanes.value(at: u, slopes: u) : u).store(output + at, count: count)
      at += channels
    }
  }
}

private struct ResidualBackwardPass: ChannelGroupPass {
  let channels: Int
  let outputGradient, output: UnsafePointer<Float>
  let scale: Float
  let rectifies: Bool
  let inputGradient: UnsafeMutablePointer<Float>
  let addingToInput: Bool
  let residualGradient: UnsafeMutablePointer<Float>?
  let addingToResidual: Bool
  let sums: UnsafeMutablePointer<Double>

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    var sum = Lanes(0)
    let scale = Lanes(scale)
    var at = pixel * channels + channel
    for _ in 0..<pixels {
      var du = Lanes(outputGradient + at, count: count)
      if rectifies {
        // The output has the sign of what it was made from.
        let y = Lanes(output + at, count: count)
        du = RectifiedLanes.gradient(du, at: y, slopes: y)
      }
      let dx = du * scale
      sum = sum + dx
      let target = inputGradient + at
      (addingToInput ? Lanes(target, count: count) + dx : dx).store(target, count: count)
      if let residualGradient {
        let target = residualGradient + at
        (addingToResidual ? Lanes(target, count: count) + du : du).store(target, count: count)
      }
      at += channels
    }
    sum.fold(sums + channel, count: count)
  }
}
