private import Preconditions

/// y = max(x + bias, 0) over a [P,C] map, for convolutions without batch norm.
///
/// The output's pixels lie `outputStride` floats apart: more than C where it is a range of channels
/// of a wider map.
package enum BiasReLUKernel {
  /// How many doubles `backward` needs as scratch.
  package static func backwardScratchCount(channels: Int) -> Int {
    Scratch.countOfDoubles { BackwardPlaces(channels: channels, &$0) }
  }

  private struct BackwardPlaces {
    let totals: UnsafeMutablePointer<Double>
    let sums: MutableFloats

    init(channels: Int, _ scratch: inout Scratch) {
      totals = scratch.doubles(channels)
      sums = scratch.floats(BiasBackwardPass.sumsCount(channels: channels))
    }
  }

  /// Computes max(input + bias, 0) [P,C]; `output` may be `input` where its stride is C.
  package static func forward(
    _ input: UnsafePointer<Float>, pixels: Int, channels: Int, bias: UnsafePointer<Float>,
    into output: UnsafeMutablePointer<Float>, outputStride: Int
  ) {
    check(pixels, channels, outputStride)
    BiasForwardPass(
      channels: channels, input: input, bias: bias, output: output, outputStride: outputStride
    ).run(pixels: pixels, channels: channels)
  }

  /// The gradients of `forward` from its output: of the input [P,C] and, overwritten, of the bias
  /// [C].
  ///
  /// `inputGradient` may be `outputGradient` where its stride is C and it is not added to.
  /// `scratch` holds `backwardScratchCount` doubles.
  package static func backward(
    _ outputGradient: UnsafePointer<Float>, output: UnsafePointer<Float>, outputStride: Int,
    pixels: Int, channels: Int, into inputGradient: UnsafeMutablePointer<Float>,
    addingToInput: Bool = false, biasGradient: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Double>
  ) {
    check(pixels, channels, outputStride)
    let own = Scratch.cut(scratch) { BackwardPlaces(channels: channels, &$0) }
    own.totals.update(repeating: 0, count: channels)
    BiasBackwardPass(
      channels: channels, outputGradient: outputGradient, output: output,
      outputStride: outputStride, inputGradient: inputGradient, adding: addingToInput
    ).run(pixels: pixels, channels: channels, sums: own.sums, addingTo: own.totals)
    for c in 0..<channels { biasGradient[c] = Float(own.totals[c]) }
  }

  private static func check(_ pixels: Int, _ channels: Int, _ outputStride: Int) {
    checkMap(pixels: pixels, channels: channels, activation: .relu, slopes: nil)
    require(
      outputStride >= channels,
      "the map [\(pixels),\(channels)] does not fit between pixels \(outputStride) floats apart")
  }
}

private struct BiasForwardPass: ChannelPass {
  let channels: Int
  let input: UnsafePointer<Float>
  let bias: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>
  let outputStride: Int
  static var sumCount: Int { 0 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let bias = Vector8(bias + channel, count: count)
    let u = Vector8(input + (pixel * channels + channel), count: count) + bias
    RectifiedVectors.value(at: u, slopes: bias)
      .store(output + (pixel * outputStride + channel), count: count)
  }
}

private struct BiasBackwardPass: ChannelPass {
  let channels: Int
  let outputGradient: UnsafePointer<Float>
  let output: UnsafePointer<Float>
  let outputStride: Int
  let inputGradient: UnsafeMutablePointer<Float>
  let adding: Bool
  static var sumCount: Int { 1 }

  @inline(__always)
  func visit(pixel: Int, channel: Int, count: Int, sums: MutableFloats) {
    let at = pixel * outputStride + channel
    let dy = Vector8(outputGradient + at, count: count)
    // The output has the sign of what it was made from.
    let y = Vector8(output + at, count: count)
    let du = RectifiedVectors.gradient(dy, at: y, slopes: y)
    sums[vector: 0] += du
    let target = inputGradient + (pixel * channels + channel)
    (adding ? Vector8(target, count: count) + du : du).store(target, count: count)
  }
}
