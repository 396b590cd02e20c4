/// Where things lie in a convolution along the rows, for one shape.
struct WinogradRowLayout {
  /// Products of a tile of four outputs, and the outputs.
  static let points = 10
  static let tileWidth = 4
  /// Output rows of one product: few enough that ten of them stay in the second-level cache.
  static let forwardRows = 24
  static let backwardRows = 56

  let shape: ConvolutionShape
  let tiles, depth, outputs: Int
  /// Floats of one column of an image with its padding, and of what a tile needs of them.
  let columnCount: Int

  init(_ shape: ConvolutionShape) {
    self.shape = shape
    tiles = (shape.outputWidth + Self.tileWidth - 1) / Self.tileWidth
    depth = 7 * shape.inputChannels
    outputs = shape.outputChannels
    columnCount =
      ((shape.height + 2 * shape.paddingHeight) * shape.inputChannels).roundedUp(to: 16) + 16
  }

  var columns: Int { Self.tileWidth * (tiles - 1) + Self.points }
  var columnsCount: Int { columns * columnCount }
  var inputCount: Int { tiles * Self.points * columnCount }
  var productStride: Int { outputs + 16 }
  var productPlane: Int { Self.forwardRows * productStride + 16 }
  var weightPlane: Int { depth * outputs + 16 }
  var gradientPlane: Int { Self.backwardRows * outputs + 16 }
  var weightGradientPlane: Int { depth * productStride + 16 }
  var sumsCount: Int { 2 * outputs }

  /// Outputs of tile `tile`: four but for the last.
  func outputColumns(_ tile: Int) -> Int {
    min(Self.tileWidth, shape.outputWidth - tile * Self.tileWidth)
  }
}

/// Where the operations keep what lies between their steps.
extension WinogradRowLayout {
  struct ForwardPlaces {
    let edge, sums, columns, inputs, products, factors: MutableFloats

    init(_ layout: WinogradRowLayout, _ scratch: inout Scratch) {
      edge = scratch.floats(GEMMKernel.edgeCount)
      sums = scratch.floats(layout.sumsCount)
      columns = scratch.floats(layout.columnsCount)
      inputs = scratch.floats(layout.inputCount)
      products = scratch.floats(points * layout.productPlane)
      factors = scratch.floats(points * layout.weightPlane)
    }
  }

  struct BackwardWeightsPlaces {
    let edge, columns, inputs, gradients, sums: MutableFloats

    init(_ layout: WinogradRowLayout, _ scratch: inout Scratch) {
      edge = scratch.floats(GEMMKernel.edgeCount)
      columns = scratch.floats(layout.columnsCount)
      inputs = scratch.floats(layout.inputCount)
      gradients = scratch.floats(points * layout.gradientPlane)
      sums = scratch.floats(points * layout.weightGradientPlane)
    }
  }
}
