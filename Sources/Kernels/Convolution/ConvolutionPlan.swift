private import Preconditions

/// How one convolution is computed, chosen from its shape alone; `maximumRows` only sizes scratch,
/// so the same shape and rows give the same bits in every arena. With weights prepared in advance
/// `maximumRows` has a say too. The registers change nothing but the speed.
package struct ConvolutionPlan: Sendable {
  /// Sizes of one image's convolution.
  package let shape: ConvolutionShape
  /// The most images of a call.
  package let maximumRows: Int
  /// The first of the list that suits the shape.
  package let algorithm: ConvolutionAlgorithm
  /// How `forward` computes with weights that `prepare` has made ready: as `algorithm`, but for so
  /// few images that reading four times the weights from memory takes longer than the products it
  /// saves.
  package let preparedAlgorithm: ConvolutionAlgorithm
  /// Floats of 64-byte aligned scratch that any of the three operations needs, contents arbitrary.
  package let scratchCount: Int
  /// Floats of the weights transformed in advance; 0 where they are used as they lie.
  package let preparedCount: Int

  /// Plans batches of 1 to `maximumRows` images in `registers`, with products in `precision`.
  package init(
    _ shape: ConvolutionShape, maximumRows: Int, precision: Precision = .float32,
    registers: RegisterWidth = .chosen
  ) {
    require(
      maximumRows > 0, "convolution: a plan for \(maximumRows) images; it needs at least one")
    self.shape = shape
    self.maximumRows = maximumRows
    let algorithms = registers.algorithms(for: shape, precision: precision)
    func best(for use: ConvolutionUse) -> ConvolutionAlgorithm {
      algorithms.first { $0.suits(shape, use) }!
    }
    algorithm = best(for: .training)
    preparedAlgorithm = best(for: .preparedWeights(maximumRows: maximumRows))
    scratchCount = max(
      algorithm.scratchCount(shape, maximumRows),
      preparedAlgorithm.scratchCount(shape, maximumRows))
    preparedCount = preparedAlgorithm.preparedCount(shape)
  }
}
