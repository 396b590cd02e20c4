/// 3x3 convolutions of stride 2 and padding 1 by Winograd's F(4, 2) on the phases of the input: 81
/// products of matrices, of which those of even samples share their factors, 36 in all.
enum WinogradStride2Convolution<Lanes: ConvolutionRegisters>: ConvolutionOperations {
  private typealias Blocking = WinogradStride2Blocking

  static var name: String { "winograd/2" }

  /// 81 products for 16 outputs, fewer at the edges.
  private static func tileProducts(_ shape: ConvolutionShape) -> Int {
    shape.tileProducts(full: 9, short: 7)
  }

  /// Where it takes clearly fewer operations than im2col.
  static func suits(_ shape: ConvolutionShape, _ use: ConvolutionUse) -> Bool {
    shape.kernelHeight == 3 && shape.kernelWidth == 3 && shape.stride == 2
      && shape.paddingHeight == 1 && shape.paddingWidth == 1 && shape.inputChannels % 8 == 0
      && shape.outputChannels % 16 == 0
      && max(shape.inputChannels, shape.outputChannels) <= 512
      && tileProducts(shape) * 5 <= shape.outputPixels * 9 * 4
      && !use.favoursPatches(shape, over: tileProducts(shape))
  }

  static func multiplyAdds(_ shape: ConvolutionShape) -> Int {
    tileProducts(shape) * shape.inputChannels * shape.outputChannels
  }

  static func scratchCount(_ shape: ConvolutionShape, maximumRows: Int) -> Int {
    let (forward, backward) = (blocking(shape), backwardBlocking(shape))
    return max(
      Scratch.count { Blocking.ForwardPlaces(forward, &$0) },
      Scratch.count { Blocking.BackwardInputPlaces(backward, &$0) },
      Scratch.count { Blocking.BackwardWeightsPlaces(forward, &$0) })
  }

  private static func blocking(_ shape: ConvolutionShape) -> Blocking {
    Blocking(
      inputs: shape.inputChannels, outputs: shape.outputChannels, values: Lanes.factorValues)
  }

  /// Of the input gradient: its inputs are the outputs.
  private static func backwardBlocking(_ shape: ConvolutionShape) -> Blocking {
    Blocking(
      inputs: shape.outputChannels, outputs: shape.inputChannels.roundedUp(to: 16),
      values: Lanes.factorValues)
  }

  /// Floats between the planes of all weights transformed in advance, [36][K/16][C/values][16].
  private static func preparedPlane(_ shape: ConvolutionShape) -> Int {
    shape.inputChannels / Lanes.factorValues * shape.outputChannels + 16
  }

  /// The transforms' scratch behind the planes.
  static func preparedCount(_ shape: ConvolutionShape) -> Int {
    36 * preparedPlane(shape) + Lanes.Weights.workCount
  }

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats) {
    Lanes.Stride2Weights.transform(
      weights, panels: shape.outputChannels / 16, inputChannels: shape.inputChannels,
      into: prepared, planeStride: preparedPlane(shape), work: prepared + 36 * preparedPlane(shape))
  }

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats
  ) {
    let (inputs, outputs) = (shape.inputChannels, shape.outputChannels)
    let tiles = Lanes.Stride2Tiles(height: shape.height, width: shape.width, images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = blocking(shape)
    let own = Scratch.cut(scratch) { Blocking.ForwardPlaces(cut, &$0) }
    let (work, sums, windows, products) = (own.work, own.sums, own.windows, own.products)
    if let statistics {
      statistics.update(repeating: 0, count: 2 * outputs)
      sums.zero(2 * cut.productStride)
    }
    cut.forEachBlock(grid.count) { block in
      tiles.transformInput(
        input, channels: inputs, tiles: block, into: windows, planeStride: cut.inputPlane,
        stride: cut.inputStride, work: work)
      cut.forEachChunk { chunk, channels in
        let made = own.factors + cut.place(chunk, of: 36 * cut.weightPlane)
        if prepared == nil, cut.makes(in: block) {
          Lanes.Stride2Weights.transform(
            weights + channels.lowerBound * inputs * 9, panels: channels.count / 16,
            inputChannels: inputs, into: made, planeStride: cut.weightPlane, work: work)
        }
        let factors = prepared.map { $0 + channels.lowerBound * cut.depth } ?? Floats(made)
        let factorPlane = prepared == nil ? cut.weightPlane : preparedPlane(shape)
        forEachProduct(block, grid) { product, factor, users in
          GEMMKernel.multiply(
            rows: users.count, columns: channels.count, depth: cut.depth,
            a: windows + (product * cut.inputPlane + users.lowerBound * cut.inputStride),
            aStride: cut.inputStride, panels: factors + factor * factorPlane,
            panelStride: cut.depth * 16,
            into: products + (product * cut.productPlane + users.lowerBound * cut.productStride),
            cStride: cut.productStride, adding: false, edge: work, in: Lanes.self)
        }
        tiles.transformOutput(
          products, planeStride: cut.productPlane, stride: cut.productStride, tiles: block,
          channels: channels, channelCount: outputs, into: output,
          sums: statistics == nil ? nil : sums, work: work)
        if let statistics {
          ConvolutionStatistics.fold(
            sums, stride: cut.productStride, count: channels.count, first: channels.lowerBound,
            columns: outputs, addingTo: statistics)
        }
      }
    }
  }

  /// The adjoint of `forward`, step by step: neighbouring windows overlap by a row and a column, so
  /// their gradients are added to the image.
  static func backwardInput(
    _ outputGradient: Floats, rows: Int, weights: Floats, shape: ConvolutionShape,
    into inputGradient: MutableFloats, adding: Bool, scratch: MutableFloats
  ) {
    let (inputs, outputs) = (shape.inputChannels, shape.outputChannels)
    let tiles = Lanes.Stride2Tiles(height: shape.height, width: shape.width, images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = backwardBlocking(shape)
    let own = Scratch.cut(scratch) { Blocking.BackwardInputPlaces(cut, &$0) }
    let (work, gradients, windows, transposed) = (
      own.work, own.gradients, own.windows, own.transposed
    )
    if !adding { inputGradient.zero(rows * shape.inputCount) }
    cut.forEachBlock(grid.count) { block in
      tiles.transformGradient(
        outputGradient, channels: outputs, tiles: block, into: gradients,
        planeStride: cut.inputPlane, stride: cut.inputStride, work: work)
      cut.forEachChunk { chunk, wholeChannels in
        let channels = wholeChannels.clamped(to: 0..<inputs)
        let factors = own.factors + cut.place(chunk, of: 36 * cut.weightPlane)
        if cut.makes(in: block) {
          WinogradWeightOrder.transpose(
            weights, inputChannels: inputs, outputChannels: outputs, channels: channels,
            rotating: false, into: transposed)
          Lanes.Stride2Weights.transform(
            transposed, panels: wholeChannels.count / 16, inputChannels: outputs, into: factors,
            planeStride: cut.weightPlane, work: work)
        }
        forEachProduct(block, grid) { product, factor, users in
          GEMMKernel.multiply(
            rows: users.count, columns: wholeChannels.count, depth: cut.depth,
            a: gradients + (product * cut.inputPlane + users.lowerBound * cut.inputStride),
            aStride: cut.inputStride, panels: factors + factor * cut.weightPlane,
            panelStride: cut.depth * 16,
            into: windows + (product * cut.productPlane + users.lowerBound * cut.productStride),
            cStride: cut.productStride, adding: false, edge: work, in: Lanes.self)
        }
        tiles.scatterInputGradient(
          windows, planeStride: cut.productPlane, stride: cut.productStride, tiles: block,
          channels: channels, channelCount: inputs, addingTo: inputGradient, work: work)
      }
    }
  }

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let (inputs, outputs) = (shape.inputChannels, shape.outputChannels)
    let tiles = Lanes.Stride2Tiles(height: shape.height, width: shape.width, images: rows)
    let grid = shape.tileGrid(images: rows)
    let cut = blocking(shape)
    let panelStride = cut.tileDepth * 16
    let own = Scratch.cut(scratch) { Blocking.BackwardWeightsPlaces(cut, &$0) }
    let (work, windows, gradients) = (own.work, own.windows, own.gradients)
    cut.forEachBlock(grid.count) { block in
      tiles.transformInputAlongTiles(
        input, channels: inputs, tiles: block, into: windows, planeStride: cut.tilePlane,
        stride: cut.tileStride, work: work)
      tiles.transformGradientAlongTiles(
        outputGradient, channels: outputs, tiles: block, into: gradients,
        planeStride: cut.gradientPlane, panelStride: panelStride, work: work)
      cut.forEachChunk { chunk, channels in
        let sums = own.sums + cut.place(chunk, of: 36 * cut.weightGradientPlane)
        let makes = cut.makes(in: block)
        if makes { zeroUnused(sums, cut.weightGradientPlane, block, grid) }
        let panels = gradients + channels.lowerBound * cut.tileDepth
        var last = -1
        forEachProduct(block, grid) { product, factor, users in
          // The products that share a factor follow each other: the first of them overwrites.
          let values = Lanes.factorValues
          let depth = users.lowerBound / values..<(users.upperBound + values - 1) / values
          GEMMKernel.multiplyTransposed(
            rows: inputs, columns: channels.count, depth: depth.count,
            a: windows + (product * cut.tilePlane + depth.lowerBound * cut.tileStride),
            aStride: cut.tileStride,
            panels: panels + (product * cut.gradientPlane + depth.lowerBound * 16),
            panelStride: panelStride, into: sums + factor * cut.weightGradientPlane,
            cStride: cut.productStride, adding: !makes || factor == last, edge: work, in: Lanes.self
          )
          last = factor
        }
        guard !cut.keepsWeights || block.upperBound == grid.count else { return }
        Lanes.Stride2Weights.transformGradient(
          sums, planeStride: cut.weightGradientPlane, stride: cut.productStride,
          panels: channels.count / 16, inputChannels: inputs,
          into: weightGradient + channels.lowerBound * inputs * 9,
          adding: !cut.keepsWeights && block.lowerBound > 0, work: work)
      }
    }
  }

  /// Calls `body` with each of the 81 products that tiles of the block use, the factor it takes and
  /// these tiles, counted from the block's first; the products of a factor together, for even
  /// samples share theirs.
  @inline(__always)
  private static func forEachProduct(
    _ block: Range<Int>, _ grid: TileGrid,
    _ body: (_ product: Int, _ factor: Int, _ users: Range<Int>) -> Void
  ) {
    for factor in 0..<36 {
      let (row, column) = (factor / 6, factor % 6)
      for i in row..<(row == 5 ? 9 : row + 1) {
        for j in column..<(column == 5 ? 9 : column + 1) {
          let users = users(i, j, block, grid)
          if !users.isEmpty {
            let first = users.lowerBound - block.lowerBound
            body(i * 9 + j, factor, first..<first + users.count)
          }
        }
      }
    }
  }

  /// The tiles of a block that use product (i, j): 4 and 8 along a side are for sides of 4 alone.
  @inline(__always)
  private static func users(
    _ i: Int, _ j: Int, _ block: Range<Int>, _ grid: TileGrid
  ) -> Range<Int> {
    grid.tiles(fullHeight: i == 4 || i == 8, fullWidth: j == 4 || j == 8).clamped(to: block)
  }

  /// Clears the sums of the factors that no tile of the first block uses: products 4 alone have
  /// factors that they do not share.
  private static func zeroUnused(
    _ sums: MutableFloats, _ plane: Int, _ block: Range<Int>, _ grid: TileGrid
  ) {
    for factor in 0..<36 {
      if users(factor / 6, factor % 6, block, grid).isEmpty {
        (sums + factor * plane).zero(plane)
      }
    }
  }
}
