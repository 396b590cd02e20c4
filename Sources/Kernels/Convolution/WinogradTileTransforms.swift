internal import KernelsAVX512

/// The transforms of tiles of stride 1, in the registers that the processor has.
protocol WinogradTileTransforms {
  func transformInput(
    _ input: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, stride: Int, work: MutableFloats, zeros: Floats)

  func transformGradient(
    _ gradient: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, panelStride: Int, work: MutableFloats)

  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, into output: MutableFloats, work: MutableFloats)

  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, addingTo output: MutableFloats, work: MutableFloats)

  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, into output: MutableFloats, sums: MutableFloats, work: MutableFloats)
}

extension WinogradTiles: WinogradTileTransforms {}
extension KernelsAVX512.WinogradTiles: WinogradTileTransforms {}

/// The transforms of tiles of stride 2, in the registers that the processor has.
protocol WinogradStride2TileTransforms {
  func transformInput(
    _ input: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, stride: Int, work: MutableFloats)

  func scatterInputGradient(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, addingTo inputGradient: MutableFloats, work: MutableFloats)

  func transformGradient(
    _ gradient: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, tileStride: Int, panelStride: Int, work: MutableFloats)

  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, into output: MutableFloats, sums: MutableFloats?, work: MutableFloats)
}

extension WinogradStride2Tiles: WinogradStride2TileTransforms {}
extension KernelsAVX512.WinogradStride2Tiles: WinogradStride2TileTransforms {}

extension ConvolutionShape {
  /// Whether all channels fill the registers that AVX-512 has, and the processor has them.
  private var fillsWideRegisters: Bool {
    WideRegisters.areUsed && inputChannels % 16 == 0 && outputChannels % 16 == 0
  }

  func winogradTiles(images: Int) -> any WinogradTileTransforms {
    fillsWideRegisters
      ? KernelsAVX512.WinogradTiles(height: height, width: width, images: images)
      : WinogradTiles(height: height, width: width, images: images)
  }

  func winogradStride2Tiles(images: Int) -> any WinogradStride2TileTransforms {
    fillsWideRegisters
      ? KernelsAVX512.WinogradStride2Tiles(height: height, width: width, images: images)
      : WinogradStride2Tiles(height: height, width: width, images: images)
  }

  /// The tiles of the output of `images` images.
  func tileGrid(images: Int) -> TileGrid {
    TileGrid(height: outputHeight, width: outputWidth, images: images)
  }

  /// Products of an image's tiles, with `full` along a side of 4 outputs and `short` along one of 3.
  func tileProducts(full: Int, short: Int) -> Int {
    TileGrid.products(height: outputHeight, width: outputWidth, full: full, short: short)
  }
}
