private import Preconditions

/// How one convolution is computed, chosen from its shape alone; `maximumRows` only sizes scratch, so
/// the same shape and rows give the same bits in every arena. With weights prepared in advance
/// `maximumRows` has a say too.
package struct ConvolutionPlan: Sendable {
  /// The ways of computing a convolution.
  package enum Algorithm: String, Sendable, CustomStringConvertible {
    /// F(4x4, 3x3) with points 0, +-sqrt(1/2), +-sqrt(2), infinity.
    case winograd
    /// F(4, 2) on the phases of the input, for 3x3 kernels of stride 2.
    case winogradStride2 = "winograd/2"
    /// F(4, 7) along the rows, for 7x7 kernels of stride 1 over few channels.
    case winogradRow = "winograd row"
    /// Products of blocks of patches; in place for 1x1 kernels of stride 1.
    case im2col

    package var description: String { rawValue }
  }

  package let shape: ConvolutionShape
  package let maximumRows: Int
  package let algorithm: Algorithm
  /// How `forward` computes with weights that `prepare` has made ready: as `algorithm`, but for so few
  /// images that reading four times the weights from memory takes longer than the products it saves.
  package let preparedAlgorithm: Algorithm
  /// Floats of 64-byte aligned scratch that any of the three operations needs, contents arbitrary.
  package let scratchCount: Int

  /// Floats of the weights transformed in advance; 0 where they are used as they lie.
  package var preparedCount: Int {
    switch preparedAlgorithm {
    case .winograd: WinogradConvolution.preparedCount(shape)
    case .winogradStride2: WinogradStride2Convolution.preparedCount(shape)
    case .winogradRow: WinogradRowConvolution.preparedCount(shape)
    case .im2col: Im2ColConvolution.preparedCount(shape)
    }
  }

  /// Products of one image for each pair of an input and an output channel, where tiles of the
  /// output are computed: 36 for 16 outputs at stride 1, 81 at stride 2, fewer at the edges.
  package var tileProducts: Int { Self.tileProducts(shape) }

  private static func tileProducts(_ shape: ConvolutionShape) -> Int {
    let stride1 = shape.stride == 1
    return shape.tileProducts(full: stride1 ? 6 : 9, short: stride1 ? 5 : 7)
  }

  /// Above so many images weights are not what a pass waits for, and bits are those of training's own
  /// evaluation.
  private static let fewRows = 4
  /// Multiply-adds that one core does in the time in which it reads one float from memory: 18 with
  /// AVX2 and 37 with AVX-512 where it was measured. A constant, so that bits do not depend on it.
  private static let multiplyAddsPerRead = 24

  /// Plans batches of 1 to `maximumRows` images.
  package init(_ shape: ConvolutionShape, maximumRows: Int) {
    require(
      maximumRows > 0, "convolution: a plan for \(maximumRows) images; it needs at least one")
    self.shape = shape
    self.maximumRows = maximumRows
    var scratchCount: Int
    if WinogradConvolution.suits(shape) {
      algorithm = .winograd
      scratchCount = WinogradConvolution.scratchCount(shape, maximumRows: maximumRows)
    } else if WinogradStride2Convolution.suits(shape) {
      algorithm = .winogradStride2
      scratchCount = WinogradStride2Convolution.scratchCount(shape)
    } else if WinogradRowConvolution.suits(shape) {
      algorithm = .winogradRow
      scratchCount = WinogradRowConvolution.scratchCount(shape)
    } else {
      algorithm = .im2col
      scratchCount = Im2ColConvolution.scratchCount(shape)
    }
    preparedAlgorithm =
      Self.savesByPatches(shape, algorithm, rows: maximumRows) ? .im2col : algorithm
    if preparedAlgorithm != algorithm {
      scratchCount = max(scratchCount, Im2ColConvolution.scratchCount(shape))
    }
    self.scratchCount = scratchCount
  }

  /// Whether `rows` images have so few tiles that the products of patches, with a quarter of the
  /// weights to read, are done sooner.
  private static func savesByPatches(
    _ shape: ConvolutionShape, _ algorithm: Algorithm, rows: Int
  ) -> Bool {
    guard rows <= fewRows, algorithm == .winograd || algorithm == .winogradStride2 else {
      return false
    }
    let tiles = rows * tileProducts(shape) + 36 * multiplyAddsPerRead
    let patches = (rows * shape.outputPixels + multiplyAddsPerRead) * shape.taps
    return patches < tiles
  }
}
