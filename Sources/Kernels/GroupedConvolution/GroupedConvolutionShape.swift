private import Preconditions

/// The shapes of a convolution whose channels meet in groups of one (depthwise) or two: input
/// [N, height, width, channels] to output [N, outputHeight, outputWidth, channels], square kernel.
package struct GroupedConvolutionShape: Sendable, Hashable {
  /// The input in pixels, and the channels of input and output.
  package let height, width, channels: Int
  /// Channels of a group: 1 or 2.
  package let groupWidth: Int
  /// The side of the kernel, how far it moves, and the zeros on each side, in pixels.
  package let kernel, stride, padding: Int

  /// Takes sizes in pixels and channels; traps when the kernel is wider than 16 or does not fit
  /// into the padded input.
  package init(
    height: Int, width: Int, channels: Int, groupWidth: Int = 1, kernel: Int, stride: Int = 1,
    padding: Int
  ) {
    require(
      height > 0 && width > 0 && channels > 0 && kernel > 0 && kernel <= 16 && stride > 0
        && padding >= 0
        && padding < kernel,
      """
      grouped convolution: input [\(height), \(width), \(channels)], kernel \(kernel), \
      stride \(stride), padding \(padding): out of range
      """)
    require(
      (groupWidth == 1 || groupWidth == 2) && channels % groupWidth == 0,
      "grouped convolution: groups of \(groupWidth) of \(channels) channels; takes 1 or 2")
    require(
      height + 2 * padding >= kernel && width + 2 * padding >= kernel,
      """
      grouped convolution: kernel \(kernel)x\(kernel) does not fit into \(height)x\(width) with \
      padding \(padding)
      """)
    self.height = height
    self.width = width
    self.channels = channels
    self.groupWidth = groupWidth
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  /// Rows of the output: floor((height + 2 padding - kernel) / stride) + 1.
  package var outputHeight: Int { (height + 2 * padding - kernel) / stride + 1 }
  /// Columns of the output, by the same rule.
  package var outputWidth: Int { (width + 2 * padding - kernel) / stride + 1 }
  /// Floats of one image's input.
  package var inputCount: Int { height * width * channels }
  /// Floats of one image's output.
  package var outputCount: Int { outputHeight * outputWidth * channels }
  /// Floats of the weights.
  package var weightCount: Int { channels * groupWidth * taps }
  /// Multiply-adds of one image, borders included.
  package var multiplyAdds: Int { outputHeight * outputWidth * weightCount }

  /// Positions of the kernel.
  var taps: Int { kernel * kernel }

  /// The taps, of rows or columns, of output `index` that lie on a map of `size`.
  @inline(__always)
  func taps(of index: Int, size: Int) -> Range<Int> {
    let start = index * stride - padding
    return max(0, -start)..<min(kernel, size - start)
  }

  /// The outputs, rows or columns, all of whose taps lie on a map of `size`.
  func inner(size: Int, outputs: Int) -> Range<Int> {
    let first = min((padding + stride - 1) / stride, outputs)
    let last = size + padding < kernel ? 0 : (size + padding - kernel) / stride + 1
    return first..<max(first, min(last, outputs))
  }
}

/// The order of grouped weights in memory: [groupWidth][taps][channels], so that neighbouring
/// channels are neighbours. Plane p holds, for output channel k, the weight of input channel k ^ p.
package enum GroupedWeights {
  /// Place of the logical weight [outputChannel, input channel within its group, tap].
  @inline(__always)
  package static func index(
    outputChannel: Int, inputChannel: Int, tap: Int, channels: Int, groupWidth: Int, taps: Int
  ) -> Int {
    let plane = (outputChannel % groupWidth) ^ inputChannel
    return (plane * taps + tap) * channels + outputChannel
  }
}
