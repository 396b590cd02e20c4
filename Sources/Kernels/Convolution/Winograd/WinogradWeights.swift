/// The transforms of 3x3 weights in the order [K/16][C][9][16], 16 output channels at a time.
enum WinogradWeights {
  /// Floats of scratch that a transform takes: three rows of six factors in two halves of 8.
  static let workCount = 3 * 6 * 8
  /// Floats of a panel's nine taps of one input channel.
  static let lineCount = 9 * 16

  /// Writes U = G g G^T as [36][panels][C][16], `planeStride` floats between planes, from whole
  /// panels of weights; `work` is scratch of `workCount` floats.
  @inline(never)
  static func transform(
    _ weights: Floats, panels: Int, inputChannels: Int, into planes: MutableFloats,
    planeStride: Int, work: MutableFloats
  ) {
    for line in 0..<panels * inputChannels {
      // Both halves of a 64-byte line together.
      for half in stride(from: 0, to: 16, by: 8) {
        let source = weights + line * lineCount + half
        for j in 0..<3 {
          (work + j * 48).store(Winograd.weight((source + j * 16).three(stride: 48)), stride: 8)
        }
        let target = planes + line * 16 + half
        for i in 0..<6 {
          let factors = Winograd.weight(Floats(work + i * 8).three(stride: 48))
          (target + i * 6 * planeStride).store(factors, stride: planeStride)
        }
      }
    }
  }

  /// Writes the gradient G^T du G of whole panels of weights, from du [36][C][stride] whose first
  /// columns are their output channels.
  @inline(never)
  static func transformGradient(
    _ planes: Floats, planeStride: Int, stride: Int, panels: Int, inputChannels: Int,
    into weightGradient: MutableFloats, work: MutableFloats
  ) {
    for panel in 0..<panels {
      for c in 0..<inputChannels {
        for half in Swift.stride(from: 0, to: 16, by: 8) {
          let source = planes + (c * stride + panel * 16 + half)
          for j in 0..<6 {
            let column = Winograd.weightAdjoint(
              (source + j * planeStride).six(stride: 6 * planeStride))
            work[vector: j * 8] = column.0
            work[vector: 48 + j * 8] = column.1
            work[vector: 96 + j * 8] = column.2
          }
          let target = weightGradient + (panel * inputChannels + c) * lineCount + half
          for i in 0..<3 {
            let row = Winograd.weightAdjoint(Floats(work + i * 48).six(stride: 8))
            target[vector: i * 48] = row.0
            target[vector: i * 48 + 16] = row.1
            target[vector: i * 48 + 32] = row.2
          }
        }
      }
    }
  }

  /// Writes the weights of the input gradient, [ceil(count/16)][K][9][16]: input channels
  /// `channels` (a multiple of 8) as outputs, padded with zeros; `rotating` turns the kernel by
  /// half a turn.
  @inline(never)
  static func transpose(
    _ weights: Floats, inputChannels: Int, outputChannels: Int, channels: Range<Int>,
    rotating: Bool, into transposed: MutableFloats
  ) {
    if channels.count % 16 != 0 {
      let last = channels.count / 16 * outputChannels * lineCount
      (transposed + last).zero(outputChannels * lineCount)
    }
    for first in stride(from: 0, to: outputChannels, by: 16) {
      for c in stride(from: channels.lowerBound, to: channels.upperBound, by: 8) {
        let source = weights + (first * inputChannels + c * 16) * 9
        let column = c - channels.lowerBound
        let target = transposed + ((column / 16 * outputChannels + first) * lineCount + column % 16)
        for half in stride(from: 0, to: 16, by: 8) {
          for tap in 0..<9 {
            transpose8x8(
              source + tap * 16 + half, lineCount,
              into: target + half * lineCount + (rotating ? 8 - tap : tap) * 16, lineCount)
          }
        }
      }
    }
  }
}
