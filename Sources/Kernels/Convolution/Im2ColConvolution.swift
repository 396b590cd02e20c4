/// A convolution of any shape as products of a block of patches, small enough for the cache, with
/// panels of the weights; a 1x1 convolution of stride 1 reads its input in place.
enum Im2ColConvolution {
  /// Patches of a block; a function of the shape alone.
  static func blockPixels(_ shape: ConvolutionShape) -> Int {
    shape.patchCount >= 4096 ? 192 : 96
  }

  /// Floats between rows of patches: an odd multiple of 16, so that rows do not share cache sets.
  static func matrixStride(_ shape: ConvolutionShape) -> Int {
    (shape.patchCount.roundedUp(to: 16) / 16 | 1) * 16
  }

  /// Floats of scratch: the matrix of patches, panels, accumulators, one tile of an edge.
  static func scratchCount(_ shape: ConvolutionShape) -> Int {
    let block = blockPixels(shape)
    let outputs = shape.outputChannels.roundedUp(to: 16)
    let forward = outputs * shape.patchCount
    let backwardInput = shape.patchCount.roundedUp(to: 16) * shape.outputChannels
    let backwardWeights = outputs * (shape.patchCount + block)
    return block * matrixStride(shape) + GEMMKernel.edgeCount
      + max(forward, backwardInput, backwardWeights).roundedUp(to: 16)
  }

  /// Whether the weights are panels of the forward product as they lie.
  private static func readsInPlace(_ shape: ConvolutionShape) -> Bool {
    shape.taps == 1 && shape.outputChannels % 16 == 0
  }

  static func preparedCount(_ shape: ConvolutionShape) -> Int {
    readsInPlace(shape) ? 0 : shape.outputChannels.roundedUp(to: 16) * shape.patchCount
  }

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats) {
    if !readsInPlace(shape) { Im2Col.packWeights(weights, shape, into: prepared) }
  }

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats
  ) {
    let outputs = shape.outputChannels
    let depth = shape.patchCount
    let edge = scratch
    let matrix = edge + GEMMKernel.edgeCount
    let packed = matrix + blockPixels(shape) * matrixStride(shape)
    let readsInPlace = readsInPlace(shape)
    if prepared == nil { prepare(weights, shape: shape, into: packed) }
    let panels = readsInPlace ? weights : prepared ?? Floats(packed)
    statistics?.update(repeating: 0, count: 2 * outputs)
    forEachBlock(shape, rows: rows) { pixels in
      let (a, aStride) = patches(input, shape, pixels, matrix)
      let block = output + pixels.lowerBound * outputs
      GEMMKernel.multiply(
        rows: pixels.count, columns: outputs, depth: depth, a: a, aStride: aStride,
        panels: panels, panelStride: depth * 16, into: block, cStride: outputs, adding: false,
        edge: edge)
      if let statistics {
        ConvolutionStatistics.accumulate(
          block, rows: pixels.count, columns: outputs, addingTo: statistics)
      }
    }
  }

  static func backwardInput(
    _ outputGradient: Floats, rows: Int, weights: Floats, shape: ConvolutionShape,
    into inputGradient: MutableFloats, adding: Bool, scratch: MutableFloats
  ) {
    let outputs = shape.outputChannels
    let edge = scratch
    let matrix = edge + GEMMKernel.edgeCount
    let packed = matrix + blockPixels(shape) * matrixStride(shape)
    Im2Col.packTransposedWeights(weights, shape, into: packed)
    if shape.isPointwise {
      forEachBlock(shape, rows: rows) { pixels in
        GEMMKernel.multiply(
          rows: pixels.count, columns: shape.inputChannels, depth: outputs,
          a: outputGradient + pixels.lowerBound * outputs, aStride: outputs, panels: packed,
          panelStride: outputs * 16, into: inputGradient + pixels.lowerBound * shape.inputChannels,
          cStride: shape.inputChannels, adding: adding, edge: edge)
      }
      return
    }
    if !adding { inputGradient.zero(rows * shape.inputCount) }
    let stride = matrixStride(shape)
    forEachBlock(shape, rows: rows) { pixels in
      // Whole panels: the columns past the last are zeros in the panels and padding in the matrix.
      GEMMKernel.multiply(
        rows: pixels.count, columns: shape.patchCount.roundedUp(to: 16), depth: outputs,
        a: outputGradient + pixels.lowerBound * outputs, aStride: outputs, panels: packed,
        panelStride: outputs * 16, into: matrix, cStride: stride, adding: false, edge: edge)
      Im2Col.scatter(matrix, stride: stride, shape, pixels: pixels, addingTo: inputGradient)
    }
  }

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let outputs = shape.outputChannels
    let depth = shape.patchCount
    let block = blockPixels(shape)
    let edge = scratch
    let matrix = edge + GEMMKernel.edgeCount
    let packed = matrix + block * matrixStride(shape)
    let sums = packed + outputs.roundedUp(to: 16) * block
    let writesInPlace = shape.taps == 1 && outputs % 16 == 0
    let target = writesInPlace ? weightGradient : sums
    forEachBlock(shape, rows: rows) { pixels in
      let (a, aStride) = patches(input, shape, pixels, matrix)
      Im2Col.packRows(
        outputGradient + pixels.lowerBound * outputs, count: pixels.count, columns: outputs,
        into: packed, panelStride: block * 16)
      GEMMKernel.multiplyTransposed(
        rows: depth, columns: outputs.roundedUp(to: 16), depth: pixels.count, a: a,
        aStride: aStride, panels: packed, panelStride: block * 16, into: target, cStride: 16,
        cPanelStride: depth * 16, adding: pixels.lowerBound > 0, edge: edge)
    }
    if !writesInPlace { Im2Col.unpackWeights(sums, shape, into: weightGradient) }
  }

  @inline(__always)
  private static func forEachBlock(
    _ shape: ConvolutionShape, rows: Int, _ body: (Range<Int>) -> Void
  ) {
    let (block, pixels) = (blockPixels(shape), rows * shape.outputPixels)
    var first = 0
    while first < pixels {
      body(first..<min(first + block, pixels))
      first += block
    }
  }

  /// The patches of a block and the floats between them: in place, or gathered into `matrix`.
  @inline(__always)
  private static func patches(
    _ input: Floats, _ shape: ConvolutionShape, _ pixels: Range<Int>, _ matrix: MutableFloats
  ) -> (Floats, Int) {
    if shape.isPointwise {
      return (input + pixels.lowerBound * shape.inputChannels, shape.inputChannels)
    }
    let stride = matrixStride(shape)
    Im2Col.gather(input, shape, pixels: pixels, into: matrix, stride: stride)
    return (Floats(matrix), stride)
  }
}
