private import Preconditions

/// The shapes of one convolution without bias: input [N, height, width, inputChannels] to output
/// [N, outputHeight, outputWidth, outputChannels].
package struct ConvolutionShape: Sendable, Hashable {
  /// The input in pixels, and the channels of input and output.
  package let height, width, inputChannels, outputChannels: Int
  /// The kernel in pixels, and how far it moves.
  package let kernelHeight, kernelWidth, stride: Int
  /// Zeros on each side of the input, in pixels.
  package let paddingHeight, paddingWidth: Int

  /// Takes sizes in pixels and channels; traps when the kernel does not fit into the padded input.
  package init(
    height: Int, width: Int, inputChannels: Int, outputChannels: Int, kernelHeight: Int,
    kernelWidth: Int, stride: Int, paddingHeight: Int, paddingWidth: Int
  ) {
    require(
      height > 0 && width > 0 && inputChannels > 0 && outputChannels > 0 && kernelHeight > 0
        && kernelWidth > 0 && stride > 0 && paddingHeight >= 0 && paddingWidth >= 0,
      """
      convolution: sizes must be positive: input [\(height), \(width), \(inputChannels)], \
      \(outputChannels) output channels, kernel \(kernelHeight)x\(kernelWidth), stride \(stride), \
      padding \(paddingHeight), \(paddingWidth)
      """)
    require(
      height + 2 * paddingHeight >= kernelHeight && width + 2 * paddingWidth >= kernelWidth,
      """
      convolution: kernel \(kernelHeight)x\(kernelWidth) does not fit into \(height)x\(width) \
      with padding \(paddingHeight), \(paddingWidth)
      """)
    self.height = height
    self.width = width
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.stride = stride
    self.paddingHeight = paddingHeight
    self.paddingWidth = paddingWidth
  }

  /// Rows of the output: floor((height + 2 padding - kernel) / stride) + 1.
  package var outputHeight: Int { (height + 2 * paddingHeight - kernelHeight) / stride + 1 }
  /// Columns of the output, by the same rule.
  package var outputWidth: Int { (width + 2 * paddingWidth - kernelWidth) / stride + 1 }
  /// Floats of one image's input.
  package var inputCount: Int { height * width * inputChannels }
  /// Floats of one image's output.
  package var outputCount: Int { outputHeight * outputWidth * outputChannels }
  /// Floats of the weights; nothing is padded.
  package var weightCount: Int { outputChannels * inputChannels * taps }
  /// Multiply-adds of a direct convolution of one image, borders included.
  package var multiplyAdds: Int { outputHeight * outputWidth * weightCount }

  /// Positions of the kernel.
  var taps: Int { kernelHeight * kernelWidth }
  /// Pixels of one image's output.
  var outputPixels: Int { outputHeight * outputWidth }
  /// Inputs of one output: the depth of the forward product.
  var patchCount: Int { taps * inputChannels }
  /// Whether the input is already the matrix of patches.
  var isPointwise: Bool {
    taps == 1 && stride == 1 && paddingHeight == 0 && paddingWidth == 0
  }
  /// Whether the channels of both sides fill registers of `width` floats.
  func hasWholeRegisters(of width: Int) -> Bool {
    inputChannels % width == 0 && outputChannels % width == 0
  }

  /// The tiles of the output of `images` images.
  func tileGrid(images: Int) -> TileGrid {
    TileGrid(height: outputHeight, width: outputWidth, images: images)
  }

  /// Products of an image's tiles, with `full` along a side of 4 outputs and `short` along one of
  /// 3.
  func tileProducts(full: Int, short: Int) -> Int {
    TileGrid.products(height: outputHeight, width: outputWidth, full: full, short: short)
  }
}
