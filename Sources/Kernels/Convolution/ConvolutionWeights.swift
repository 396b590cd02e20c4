/// The order of convolution weights in memory: panels [K/16][C][R*S][16] of 16 output channels, and
/// for K % 16 != 0 a last panel [C][R*S][K % 16].
///
/// The taps of 16 output channels are consecutive cache lines, so the weight transforms stream.
package enum ConvolutionWeights {
  /// Place of one logical weight [outputChannel, inputChannel, row, column] in the flat weights.
  @inline(__always)
  package static func index(
    outputChannel: Int, inputChannel: Int, row: Int, column: Int, shape: ConvolutionShape
  ) -> Int {
    index(
      outputChannel, inputChannel, row * shape.kernelWidth + column,
      inputChannels: shape.inputChannels, outputChannels: shape.outputChannels, taps: shape.taps)
  }

  @inline(__always)
  static func index(
    _ outputChannel: Int, _ inputChannel: Int, _ tap: Int, inputChannels: Int,
    outputChannels: Int, taps: Int
  ) -> Int {
    let panel = outputChannel & ~15
    let width = min(16, outputChannels - panel)
    return panel * inputChannels * taps + (inputChannel * taps + tap) * width + outputChannel
      - panel
  }

  /// Copies logical weights [K, C, R, S] (PyTorch's order) into the order of the kernels.
  package static func pack(
    _ logical: UnsafePointer<Float>, shape: ConvolutionShape,
    into packed: UnsafeMutablePointer<Float>
  ) {
    forEach(shape) { logicalIndex, packedIndex in packed[packedIndex] = logical[logicalIndex] }
  }

  /// Copies weights in the order of the kernels into logical order [K, C, R, S].
  package static func unpack(
    _ packed: UnsafePointer<Float>, shape: ConvolutionShape,
    into logical: UnsafeMutablePointer<Float>
  ) {
    forEach(shape) { logicalIndex, packedIndex in logical[logicalIndex] = packed[packedIndex] }
  }

  @inline(__always)
  private static func forEach(_ shape: ConvolutionShape, _ body: (Int, Int) -> Void) {
    var logicalIndex = 0
    for k in 0..<shape.outputChannels {
      for c in 0..<shape.inputChannels {
        for tap in 0..<shape.taps {
          let packedIndex = index(
            k, c, tap, inputChannels: shape.inputChannels, outputChannels: shape.outputChannels,
            taps: shape.taps)
          body(logicalIndex, packedIndex)
          logicalIndex += 1
        }
      }
    }
  }
}
