/// A convolution of any shape as `Im2ColConvolution`, with patches, gradients and weights packed as
/// pairs of bfloat16.
enum Im2ColPairConvolution<Lanes: PairRegisters>: ConvolutionOperations {
  static var name: String { "im2col pairs" }

  /// Where the depth is worth packing: not in stems, of three channels.
  static func suits(_ shape: ConvolutionShape, _ use: ConvolutionUse) -> Bool {
    shape.inputChannels >= 8
  }

  static func multiplyAdds(_ shape: ConvolutionShape) -> Int { shape.multiplyAdds }

  /// Factors along `count` values.
  private static func factors(_ count: Int) -> Int { (count + 1) / 2 }

  /// Where an operation keeps a block of patches in floats, what it packs of them, panels in floats
  /// and in factors, sums of weights, and one tile of an edge.
  private struct Places {
    let edge, matrix, packed, panels, packedPanels, sums: MutableFloats

    private init(
      _ shape: ConvolutionShape, packed: Int, panels: Int, packedPanels: Int, sums: Int = 0,
      in scratch: inout Scratch
    ) {
      edge = scratch.floats(GEMMKernel.edgeCount)
      matrix = scratch.floats(PatchBlocks.pixels(shape) * PatchBlocks.stride(shape.patchCount))
      self.packed = scratch.floats(packed)
      self.panels = scratch.floats(panels)
      self.packedPanels = scratch.floats(packedPanels)
      self.sums = scratch.floats(sums)
    }

    static func forward(_ shape: ConvolutionShape, _ scratch: inout Scratch) -> Places {
      Places(
        shape, packed: PatchBlocks.pixels(shape) * PatchBlocks.stride(factors(shape.patchCount)),
        panels: panelCount(shape), packedPanels: packedCount(shape), in: &scratch)
    }

    static func backwardInput(_ shape: ConvolutionShape, _ scratch: inout Scratch) -> Places {
      let columns = shape.patchCount.roundedUp(to: 16)
      return Places(
        shape,
        packed: PatchBlocks.pixels(shape) * PatchBlocks.stride(factors(shape.outputChannels)),
        panels: columns * shape.outputChannels,
        packedPanels: columns * factors(shape.outputChannels), in: &scratch)
    }

    static func backwardWeights(_ shape: ConvolutionShape, _ scratch: inout Scratch) -> Places {
      let (outputs, pixels) = (shape.outputChannels.roundedUp(to: 16), PatchBlocks.pixels(shape))
      return Places(
        shape, packed: pixels / 2 * PatchBlocks.stride(shape.patchCount), panels: outputs * pixels,
        packedPanels: outputs * pixels / 2, sums: outputs * shape.patchCount, in: &scratch)
    }
  }

  static func scratchCount(_ shape: ConvolutionShape, maximumRows: Int) -> Int {
    max(
      Scratch.count { Places.forward(shape, &$0) },
      Scratch.count { Places.backwardInput(shape, &$0) },
      Scratch.count { Places.backwardWeights(shape, &$0) })
  }

  /// Floats of the panels of the forward product, and of their factors.
  private static func panelCount(_ shape: ConvolutionShape) -> Int {
    shape.outputChannels.roundedUp(to: 16) * shape.patchCount
  }

  private static func packedCount(_ shape: ConvolutionShape) -> Int {
    shape.outputChannels.roundedUp(to: 16) * factors(shape.patchCount)
  }

  static func preparedCount(_ shape: ConvolutionShape) -> Int {
    packedCount(shape).roundedUp(to: 16) + panelCount(shape)
  }

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats) {
    let panels = prepared + packedCount(shape).roundedUp(to: 16)
    pack(weights, shape, panels: panels, into: prepared)
  }

  private static func pack(
    _ weights: Floats, _ shape: ConvolutionShape, panels: MutableFloats,
    into packed: MutableFloats
  ) {
    Im2Col.packWeights(weights, shape, into: panels)
    pack(panels, count: (shape.outputChannels + 15) / 16, depth: shape.patchCount, into: packed)
  }

  /// Panels [count][depth][16] to panels of factors [count][depth/2][16], `stride` floats apart.
  private static func pack(
    _ panels: Floats, count: Int, depth: Int, stride: Int? = nil, packedStride: Int? = nil,
    into packed: MutableFloats
  ) {
    for panel in 0..<count {
      Lanes.Packing.packAlongRows(
        panels + panel * (stride ?? depth * 16), rows: depth, count: 16, stride: 16,
        into: packed + panel * (packedStride ?? factors(depth) * 16), factorStride: 16)
    }
  }

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats
  ) {
    let outputs = shape.outputChannels
    let depth = factors(shape.patchCount)
    let own = Scratch.cut(scratch) { Places.forward(shape, &$0) }
    if prepared == nil { pack(weights, shape, panels: own.panels, into: own.packedPanels) }
    let panels = prepared ?? Floats(own.packedPanels)
    statistics?.update(repeating: 0, count: 2 * outputs)
    PatchBlocks.forEach(shape, rows: rows) { pixels in
      let (patches, patchStride) = PatchBlocks.patches(input, shape, pixels, own.matrix)
      Lanes.Packing.packRows(
        patches, rows: pixels.count, count: shape.patchCount, stride: patchStride,
        into: own.packed, factorStride: PatchBlocks.stride(depth))
      let block = output + pixels.lowerBound * outputs
      GEMMKernel.multiply(
        rows: pixels.count, columns: outputs, depth: depth, a: own.packed,
        aStride: PatchBlocks.stride(depth),
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
    let depth = factors(outputs)
    let own = Scratch.cut(scratch) { Places.backwardInput(shape, &$0) }
    Im2Col.packTransposedWeights(weights, shape, into: own.panels)
    pack(own.panels, count: (shape.patchCount + 15) / 16, depth: outputs, into: own.packedPanels)
    if !adding && !shape.isPointwise { inputGradient.zero(rows * shape.inputCount) }
    PatchBlocks.forEach(shape, rows: rows) { pixels in
      Lanes.Packing.packRows(
        outputGradient + pixels.lowerBound * outputs, rows: pixels.count, count: outputs,
        stride: outputs, into: own.packed, factorStride: PatchBlocks.stride(depth))
      if shape.isPointwise {
        GEMMKernel.multiply(
          rows: pixels.count, columns: shape.inputChannels, depth: depth, a: own.packed,
          aStride: PatchBlocks.stride(depth), panels: own.packedPanels, panelStride: depth * 16,
          into: inputGradient + pixels.lowerBound * shape.inputChannels,
          cStride: shape.inputChannels, adding: adding, edge: own.edge, in: Lanes.self)
        return
      }
      let matrixStride = PatchBlocks.stride(shape.patchCount)
      // Whole panels: the columns past the last are zeros in the panels and padding in the matrix.
      GEMMKernel.multiply(
        rows: pixels.count, columns: shape.patchCount.roundedUp(to: 16), depth: depth,
        a: own.packed, aStride: PatchBlocks.stride(depth), panels: own.packedPanels,
        panelStride: depth * 16,
        into: own.matrix, cStride: matrixStride, adding: false, edge: own.edge, in: Lanes.self)
      Im2Col.scatter(
        own.matrix, stride: matrixStride, shape, pixels: pixels, addingTo: inputGradient)
    }
  }

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let outputs = shape.outputChannels
    let (depth, block) = (shape.patchCount, PatchBlocks.pixels(shape))
    let own = Scratch.cut(scratch) { Places.backwardWeights(shape, &$0) }
    let writesInPlace = shape.taps == 1 && outputs % 16 == 0
    let target = writesInPlace ? weightGradient : own.sums
    PatchBlocks.forEach(shape, rows: rows) { pixels in
      let (patches, patchStride) = PatchBlocks.patches(input, shape, pixels, own.matrix)
      Lanes.Packing.packAlongRows(
        patches, rows: pixels.count, count: depth, stride: patchStride, into: own.packed,
        factorStride: PatchBlocks.stride(depth))
      Im2Col.packRows(
        outputGradient + pixels.lowerBound * outputs, count: pixels.count, columns: outputs,
        into: own.panels, panelStride: block * 16)
      pack(
        own.panels, count: (outputs + 15) / 16, depth: pixels.count, stride: block * 16,
        packedStride: block * 8, into: own.packedPanels)
      GEMMKernel.multiplyTransposed(
        rows: depth, columns: outputs.roundedUp(to: 16), depth: factors(pixels.count),
        a: own.packed, aStride: PatchBlocks.stride(depth), panels: own.packedPanels,
        panelStride: block * 8,
        into: target, cStride: 16, cPanelStride: depth * 16, adding: pixels.lowerBound > 0,
        edge: own.edge, in: Lanes.self)
    }
    if !writesInPlace { Im2Col.unpackWeights(own.sums, shape, into: weightGradient) }
  }
}
