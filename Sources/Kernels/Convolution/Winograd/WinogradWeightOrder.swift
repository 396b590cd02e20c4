/// The order of 3x3 weights, [K/16][C][9][16].
enum WinogradWeightOrder {
  /// Floats of a panel's nine taps of one input channel.
  private static let lineCount = 9 * 16

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
