internal import KernelsAVX512
internal import KernelsBF16
internal import KernelsPairs

/// The transforms of tiles of stride 1, in registers of either width; `WinogradTiles` says what
/// they do.
protocol WinogradTileTransforms {
  init(height: Int, width: Int, images: Int)

  func transformInput(
    _ input: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, stride: Int, work: MutableFloats, zeros: Floats)

  func transformInputAlongTiles(
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
extension KernelsPairs.WinogradTiles: WinogradTileTransforms {}
extension KernelsBF16.WinogradTiles: WinogradTileTransforms {}

/// The transforms of tiles of stride 2, as `WinogradStride2Tiles` does them.
protocol WinogradStride2TileTransforms {
  init(height: Int, width: Int, images: Int)

  func transformInput(
    _ input: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, stride: Int, work: MutableFloats)

  func transformInputAlongTiles(
    _ input: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, stride: Int, work: MutableFloats)

  func scatterInputGradient(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, addingTo inputGradient: MutableFloats, work: MutableFloats)

  func transformGradient(
    _ gradient: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, stride: Int, work: MutableFloats)

  func transformGradientAlongTiles(
    _ gradient: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, panelStride: Int, work: MutableFloats)

  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, into output: MutableFloats, sums: MutableFloats?, work: MutableFloats)
}

extension WinogradStride2Tiles: WinogradStride2TileTransforms {}
extension KernelsAVX512.WinogradStride2Tiles: WinogradStride2TileTransforms {}
extension KernelsPairs.WinogradStride2Tiles: WinogradStride2TileTransforms {}
extension KernelsBF16.WinogradStride2Tiles: WinogradStride2TileTransforms {}

/// The transforms of 3x3 weights, as `WinogradWeights` does them.
protocol WinogradWeightTransforms {
  static var workCount: Int { get }

  static func transform(
    _ weights: Floats, panels: Int, inputChannels: Int, into planes: MutableFloats,
    planeStride: Int, work: MutableFloats)

  static func transformGradient(
    _ planes: Floats, planeStride: Int, stride: Int, panels: Int, inputChannels: Int,
    into weightGradient: MutableFloats, work: MutableFloats)
}

extension WinogradWeights: WinogradWeightTransforms {}
extension KernelsAVX512.WinogradWeights: WinogradWeightTransforms {}
extension KernelsPairs.WinogradWeights: WinogradWeightTransforms {}
extension KernelsBF16.WinogradWeights: WinogradWeightTransforms {}

/// The transforms of 3x3 weights of convolutions of stride 2, as `WinogradStride2Weights` does
/// them.
protocol WinogradStride2WeightTransforms {
  static func transform(
    _ weights: Floats, panels: Int, inputChannels: Int, into planes: MutableFloats,
    planeStride: Int, work: MutableFloats)

  static func transformGradient(
    _ planes: Floats, planeStride: Int, stride: Int, panels: Int, inputChannels: Int,
    into weightGradient: MutableFloats, adding: Bool, work: MutableFloats)
}

extension WinogradStride2Weights: WinogradStride2WeightTransforms {}
extension KernelsAVX512.WinogradStride2Weights: WinogradStride2WeightTransforms {}
extension KernelsPairs.WinogradStride2Weights: WinogradStride2WeightTransforms {}
extension KernelsBF16.WinogradStride2Weights: WinogradStride2WeightTransforms {}

/// The transforms of tiles along rows, as `WinogradRow` does them.
protocol WinogradRowTransforms {
  static func writeOutputs(
    _ products: Floats, plane: Int, stride: Int, rows: Int, columns: Int, channels: Int,
    into output: MutableFloats, rowStride: Int, sums: MutableFloats?)

  static func transformGradients(
    _ gradient: Floats, rowStride: Int, rows: Int, columns: Int, channels: Int,
    into planes: MutableFloats, planeStride: Int, panelStride: Int)

  static func transformInputs(
    _ columns: Floats, columnStride: Int, matrix: Floats, count: Int, into planes: MutableFloats,
    planeStride: Int)
}

extension WinogradRow: WinogradRowTransforms {}
extension KernelsAVX512.WinogradRow: WinogradRowTransforms {}

/// Packs floats into factors, as `FactorPacking` does it.
protocol FactorRows {
  static func packRows(
    _ source: Floats, rows: Int, count: Int, stride: Int, into factors: MutableFloats,
    factorStride: Int)

  static func packAlongRows(
    _ source: Floats, rows: Int, count: Int, stride: Int, into factors: MutableFloats,
    factorStride: Int)
}

extension KernelsPairs.FactorPacking: FactorRows {}
extension KernelsBF16.FactorPacking: FactorRows {}
