/// 3x3 convolutions of stride 2 and padding 1 by Winograd's F(4, 2) on the phases of the input: 81
/// products of matrices, of which those of even samples share their factors, 36 in all.
enum WinogradStride2Convolution {
  /// Tiles of a block and output channels of a chunk; functions of the shape alone.
  private static let tileBlock = 48
  private static let channelBlock = 128
  private static let workCount = 1296

  /// Whether the shape can be computed so, and whether that takes clearly fewer operations than
  /// im2col; with more than 256 channels the transformed weights no longer stay in cache.
  static func suits(_ shape: ConvolutionShape) -> Bool {
    shape.kernelHeight == 3 && shape.kernelWidth == 3 && shape.stride == 2
      && shape.paddingHeight == 1 && shape.paddingWidth == 1 && shape.inputChannels % 8 == 0
      && shape.outputChannels % 16 == 0
      && max(shape.inputChannels, shape.outputChannels) <= 256
      && shape.tileProducts(full: 9, short: 7) * 5 <= shape.outputPixels * 9 * 4
  }

  /// Floats between the planes of a block of tiles with `channels` channels, rows and planes padded
  /// by 16 floats, or the streams of 81 planes would fall into the same cache set.
  private static func plane(_ channels: Int) -> Int { tileBlock * (channels + 16) + 16 }

  static func scratchCount(_ shape: ConvolutionShape) -> Int {
    let (inputs, outputs) = (shape.inputChannels, shape.outputChannels)
    let wide = inputs.roundedUp(to: 16)
    let chunk = min(outputs, channelBlock)
    let forward =
      81 * (plane(inputs) + plane(chunk)) + 36 * (inputs * outputs + 16) + 2 * (chunk + 16)
    let backwardInput =
      81 * (plane(outputs) + plane(wide)) + 36 * (wide * outputs + 16) + 9 * wide * outputs
    let backwardWeights =
      81 * (plane(inputs) + tileBlock * outputs + 16) + 36 * (inputs * (outputs + 16) + 16)
    return workCount.roundedUp(to: 16)
      + max(forward, backwardInput, backwardWeights).roundedUp(to: 16)
  }

  @inline(__always)
  private static func forEachBlock(_ tiles: Int, _ body: (Range<Int>) -> Void) {
    var first = 0
    while first < tiles {
      body(first..<min(first + tileBlock, tiles))
      first += tileBlock
    }
  }

  /// Floats between the planes of transformed weights, [36][K/16][C][16].
  private static func factorPlane(_ shape: ConvolutionShape) -> Int {
    shape.inputChannels * shape.outputChannels + 16
  }

  static func preparedCount(_ shape: ConvolutionShape) -> Int { 36 * factorPlane(shape) }

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: workCount) { work in
      WinogradStride2Weights.transform(
        weights, panels: shape.outputChannels / 16, inputChannels: shape.inputChannels,
        into: prepared, planeStride: factorPlane(shape), work: work.baseAddress!)
    }
  }

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats
  ) {
    let (inputs, outputs) = (shape.inputChannels, shape.outputChannels)
    let tiles = shape.winogradStride2Tiles(images: rows)
    let grid = shape.tileGrid(images: rows)
    let chunk = min(outputs, channelBlock)
    let stride = chunk + 16
    let (inputPlane, productPlane) = (plane(inputs), plane(chunk))
    let factorPlane = factorPlane(shape)
    let work = scratch
    let sums = work + workCount.roundedUp(to: 16)
    let windows = sums + 2 * stride
    let products = windows + 81 * inputPlane
    let made = products + 81 * productPlane
    if prepared == nil { prepare(weights, shape: shape, into: made) }
    let factors = prepared ?? Floats(made)
    if let statistics {
      statistics.update(repeating: 0, count: 2 * outputs)
      sums.zero(2 * stride)
    }
    forEachBlock(grid.count) { block in
      tiles.transformInput(
        input, channels: inputs, tiles: block, into: windows, planeStride: inputPlane,
        stride: inputs + 16, work: work)
      for low in Swift.stride(from: 0, to: outputs, by: chunk) {
        let channels = low..<min(low + chunk, outputs)
        forEachProduct(block, grid) { product, factor, users, offset in
          GEMMKernel.multiply(
            rows: users, columns: channels.count, depth: inputs,
            a: windows + (product * inputPlane + offset * (inputs + 16)), aStride: inputs + 16,
            panels: factors + (factor * factorPlane + low * inputs), panelStride: inputs * 16,
            into: products + (product * productPlane + offset * stride), cStride: stride,
            adding: false, edge: work)
        }
        tiles.transformOutput(
          products, planeStride: productPlane, stride: stride, tiles: block, channels: channels,
          channelCount: outputs, into: output, sums: statistics == nil ? nil : sums, work: work)
        if let statistics {
          ConvolutionStatistics.fold(
            sums, stride: stride, count: channels.count, first: low, columns: outputs,
            addingTo: statistics)
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
    let wide = inputs.roundedUp(to: 16)
    let tiles = shape.winogradStride2Tiles(images: rows)
    let grid = shape.tileGrid(images: rows)
    let (gradientPlane, windowPlane) = (plane(outputs), plane(wide))
    let factorPlane = wide * outputs + 16
    let work = scratch
    let gradients = work + workCount.roundedUp(to: 16)
    let windows = gradients + 81 * gradientPlane
    let factors = windows + 81 * windowPlane
    let transposed = factors + 36 * factorPlane
    WinogradWeights.transpose(
      weights, inputChannels: inputs, outputChannels: outputs, channels: 0..<inputs,
      rotating: false, into: transposed)
    WinogradStride2Weights.transform(
      transposed, panels: wide / 16, inputChannels: outputs, into: factors,
      planeStride: factorPlane, work: work)
    if !adding { inputGradient.zero(rows * shape.inputCount) }
    forEachBlock(grid.count) { block in
      tiles.transformGradient(
        outputGradient, channels: outputs, tiles: block, into: gradients,
        planeStride: gradientPlane, tileStride: outputs + 16, panelStride: 16, work: work)
      forEachProduct(block, grid) { product, factor, users, offset in
        GEMMKernel.multiply(
          rows: users, columns: wide, depth: outputs,
          a: gradients + (product * gradientPlane + offset * (outputs + 16)),
          aStride: outputs + 16, panels: factors + factor * factorPlane,
          panelStride: outputs * 16,
          into: windows + (product * windowPlane + offset * (wide + 16)), cStride: wide + 16,
          adding: false, edge: work)
      }
      tiles.scatterInputGradient(
        windows, planeStride: windowPlane, stride: wide + 16, channels: inputs, tiles: block,
        addingTo: inputGradient, work: work)
    }
  }

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let (inputs, outputs) = (shape.inputChannels, shape.outputChannels)
    let tiles = shape.winogradStride2Tiles(images: rows)
    let grid = shape.tileGrid(images: rows)
    let inputPlane = plane(inputs)
    let panelStride = tileBlock * 16
    let gradientPlane = outputs * tileBlock + 16
    let stride = outputs + 16
    let sumPlane = inputs * stride + 16
    let work = scratch
    let windows = work + workCount.roundedUp(to: 16)
    let gradients = windows + 81 * inputPlane
    let sums = gradients + 81 * gradientPlane
    forEachBlock(grid.count) { block in
      tiles.transformInput(
        input, channels: inputs, tiles: block, into: windows, planeStride: inputPlane,
        stride: inputs + 16, work: work)
      tiles.transformGradient(
        outputGradient, channels: outputs, tiles: block, into: gradients,
        planeStride: gradientPlane, tileStride: 16, panelStride: panelStride, work: work)
      if block.lowerBound == 0 { zeroUnused(sums, sumPlane, block, grid) }
      var last = -1
      forEachProduct(block, grid) { product, factor, users, offset in
        // The products that share a factor follow each other: the first of them overwrites.
        GEMMKernel.multiplyTransposed(
          rows: inputs, columns: outputs, depth: users,
          a: windows + (product * inputPlane + offset * (inputs + 16)),
          aStride: inputs + 16, panels: gradients + (product * gradientPlane + offset * 16),
          panelStride: panelStride, into: sums + factor * sumPlane, cStride: stride,
          adding: block.lowerBound > 0 || factor == last, edge: work)
        last = factor
      }
    }
    WinogradStride2Weights.transformGradient(
      sums, planeStride: sumPlane, stride: stride, panels: outputs / 16, inputChannels: inputs,
      into: weightGradient, work: work)
  }

  /// Calls `body` with each of the 81 products that tiles of the block use, the factor it takes,
  /// how many tiles these are and where in the block they begin; the products of a factor together,
  /// for even samples share theirs.
  @inline(__always)
  private static func forEachProduct(
    _ block: Range<Int>, _ grid: TileGrid,
    _ body: (_ product: Int, _ factor: Int, _ users: Int, _ offset: Int) -> Void
  ) {
    for factor in 0..<36 {
      let (row, column) = (factor / 6, factor % 6)
      for i in row..<(row == 5 ? 9 : row + 1) {
        for j in column..<(column == 5 ? 9 : column + 1) {
          let users = users(i, j, block, grid)
          if !users.isEmpty {
            body(i * 9 + j, factor, users.count, users.lowerBound - block.lowerBound)
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
