/// A convolution of any shape as products of a block of patches, small enough for the cache, with
/// panels of the weights; a 1x1 convolution of stride 1 reads its input in place.
enum Im2ColConvolution<Lanes: ConvolutionRegisters>: ConvolutionOperations {
  static var name: String { "im2col" }

  static func suits(_ shape: ConvolutionShape, _ use: ConvolutionUse) -> Bool { true }

  static func multiplyAdds(_ shape: ConvolutionShape) -> Int { shape.multiplyAdds }

  /// Where an operation keeps the matrix of patches of a block, panels of `panels` floats, sums of
  /// as many as it has, and one tile of an edge.
  private struct Places {
    let edge, matrix, panels, sums: MutableFloats

    init(_ shape: ConvolutionShape, panels: Int, sums: Int = 0, in scratch: inout Scratch) {
      edge = scratch.floats(GEMMKernel.edgeCount)
      matrix = scratch.floats(PatchBlocks.pixels(shape) * PatchBlocks.stride(shape.patchCount))
      self.panels = scratch.floats(panels)
      self.sums = scratch.floats(sums)
    }

    static func forward(_ shape: ConvolutionShape, _ scratch: inout Scratch) -> Places {
      Places(
        shape, panels: shape.outputChannels.roundedUp(to: 16) * shape.patchCount, in: &scratch)
    }

    static func backwardInput(_ shape: ConvolutionShape, _ scratch: inout Scratch) -> Places {
      Places(
        shape, panels: shape.patchCount.roundedUp(to: 16) * shape.outputChannels, in: &scratch)
    }

    static func backwardWeights(_ shape: ConvolutionShape, _ scratch: inout Scratch) -> Places {
      let outputs = shape.outputChannels.roundedUp(to: 16)
      return Places(
        shape, panels: outputs * PatchBlocks.pixels(shape), sums: outputs * shape.patchCount,
        in: &scratch)
    }
  }

  static func scratchCount(_ shape: ConvolutionShape, maximumRows: Int) -> Int {
    max(
      Scratch.count { Places.forward(shape, &$0) },
      Scratch.count { Places.backwardInput(shape, &$0) },
      Scratch.count { Places.backwardWeights(shape, &$0) })
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
    let own = Scratch.cut(scratch) { Places.forward(shape, &$0) }
    if prepared == nil { prepare(weights, shape: shape, into: own.panels) }
    let panels = readsInPlace(shape) ? weights : prepared ?? Floats(own.panels)
    statistics?.update(repeating: 0, count: 2 * outputs)
    PatchBlocks.forEach(shape, rows: rows) { pixels in
      let (a, aStride) = PatchBlocks.patches(input, shape, pixels, own.matrix)
      let block = output + pixels.lowerBound * outputs
      GEMMKernel.multiply(
        rows: pixels.count, columns: outputs, depth: depth, a: a, aStride: aStride,
        panels: panels, panelStride: depth * 16, into: block, cStride: outputs, adding: false,
        edge: own.edge, in: Lanes.self)
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
    let own = Scratch.cut(scratch) { Places.backwardInput(shape, &$0) }
    Im2Col.packTransposedWeights(weights, shape, into: own.panels)
    if shape.isPointwise {
      PatchBlocks.forEach(shape, rows: rows) { pixels in
        GEMMKernel.multiply(
          rows: pixels.count, columns: shape.inputChannels, depth: outputs,
          a: outputGradient + pixels.lowerBound * outputs, aStride: outputs, panels: own.panels,
          panelStride: outputs * 16, into: inputGradient + pixels.lowerBound * shape.inputChannels,
          cStride: shape.inputChannels, adding: adding, edge: own.edge, in: Lanes.self)
      }
      return
    }
    if !adding { inputGradient.zero(rows * shape.inputCount) }
    let stride = PatchBlocks.stride(shape.patchCount)
    PatchBlocks.forEach(shape, rows: rows) { pixels in
      // Whole panels: the columns past the last are zeros in the panels and padding in the matrix.
      GEMMKernel.multiply(
        rows: pixels.count, columns: shape.patchCount.roundedUp(to: 16), depth: outputs,
        a: outputGradient + pixels.lowerBound * outputs, aStride: outputs, panels: own.panels,
        panelStride: outputs * 16, into: own.matrix, cStride: stride, adding: false,
        edge: own.edge, in: Lanes.self)
      Im2Col.scatter(own.matrix, stride: stride, shape, pixels: pixels, addingTo: inputGradient)
    }
  }

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let outputs = shape.outputChannels
    let depth = shape.patchCount
    let block = PatchBlocks.pixels(shape)
    let own = Scratch.cut(scratch) { Places.backwardWeights(shape, &$0) }
    let writesInPlace = shape.taps == 1 && outputs % 16 == 0
    let target = writesInPlace ? weightGradient : own.sums
    PatchBlocks.forEach(shape, rows: rows) { pixels in
      let (a, aStride) = PatchBlocks.patches(input, shape, pixels, own.matrix)
      Im2Col.packRows(
        outputGradient + pixels.lowerBound * outputs, count: pixels.count, columns: outputs,
        into: own.panels, panelStride: block * 16)
      GEMMKernel.multiplyTransposed(
        rows: depth, columns: outputs.roundedUp(to: 16), depth: pixels.count, a: a,
        aStride: aStride, panels: own.panels, panelStride: block * 16, into: target, cStride: 16,
        cPanelStride: depth * 16, adding: pixels.lowerBound > 0, edge: own.edge,
        in: Lanes.self)
    }
    if !writesInPlace { Im2Col.unpackWeights(own.sums, shape, into: weightGradient) }
  }
}
