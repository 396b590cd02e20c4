/// 3x3 convolutions of stride 1 and padding 1 by Winograd's F(4x4, 3x3) with points 0, +-sqrt(1/2),
/// +-sqrt(2), infinity: 36 products of matrices [tiles x C][C x K] for blocks of tiles that stay in
/// cache.
enum WinogradConvolution<Lanes: ConvolutionRegisters>: ConvolutionOperations {
  private typealias Blocking = WinogradBlocking
  private typealias Places = WinogradPlaces

  static var name: String { "winograd" }

  /// 36 products for 16 outputs, fewer at the edges.
  private static func tileProducts(_ shape: ConvolutionShape) -> Int {
    shape.tileProducts(full: 6, short: 5)
  }

  /// Where it takes fewer operations than im2col, transforms included.
  static func suits(_ shape: ConvolutionShape, _ use: ConvolutionUse) -> Bool {
    shape.kernelHeight == 3 && shape.kernelWidth == 3 && shape.stride == 1
      && shape.paddingHeight == 1 && shape.paddingWidth == 1 && shape.inputChannels % 8 == 0
      && shape.outputChannels % 16 == 0
      && tileProducts(shape) * 4 <= shape.outputPixels * 9 * 3
      && !use.favoursPatches(shape, over: tileProducts(shape))
  }

  static func multiplyAdds(_ shape: ConvolutionShape) -> Int {
    tileProducts(shape) * shape.inputChannels * shape.outputChannels
  }

  static func scratchCount(_ shape: ConvolutionShape, maximumRows: Int) -> Int {
    (1...maximumRows).map { rows in
      let (forward, backward) = (blocking(shape, rows), backwardBlocking(shape, rows))
      return max(
        Scratch.count { forwardPlaces(forward, shape, &$0) },
        Scratch.count { backwardInputPlaces(backward, shape, &$0) },
        Scratch.count { Places.backwardWeights(forward, width: shape.width, &$0) })
    }.max()!
  }

  private static func blocking(_ shape: ConvolutionShape, _ rows: Int) -> Blocking {
    Blocking(
      inputs: shape.inputChannels, outputs: shape.outputChannels,
      tiles: shape.tileGrid(images: rows).count, values: Lanes.factorValues)
  }

  /// Of the input gradient: its inputs are the outputs.
  private static func backwardBlocking(_ shape: ConvolutionShape, _ rows: Int) -> Blocking {
    Blocking(
      inputs: shape.outputChannels, outputs: shape.inputChannels,
      tiles: shape.tileGrid(images: rows).count, values: Lanes.factorValues)
  }

  private static func forwardPlaces(
    _ cut: Blocking, _ shape: ConvolutionShape, _ scratch: inout Scratch
  ) -> (sums: MutableFloats, Places) {
    let sums = scratch.floats(2 * cut.productStride)
    return (sums, .convolution(cut, width: shape.width, &scratch))
  }

  private static func backwardInputPlaces(
    _ cut: Blocking, _ shape: ConvolutionShape, _ scratch: inout Scratch
  ) -> (rotated: MutableFloats, Places) {
    let rotated = scratch.floats(cut.rotatedCount)
    return (rotated, .convolution(cut, width: shape.width, &scratch))
  }

  /// Floats between the planes of all weights transformed in advance,
  /// [36][ceil(K/16)][C/values][16].
  private static func preparedPlane(_ shape: ConvolutionShape) -> Int {
    shape.inputChannels / Lanes.factorValues * shape.outputChannels + 16
  }

  /// The transforms' scratch behind the planes.
  static func preparedCount(_ shape: ConvolutionShape) -> Int {
    36 * preparedPlane(shape) + Lanes.Weights.workCount
  }

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats) {
    Lanes.Weights.transform(
      weights, panels: shape.outputChannels / 16, inputChannels: shape.inputChannels,
      into: prepared, planeStride: preparedPlane(shape), work: prepared + 36 * preparedPlane(shape))
  }

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats
  ) {
    let tiles = Lanes.Tiles(height: shape.height, width: shape.width, images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = blocking(shape, rows)
    let (sums, own) = Scratch.cut(scratch) { forwardPlaces(cut, shape, &$0) }
    if let statistics {
      statistics.update(repeating: 0, count: 2 * cut.outputs)
      sums.zero(2 * cut.productStride)
    }
    let ready = prepared.map { ($0, preparedPlane(shape)) }
    convolve(input, tiles, grid, cut, prepared: ready, own) {
      channels, planes, work in
      Lanes.Weights.transform(
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
    let tiles = Lanes.Tiles(height: shape.height, width: shape.width, images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = backwardBlocking(shape, rows)
    let (rotated, own) = Scratch.cut(scratch) { backwardInputPlaces(cut, shape, &$0) }
    convolve(outputGradient, tiles, grid, cut, prepared: nil, own) {
      channels, planes, work in
      WinogradWeightOrder.transpose(
        weights, inputChannels: cut.outputs, outputChannels: cut.inputs, channels: channels,
        rotating: true, into: rotated)
      Lanes.Weights.transform(
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
    _ input: Floats, _ tiles: Lanes.Tiles, _ grid: TileGrid, _ cut: Blocking,
    prepared: (planes: Floats, plane: Int)?, _ own: Places,
    weightPlanes: (_ channels: Range<Int>, _ planes: MutableFloats, _ work: MutableFloats) -> Void,
    output: (
      _ products: Floats, _ tiles: Range<Int>, _ channels: Range<Int>, _ work: MutableFloats
    ) -> Void
  ) {
    let (work, inputs, products, factors) = (own.work, own.inputs, own.products, own.weights)
    own.zeros.zero(own.zerosCount)
    var first = 0
    while first < cut.tiles {
      let block = first..<min(first + cut.tileBlock, cut.tiles)
      tiles.transformInput(
        input, channels: cut.inputs, tiles: block, into: inputs, planeStride: cut.inputPlane,
        stride: cut.inputStride, work: work, zeros: own.zeros)
      for chunk in 0..<cut.chunks {
        let low = chunk * cut.channelBlock
        let channels = low..<min(low + cut.channelBlock, cut.outputs)
        let made = cut.isOneBlock ? factors : factors + chunk * 36 * cut.weightPlane
        if first == 0, prepared == nil { weightPlanes(channels, made, work) }
        let planes = prepared.map { $0.planes + low * cut.depth } ?? Floats(made)
        let weightPlane = prepared?.plane ?? cut.weightPlane
        for f in 0..<36 {
          let users = users(of: f, in: block, grid)
          if users.isEmpty { continue }
          let offset = users.lowerBound - block.lowerBound
          // Whole panels (columns past the last are zeros), so there is no edge to keep.
          GEMMKernel.multiply(
            rows: users.count, columns: channels.count.roundedUp(to: 16), depth: cut.depth,
            a: inputs + (f * cut.inputPlane + offset * cut.inputStride), aStride: cut.inputStride,
            panels: planes + f * weightPlane, panelStride: cut.depth * 16,
            into: products + (f * cut.productPlane + offset * cut.productStride),
            cStride: cut.productStride, adding: false, edge: work, in: Lanes.self)
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

  /// The factors along the tiles of a block that hold `tiles`; those of other tiles beside them
  /// have gradients of zero.
  @inline(__always)
  private static func factors(of tiles: Range<Int>, in block: Range<Int>) -> Range<Int> {
    let values = Lanes.factorValues
    let first = tiles.lowerBound - block.lowerBound
    return first / values..<(first + tiles.count + values - 1) / values
  }

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let tiles = Lanes.Tiles(height: shape.height, width: shape.width, images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = blocking(shape, rows)
    let panelStride = cut.tileDepth * 16
    let own = Scratch.cut(scratch) {
      Places.backwardWeights(cut, width: shape.width, &$0)
    }
    let (work, inputs, gradients, sums) = (own.work, own.inputs, own.products, own.weights)
    own.zeros.zero(own.zerosCount)
    var first = 0
    while first < cut.tiles {
      let block = first..<min(first + cut.tileBlock, cut.tiles)
      tiles.transformInputAlongTiles(
        input, channels: cut.inputs, tiles: block, into: inputs, planeStride: cut.tilePlane,
        stride: cut.tileStride, work: work, zeros: own.zeros)
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
          let depth = factors(of: users, in: block)
          GEMMKernel.multiplyTransposed(
            rows: cut.inputs, columns: count, depth: depth.count,
            a: inputs + (f * cut.tilePlane + depth.lowerBound * cut.tileStride),
            aStride: cut.tileStride,
            panels: gradients
              + (f * cut.gradientPlane + low * cut.tileDepth + depth.lowerBound * 16),
            panelStride: panelStride, into: sum, cStride: cut.productStride, adding: first > 0,
            edge: work, in: Lanes.self)
        }
        if block.upperBound == cut.tiles {
          Lanes.Weights.transformGradient(
            planes, planeStride: cut.weightGradientPlane, stride: cut.productStride,
            panels: count / 16, inputChannels: cut.inputs,
            into: weightGradient + low * cut.inputs * 9, work: work)
        }
      }
      first += cut.tileBlock
    }
  }
}
