/// 7x7 convolutions of stride 1 over few channels, the stem of some networks, by Winograd's F(4, 7)
/// along the rows: ten products of depth 7 C stand for four outputs of depth 49 C.
///
/// The transformed rows of a column of tiles lie as [row][C], so that the seven rows under an
/// output are consecutive: the products read overlapping rows of a matrix in place.
enum WinogradRowConvolution<Lanes: Registers>: ConvolutionOperations {
  private typealias Layout = WinogradRowLayout

  /// Values of a channel that are summed in Float for the statistics.
  private static var tilesPerSum: Int { 8 }

  static var name: String { "winograd row" }

  static func suits(_ shape: ConvolutionShape, _ use: ConvolutionUse) -> Bool {
    shape.kernelHeight == 7 && shape.kernelWidth == 7 && shape.stride == 1
      && shape.paddingHeight == 3 && shape.paddingWidth == 3 && shape.inputChannels <= 4
      && shape.outputChannels % 16 == 0 && shape.outputWidth >= Layout.tileWidth
  }

  /// Ten rows of the kernel for four outputs along a row.
  static func multiplyAdds(_ shape: ConvolutionShape) -> Int {
    let layout = Layout(shape)
    return shape.outputHeight * layout.tiles * Layout.points * layout.depth * layout.outputs
  }

  /// The input gradient, which a stem does not need, is made by im2col. Planning makes the factors,
  /// so that no pass does.
  static func scratchCount(_ shape: ConvolutionShape, maximumRows: Int) -> Int {
    _ = WinogradRowFactors.shared
    let layout = Layout(shape)
    return max(
      Scratch.count { Layout.ForwardPlaces(layout, &$0) },
      Scratch.count { Layout.BackwardWeightsPlaces(layout, &$0) },
      Im2ColConvolution<Lanes>.scratchCount(shape, maximumRows: maximumRows))
  }

  static func preparedCount(_ shape: ConvolutionShape) -> Int {
    Layout.points * Layout(shape).weightPlane
  }

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats) {
    WinogradRowWeights.transform(weights, Layout(shape), into: prepared)
  }

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats
  ) {
    let layout = Layout(shape)
    let own = Scratch.cut(scratch) { Layout.ForwardPlaces(layout, &$0) }
    let (sums, columns, inputs, products) = (own.sums, own.columns, own.inputs, own.products)
    if prepared == nil { WinogradRowWeights.transform(weights, layout, into: own.factors) }
    let factors = prepared ?? Floats(own.factors)
    statistics?.update(repeating: 0, count: 2 * layout.outputs)
    sums.zero(layout.sumsCount)
    columns.zero(layout.columnsCount)
    for image in 0..<rows {
      transformInput(input + image * shape.inputCount, layout, columns, into: inputs)
      let target = output + image * shape.outputCount
      for first in stride(from: 0, to: shape.outputHeight, by: Layout.forwardRows) {
        let count = min(Layout.forwardRows, shape.outputHeight - first)
        let firstInput = first * shape.inputChannels
        for tile in 0..<layout.tiles {
          for f in 0..<Layout.points {
            GEMMKernel.multiply(
              rows: count, columns: layout.outputs, depth: layout.depth,
              a: inputs + ((tile * Layout.points + f) * layout.columnCount + firstInput),
              aStride: shape.inputChannels, panels: factors + f * layout.weightPlane,
              panelStride: layout.depth * 16, into: products + f * layout.productPlane,
              cStride: layout.productStride, adding: false, edge: own.edge, in: Lanes.self)
          }
          writeOutputs(
            products, layout, rows: count, columns: layout.outputColumns(tile),
            into: target + (first * shape.outputWidth + tile * Layout.tileWidth) * layout.outputs,
            sums: statistics == nil ? nil : sums)
          if let statistics, tile % tilesPerSum == tilesPerSum - 1 || tile == layout.tiles - 1 {
            ConvolutionStatistics.fold(
              sums, stride: layout.outputs, count: layout.outputs, first: 0,
              columns: layout.outputs, addingTo: statistics)
          }
        }
      }
    }
  }

  static func backwardInput(
    _ outputGradient: Floats, rows: Int, weights: Floats, shape: ConvolutionShape,
    into inputGradient: MutableFloats, adding: Bool, scratch: MutableFloats
  ) {
    Im2ColConvolution<Lanes>.backwardInput(
      outputGradient, rows: rows, weights: weights, shape: shape, into: inputGradient,
      adding: adding, scratch: scratch)
  }

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let layout = Layout(shape)
    let own = Scratch.cut(scratch) { Layout.BackwardWeightsPlaces(layout, &$0) }
    let (columns, inputs, gradients, sums) = (own.columns, own.inputs, own.gradients, own.sums)
    columns.zero(layout.columnsCount)
    weightGradient.zero(shape.weightCount)
    for image in 0..<rows {
      transformInput(input + image * shape.inputCount, layout, columns, into: inputs)
      let source = outputGradient + image * shape.outputCount
      for first in stride(from: 0, to: shape.outputHeight, by: Layout.backwardRows) {
        let count = min(Layout.backwardRows, shape.outputHeight - first)
        let firstInput = first * shape.inputChannels
        for tile in 0..<layout.tiles {
          transformGradients(
            source + (first * shape.outputWidth + tile * Layout.tileWidth) * layout.outputs, layout,
            rows: count, columns: layout.outputColumns(tile), into: gradients)
          for f in 0..<Layout.points {
            GEMMKernel.multiplyTransposed(
              rows: layout.depth, columns: layout.outputs, depth: count,
              a: inputs + ((tile * Layout.points + f) * layout.columnCount + firstInput),
              aStride: shape.inputChannels, panels: gradients + f * layout.gradientPlane,
              panelStride: Layout.backwardRows * 16, into: sums + f * layout.weightGradientPlane,
              cStride: layout.productStride, adding: first > 0 || tile > 0, edge: own.edge,
              in: Lanes.self)
          }
        }
      }
      // Image by image: sums over fewer tiles lose less to rounding.
      WinogradRowWeights.addGradient(sums, layout, to: weightGradient)
    }
  }

  // MARK: Transforms

  /// [tiles][10][column] from an image: its columns first, whose padding is zero already.
  private static func transformInput(
    _ image: Floats, _ layout: Layout, _ columns: MutableFloats, into inputs: MutableFloats
  ) {
    let shape = layout.shape
    let channels = shape.inputChannels
    for x in 0..<shape.width {
      var from = image + x * channels
      var to = columns + ((x + 3) * layout.columnCount + 3 * channels)
      for _ in 0..<shape.height {
        for c in 0..<channels { to[c] = from[c] }
        from += shape.width * channels
        to += channels
      }
    }
    let matrix = WinogradRowFactors.shared.input
    matrix.withUnsafeBufferPointer { matrix in
      for tile in 0..<layout.tiles {
        let source = columns + tile * Layout.tileWidth * layout.columnCount
        let target = inputs + tile * Layout.points * layout.columnCount
        Lanes.Rows.transformInputs(
          source, columnStride: layout.columnCount, matrix: matrix.baseAddress!,
          count: layout.columnCount, into: target, planeStride: layout.columnCount)
      }
    }
  }

  private static func writeOutputs(
    _ products: Floats, _ layout: Layout, rows: Int, columns: Int, into output: MutableFloats,
    sums: MutableFloats?
  ) {
    let rowStride = layout.shape.outputWidth * layout.outputs
    Lanes.Rows.writeOutputs(
      products, plane: layout.productPlane, stride: layout.productStride, rows: rows,
      columns: columns, channels: layout.outputs, into: output, rowStride: rowStride, sums: sums)
  }

  private static func transformGradients(
    _ gradient: Floats, _ layout: Layout, rows: Int, columns: Int, into planes: MutableFloats
  ) {
    let rowStride = layout.shape.outputWidth * layout.outputs
    Lanes.Rows.transformGradients(
      gradient, rowStride: rowStride, rows: rows, columns: columns, channels: layout.outputs,
      into: planes, planeStride: layout.gradientPlane, panelStride: Layout.backwardRows * 16)
  }
}
