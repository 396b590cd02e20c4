private import KernelsAVX512

/// 7x7 convolutions of stride 1 over few channels, the stem of some networks, by Winograd's F(4, 7)
/// along the rows: ten products of depth 7 C stand for four outputs of depth 49 C.
///
/// The transformed rows of a column of tiles lie as [row][C], so that the seven rows under an output
/// are consecutive: the products read overlapping rows of a matrix in place.
enum WinogradRowConvolution {
  /// Products of a tile of four outputs, and the outputs.
  private static let points = 10
  private static let tileWidth = 4
  /// Output rows of one product: few enough that ten of them stay in the second-level cache.
  private static let forwardRows = 24
  private static let backwardRows = 56
  /// Values of a channel that are summed in Float for the statistics.
  private static let tilesPerSum = 8

  /// Where things lie for one shape.
  private struct Layout {
    let shape: ConvolutionShape
    let tiles, depth, outputs: Int
    /// Floats of one column of an image with its padding, and of what a tile needs of them.
    let columnCount: Int

    init(_ shape: ConvolutionShape) {
      self.shape = shape
      tiles = (shape.outputWidth + tileWidth - 1) / tileWidth
      depth = 7 * shape.inputChannels
      outputs = shape.outputChannels
      columnCount =
        ((shape.height + 2 * shape.paddingHeight) * shape.inputChannels).roundedUp(to: 16) + 16
    }

    var columns: Int { tileWidth * (tiles - 1) + points }
    var columnsCount: Int { columns * columnCount }
    var inputCount: Int { tiles * points * columnCount }
    var productStride: Int { outputs + 16 }
    var productPlane: Int { forwardRows * productStride + 16 }
    var weightPlane: Int { depth * outputs + 16 }
    var gradientPlane: Int { backwardRows * outputs + 16 }
    var weightGradientPlane: Int { depth * productStride + 16 }
    var sumsCount: Int { 2 * outputs }
    var scratchCount: Int {
      columnsCount + inputCount + GEMMKernel.edgeCount + sumsCount
        + points
        * max(productPlane + weightPlane, gradientPlane + weightGradientPlane)
    }

    /// Outputs of tile `tile`: four but for the last.
    func outputColumns(_ tile: Int) -> Int {
      min(tileWidth, shape.outputWidth - tile * tileWidth)
    }
  }

  static func suits(_ shape: ConvolutionShape) -> Bool {
    shape.kernelHeight == 7 && shape.kernelWidth == 7 && shape.stride == 1
      && shape.paddingHeight == 3 && shape.paddingWidth == 3 && shape.inputChannels <= 4
      && shape.outputChannels % 16 == 0 && shape.outputWidth >= tileWidth
  }

  /// Floats of scratch; the input gradient, which a stem does not need, is made by im2col.
  static func scratchCount(_ shape: ConvolutionShape) -> Int {
    max(Layout(shape).scratchCount, Im2ColConvolution.scratchCount(shape))
  }

  static func preparedCount(_ shape: ConvolutionShape) -> Int {
    points * Layout(shape).weightPlane
  }

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats) {
    transformWeights(weights, Layout(shape), into: prepared)
  }

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats
  ) {
    let layout = Layout(shape)
    let edge = scratch
    let sums = edge + GEMMKernel.edgeCount
    let columns = sums + layout.sumsCount
    let inputs = columns + layout.columnsCount
    let products = inputs + layout.inputCount
    let made = products + points * layout.productPlane
    if prepared == nil { transformWeights(weights, layout, into: made) }
    let factors = prepared ?? Floats(made)
    statistics?.update(repeating: 0, count: 2 * layout.outputs)
    sums.zero(layout.sumsCount)
    columns.zero(layout.columnsCount)
    for image in 0..<rows {
      transformInput(input + image * shape.inputCount, layout, columns, into: inputs)
      let target = output + image * shape.outputCount
      for first in stride(from: 0, to: shape.outputHeight, by: forwardRows) {
        let count = min(forwardRows, shape.outputHeight - first)
        for tile in 0..<layout.tiles {
          for f in 0..<points {
            GEMMKernel.multiply(
              rows: count, columns: layout.outputs, depth: layout.depth,
              a: inputs + (tile * points + f) * layout.columnCount + first * shape.inputChannels,
              aStride: shape.inputChannels, panels: factors + f * layout.weightPlane,
              panelStride: layout.depth * 16, into: products + f * layout.productPlane,
              cStride: layout.productStride, adding: false, edge: edge)
          }
          writeOutputs(
            products, layout, rows: count, columns: layout.outputColumns(tile),
            into: target + (first * shape.outputWidth + tile * tileWidth) * layout.outputs,
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

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats
  ) {
    let layout = Layout(shape)
    let edge = scratch
    let columns = edge + GEMMKernel.edgeCount
    let inputs = columns + layout.columnsCount
    let gradients = inputs + layout.inputCount
    let sums = gradients + points * layout.gradientPlane
    columns.zero(layout.columnsCount)
    weightGradient.zero(shape.weightCount)
    for image in 0..<rows {
      transformInput(input + image * shape.inputCount, layout, columns, into: inputs)
      let source = outputGradient + image * shape.outputCount
      for first in stride(from: 0, to: shape.outputHeight, by: backwardRows) {
        let count = min(backwardRows, shape.outputHeight - first)
        for tile in 0..<layout.tiles {
          transformGradients(
            source + (first * shape.outputWidth + tile * tileWidth) * layout.outputs, layout,
            rows: count, columns: layout.outputColumns(tile), into: gradients)
          for f in 0..<points {
            GEMMKernel.multiplyTransposed(
              rows: layout.depth, columns: layout.outputs, depth: count,
              a: inputs + (tile * points + f) * layout.columnCount + first * shape.inputChannels,
              aStride: shape.inputChannels, panels: gradients + f * layout.gradientPlane,
              panelStride: backwardRows * 16, into: sums + f * layout.weightGradientPlane,
              cStride: layout.productStride, adding: first > 0 || tile > 0, edge: edge)
          }
        }
      }
      // Image by image: sums over fewer tiles lose less to rounding.
      addWeightGradient(sums, layout, to: weightGradient)
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
        let source = columns + tile * tileWidth * layout.columnCount
        let target = inputs + tile * points * layout.columnCount
        if WideRegisters.areUsed {
          KernelsAVX512.WinogradRow.transformInputs(
            source, columnStride: layout.columnCount, matrix: matrix.baseAddress!,
            count: layout.columnCount, into: target, planeStride: layout.columnCount)
        } else {
          WinogradRow.transformInputs(
            source, columnStride: layout.columnCount, matrix: matrix.baseAddress!,
            count: layout.columnCount, into: target, planeStride: layout.columnCount)
        }
      }
    }
  }

  private static func writeOutputs(
    _ products: Floats, _ layout: Layout, rows: Int, columns: Int, into output: MutableFloats,
    sums: MutableFloats?
  ) {
    let rowStride = layout.shape.outputWidth * layout.outputs
    if WideRegisters.areUsed {
      KernelsAVX512.WinogradRow.writeOutputs(
        products, plane: layout.productPlane, stride: layout.productStride, rows: rows,
        columns: columns, channels: layout.outputs, into: output, rowStride: rowStride, sums: sums)
    } else {
      WinogradRow.writeOutputs(
        products, plane: layout.productPlane, stride: layout.productStride, rows: rows,
        columns: columns, channels: layout.outputs, into: output, rowStride: rowStride, sums: sums)
    }
  }

  private static func transformGradients(
    _ gradient: Floats, _ layout: Layout, rows: Int, columns: Int, into planes: MutableFloats
  ) {
    let rowStride = layout.shape.outputWidth * layout.outputs
    if WideRegisters.areUsed {
      KernelsAVX512.WinogradRow.transformGradients(
        gradient, rowStride: rowStride, rows: rows, columns: columns, channels: layout.outputs,
        into: planes, planeStride: layout.gradientPlane, panelStride: backwardRows * 16)
    } else {
      WinogradRow.transformGradients(
        gradient, rowStride: rowStride, rows: rows, columns: columns, channels: layout.outputs,
        into: planes, planeStride: layout.gradientPlane, panelStride: backwardRows * 16)
    }
  }

  /// [10] planes of panels [K/16][7 C][16] from weights in the order [K/16][C][49][16].
  private static func transformWeights(
    _ weights: Floats, _ layout: Layout, into planes: MutableFloats
  ) {
    forEachTap(layout) { f, factors, source, panel, depth in
      for half in stride(from: 0, to: 16, by: 8) {
        var sum = Vector8(repeating: 0)
        for s in 0..<7 {
          sum = sum.adding(weights[vector: source + s * 16 + half], times: factors[s])
        }
        planes[vector: f * layout.weightPlane + (panel * layout.depth + depth) * 16 + half] = sum
      }
    }
  }

  /// The adjoint, from planes of rows [7 C][K + 16].
  private static func addWeightGradient(
    _ planes: Floats, _ layout: Layout, to weightGradient: MutableFloats
  ) {
    forEachTap(layout) { f, factors, target, panel, depth in
      for half in stride(from: 0, to: 16, by: 8) {
        let from = f * layout.weightGradientPlane + depth * layout.productStride + panel * 16 + half
        let value = planes[vector: from]
        for s in 0..<7 {
          let at = target + s * 16 + half
          weightGradient[vector: at] = weightGradient[vector: at].adding(value, times: factors[s])
        }
      }
    }
  }

  /// Calls `body` with a product's number, its seven factors, where the seven taps of a row of a
  /// kernel begin in the weights, the panel and the place in the depth.
  @inline(__always)
  private static func forEachTap(
    _ layout: Layout,
    _ body: (_ f: Int, _ factors: Floats, _ taps: Int, _ panel: Int, _ depth: Int) -> Void
  ) {
    let channels = layout.shape.inputChannels
    WinogradRowFactors.shared.weight.withUnsafeBufferPointer { matrix in
      for f in 0..<points {
        let factors = matrix.baseAddress! + f * 7
        for panel in 0..<layout.outputs / 16 {
          for c in 0..<channels {
            for r in 0..<7 {
              body(f, factors, ((panel * channels + c) * 49 + r * 7) * 16, panel, r * channels + c)
            }
          }
        }
      }
    }
  }
}

/// The matrices of F(4, 7) that are applied to inputs and weights, rounded from Double.
private struct WinogradRowFactors: Sendable {
  static let shared = WinogradRowFactors()
  /// B^T [10][10]: Lagrange's polynomials of the nine finite points and the product of (x - p).
  let input: [Float]
  /// G [10][7]: the powers of the points, each row scaled to length 1 and the row of B^T against it.
  let weight: [Float]

  private init() {
    let positive = [WinogradRow.p1, WinogradRow.p2, WinogradRow.p3, WinogradRow.p4].map {
      Double($0)
    }
    let points = positive.reduce(into: [0.0]) { $0 += [$1, -$1] }
    var input: [Double] = []
    var weight: [Double] = []
    for (i, point) in points.enumerated() {
      var others = points
      others.remove(at: i)
      let powers = (0..<7).map { k in (0..<k).reduce(1.0) { product, _ in product * point } }
      let length = powers.map { $0 * $0 }.reduce(0, +).squareRoot()
      let value = others.map { point - $0 }.reduce(1, *)
      input += Self.polynomial(roots: others).map { $0 / value * length } + [0]
      weight += powers.map { $0 / length }
    }
    input += Self.polynomial(roots: points)
    weight += [0, 0, 0, 0, 0, 0, 1]
    self.input = input.map { Float($0) }
    self.weight = weight.map { Float($0) }
  }

  /// Coefficients of the product of (x - root), the constant first.
  private static func polynomial(roots: [Double]) -> [Double] {
    roots.reduce([1.0]) { coefficients, root in
      let raised = [0] + coefficients
      let lowered = coefficients.map { -root * $0 } + [0]
      return zip(raised, lowered).map(+)
    }
  }
}
