/// 3x3 convolutions of stride 1 and padding 1 by Winograd's F(4x4, 3x3): 36 products of matrices
/// [tiles x C][C x K] for blocks of tiles that stay in cache.
enum WinogradConvolution {
  /// How a product of `tiles` tiles from `inputs` to `outputs` channels is cut; a function of these
  /// three numbers alone, so the sums never depend on the size of the arena.
  struct Blocking {
    let inputs, outputs, tiles: Int
    /// Tiles of a block and output channels of a chunk.
    let tileBlock, channelBlock: Int

    init(inputs: Int, outputs: Int, tiles: Int) {
      self.inputs = inputs
      self.outputs = outputs
      self.tiles = tiles
      if max(inputs, outputs) <= 128 {
        tileBlock = min(48, tiles)
        channelBlock = min(outputs, max(64, min(inputs, outputs))).roundedUp(to: 16)
      } else if tiles <= 128 {
        // One block: each chunk of transformed weights is made, used and dropped.
        tileBlock = tiles
        channelBlock = 32
      } else {
        tileBlock = 96
        channelBlock = min(inputs, outputs, 256).roundedUp(to: 16)
      }
    }

    var isOneBlock: Bool { tiles <= tileBlock }
    var chunks: Int { (outputs + channelBlock - 1) / channelBlock }
    /// Floats between tiles and between planes of the transformed input. Rows and planes are padded
    /// by 16 floats, or the 36 streams would fall into the same cache set.
    var inputStride: Int { inputs + 16 }
    var inputPlane: Int { (tileBlock * inputStride + 16).roundedUp(to: 16) }
    /// The same for the products of a chunk.
    var productStride: Int { channelBlock + 16 }
    var productPlane: Int { tileBlock * productStride + 16 }
    /// Floats between planes of a chunk of transformed weights, as panels.
    var weightPlane: Int { inputs * channelBlock + 16 }
    /// The same for the output gradient, panels [K/16][tileBlock][16].
    var gradientPlane: Int { outputs * tileBlock + 16 }
    /// The same for the gradient of the transformed weights, rows [C][channelBlock + 16].
    var weightGradientPlane: Int { inputs * productStride + 16 }

    var chunksKept: Int { isOneBlock ? 1 : chunks }
    var forwardCount: Int { 36 * (inputPlane + productPlane + chunksKept * weightPlane) }
    var backwardWeightsCount: Int {
      36 * (inputPlane + gradientPlane + chunksKept * weightGradientPlane)
    }
    /// Weights of one chunk, rotated for the input gradient.
    var rotatedCount: Int { channelBlock * inputs * 9 }
  }

  /// Floats of one tile between the two passes of a transform.
  private static let workCount = 576

  /// Whether the shape can be computed so, and whether that takes fewer operations than im2col,
  /// transforms included.
  static func suits(_ shape: ConvolutionShape) -> Bool {
    shape.kernelHeight == 3 && shape.kernelWidth == 3 && shape.stride == 1
      && shape.paddingHeight == 1 && shape.paddingWidth == 1 && shape.inputChannels % 8 == 0
      && shape.outputChannels % 16 == 0
      && shape.tileProducts(full: 6, short: 5) * 4 <= shape.outputPixels * 9 * 3
  }

  /// Floats of scratch for batches of up to `maximumRows` images.
  static func scratchCount(_ shape: ConvolutionShape, maximumRows: Int) -> Int {
    let (inputs, outputs) = (shape.inputChannels, shape.outputChannels)
    var count = 0
    for rows in 1...maximumRows {
      let tiles = shape.tileGrid(images: rows).count
      let forward = Blocking(inputs: inputs, outputs: outputs, tiles: tiles)
      let backward = Blocking(inputs: outputs, outputs: inputs, tiles: tiles)
      count = max(
        count, forward.forwardCount, backward.forwardCount + backward.rotatedCount,
        forward.backwardWeightsCount)
    }
    let fixed =
      workCount + zerosCount(shape.width, max(inputs, outputs)) + 2 * (outputs + 32)
    return count + fixed.roundedUp(to: 16)
  }

  private static func zerosCount(_ width: Int, _ channels: Int) -> Int {
    (width * channels).roundedUp(to: 16)
  }

  /// Floats between the planes of all weights transformed in advance, [36][ceil(K/16)][C][16].
  private static func preparedPlane(_ shape: ConvolutionShape) -> Int {
    shape.inputChannels * shape.outputChannels + 16
  }

  static func preparedCount(_ shape: ConvolutionShape) -> Int { 36 * preparedPlane(shape) }

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: workCount) { work in
      WinogradWeights.transform(
        weights, panels: shape.outputChannels / 16, inputChannels: shape.inputChannels,
        into: prepared, planeStride: preparedPlane(shape), work: work.baseAddress!)
    }
  }

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats
  ) {
    let tiles = shape.winogradTiles(images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = Blocking(
      inputs: shape.inputChannels, outputs: shape.outputChannels, tiles: grid.count)
    let sums = scratch
    let rest = sums + 2 * cut.productStride
    if let statistics {
      statistics.update(repeating: 0, count: 2 * cut.outputs)
      sums.zero(2 * cut.productStride)
    }
    let ready = prepared.map { ($0, preparedPlane(shape)) }
    convolve(input, tiles, grid, shape.width, cut, prepared: ready, rest) {
      channels, planes, work in
      WinogradWeights.transform(
        weights + channels.lowerBound * cut.inputs * 9, panels: (channels.count + 15) / 16,
        inputChannels: cut.inputs, into: planes, planeStride: cut.weightPlane, work: work)
    } output: { products, block, channels, work in
      guard let statistics else {
        tiles.transformOutput(
          products, planeStride: cut.productPlane, stride: cut.productStride, tiles: block,
          channels: channels, channelCount: cut.outputs, into: output, work: work)
        return
      }
      // 64 tiles are at most 1024 values: as many as are summed in Float.
      for first in stride(from: block.lowerBound, to: block.upperBound, by: 64) {
        tiles.transformOutput(
          products + (first - block.lowerBound) * cut.productStride,
          planeStride: cut.productPlane, stride: cut.productStride,
          tiles: first..<min(first + 64, block.upperBound), channels: channels,
          channelCount: cut.outputs, into: output, sums: sums, work: work)
        ConvolutionStatistics.fold(
          sums, stride: cut.productStride, count: channels.count, first: channels.lowerBound,
          columns: cut.outputs, addingTo: statistics)
      }
    }
  }

  /// The convolution of the output gradient with the weights rotated and transposed: a pixel of the
  /// result is final in registers, nothing is scattered.
  static func backwardInput(
    _ outputGradient: Floats, rows: Int, weights: Floats, shape: ConvolutionShape,
    into inputGradient: MutableFloats, adding: Bool, scratch: MutableFloats
  ) {
    let tiles = shape.winogradTiles(images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = Blocking(
      inputs: shape.outputChannels, outputs: shape.inputChannels, tiles: grid.count)
    let rotated = scratch
    convolve(
      outputGradient, tiles, grid, shape.width, cut, prepared: nil, rotated + cut.rotatedCount
    ) {
      channels, planes, work in
      WinogradWeights.transpose(
        weights, inputChannels: cut.outputs, outputChannels: cut.inputs, channels: channels,
        rotating: true, into: rotated)
      WinogradWeights.transform(
        rotated, panels: (channels.count + 15) / 16, inputChannels: cut.inputs, into: planes,
        planeStride: cut.weightPlane, work: work)
    } output: { products, block, channels, work in
      if adding {
        tiles.transformOutput(
          products, planeStride: cut.productPlane, stride: cut.productStride, tiles: block,
          channels: channels, channelCount: cut.outputs, addingTo: inputGradient, work: work)
      } else {
        tiles.transformOutput(
          products, planeStride: cut.productPlane, stride: cut.productStride, tiles: block,
          channels: channels, channelCount: cut.outputs, into: inputGradient, work: work)
      }
    }
  }

  /// Blocks of tiles outside, chunks of output channels inside; `weightPlanes` makes a chunk of
  /// transformed weights when the first block meets it, unless all are `prepared`; `output` uses up
  /// the products.
  @inline(__always)
  private static func convolve(
    _ input: Floats, _ tiles: any WinogradTileTransforms, _ grid: TileGrid, _ width: Int,
    _ cut: Blocking,
    prepared: (planes: Floats, plane: Int)?, _ scratch: MutableFloats,
    weightPlanes: (_ channels: Range<Int>, _ planes: MutableFloats, _ work: MutableFloats) -> Void,
    output: (
      _ products: Floats, _ tiles: Range<Int>, _ channels: Range<Int>, _ work: MutableFloats
    ) -> Void
  ) {
    let work = scratch
    let zeros = work + workCount
    let inputs = zeros + zerosCount(width, cut.inputs)
    let products = inputs + 36 * cut.inputPlane
    let factors = products + 36 * cut.productPlane
    zeros.zero(zerosCount(width, cut.inputs))
    var first = 0
    while first < cut.tiles {
      let block = first..<min(first + cut.tileBlock, cut.tiles)
      tiles.transformInput(
        input, channels: cut.inputs, tiles: block, into: inputs, planeStride: cut.inputPlane,
        stride: cut.inputStride, work: work, zeros: zeros)
      for chunk in 0..<cut.chunks {
        let low = chunk * cut.channelBlock
        let channels = low..<min(low + cut.channelBlock, cut.outputs)
        let made = cut.isOneBlock ? factors : factors + chunk * 36 * cut.weightPlane
        if first == 0, prepared == nil { weightPlanes(channels, made, work) }
        let planes = prepared.map { $0.planes + low * cut.inputs } ?? Floats(made)
        let weightPlane = prepared?.plane ?? cut.weightPlane
        for f in 0..<36 {
          let users = users(of: f, in: block, grid)
          if users.isEmpty { continue }
          let offset = users.lowerBound - block.lowerBound
          // Whole panels (columns past the last are zeros), so there is no edge to keep.
          GEMMKernel.multiply(
            rows: users.count, columns: channels.count.roundedUp(to: 16), depth: cut.inputs,
            a: inputs + (f * cut.inputPlane + offset * cut.inputStride), aStride: cut.inputStride,
            panels: planes + f * weightPlane, panelStride: cut.inputs * 16,
            into: products + (f * cut.productPlane + offset * cut.productStride),
            cStride: cut.productStride, adding: false,
            edge: work)
        }
        output(products, block, channels, work)
      }
      first += cut.tileBlock
    }
  }

  /// The tiles of a block that use product `f`: the sixth along a side is for sides of 4 alone.
  @inline(__always)
  private static func users(of f: Int, in block: Range<Int>, _ grid: TileGrid) -> Range<Int> {
    grid.tiles(fullHeight: f / 6 == 5, fullWidth: f % 6 == 5).clamped(to: block)
  }

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let tiles = shape.winogradTiles(images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = Blocking(
      inputs: shape.inputChannels, outputs: shape.outputChannels, tiles: grid.count)
    let panelStride = cut.tileBlock * 16
    let work = scratch
    let zeros = work + workCount
    let inputs = zeros + zerosCount(shape.width, cut.inputs)
    let gradients = inputs + 36 * cut.inputPlane
    let sums = gradients + 36 * cut.gradientPlane
    zeros.zero(zerosCount(shape.width, cut.inputs))
    var first = 0
    while first < cut.tiles {
      let block = first..<min(first + cut.tileBlock, cut.tiles)
      tiles.transformInput(
        input, channels: cut.inputs, tiles: block, into: inputs, planeStride: cut.inputPlane,
        stride: cut.inputStride, work: work, zeros: zeros)
      tiles.transformGradient(
        outputGradient, channels: cut.outputs, tiles: block, into: gradients,
        planeStride: cut.gradientPlane, panelStride: panelStride, work: work)
      for chunk in 0..<cut.chunks {
        let low = chunk * cut.channelBlock
        let count = min(cut.channelBlock, cut.outputs - low)
        let planes = cut.isOneBlock ? sums : sums + chunk * 36 * cut.weightGradientPlane
        for f in 0..<36 {
          let users = users(of: f, in: block, grid)
          let sum = planes + f * cut.weightGradientPlane
          if users.isEmpty {
            if first == 0 { sum.zero(cut.weightGradientPlane) }
            continue
          }
          let offset = users.lowerBound - block.lowerBound
          GEMMKernel.multiplyTransposed(
            rows: cut.inputs, columns: count, depth: users.count,
            a: inputs + (f * cut.inputPlane + offset * cut.inputStride), aStride: cut.inputStride,
            panels: gradients + (f * cut.gradientPlane + low * cut.tileBlock + offset * 16),
            panelStride: panelStride, into: sum, cStride: cut.productStride, adding: first > 0,
            edge: work)
        }
        if block.upperBound == cut.tiles {
          WinogradWeights.transformGradient(
            planes, planeStride: cut.weightGradientPlane, stride: cut.productStride,
            panels: count / 16, inputChannels: cut.inputs,
            into: weightGradient + low * cut.inputs * 9, work: work)
        }
      }
      first += cut.tileBlock
    }
  }
}
