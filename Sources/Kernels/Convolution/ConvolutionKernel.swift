private import Preconditions

/// Convolution without bias over NHWC images, and its two gradients.
///
/// `rows` is the number of images, 1 to the plan's maximum. `scratch` holds the plan's
/// `scratchCount` floats, 64-byte aligned, in any state. Results depend on shape and rows alone;
/// with prepared weights on the plan's `maximumRows` too.
package enum ConvolutionKernel {
  /// y[n, i, j, k] = sum over r, s, c of x[n, i stride + r - padding, j stride + s - padding, c]
  /// w[k, c, r, s].
  ///
  /// `input` [rows, height, width, C], `weights` in the order of `ConvolutionWeights`, `prepared`
  /// what `prepare` has made of them or nil, `output` [rows, outputHeight, outputWidth, K].
  /// `statistics` [2][K], if asked for, is overwritten with the sums and the sums of squares of
  /// each channel of the output.
  package static func forward(
    _ input: UnsafePointer<Float>, rows: Int, weights: UnsafePointer<Float>,
    prepared: UnsafePointer<Float>? = nil, plan: ConvolutionPlan,
    into output: UnsafeMutablePointer<Float>,
    statistics: UnsafeMutablePointer<Double>?, scratch: UnsafeMutablePointer<Float>
  ) {
    check(rows, plan, scratch)
    let forward =
      prepared == nil ? plan.algorithm.forward : plan.preparedAlgorithm.forward
    forward(input, rows, weights, prepared, plan.shape, output, statistics, scratch)
  }

  /// Transforms weights for forward passes that share them, into `plan.preparedCount` floats:
  /// without the work of every pass, and with the same bits unless `plan.preparedAlgorithm` is
  /// another.
  package static func prepare(
    _ weights: UnsafePointer<Float>, plan: ConvolutionPlan,
    into prepared: UnsafeMutablePointer<Float>
  ) {
    plan.preparedAlgorithm.prepare(weights, plan.shape, prepared)
  }

  /// The gradient of the input [rows, height, width, C] from that of the output; added to what is
  /// there when `adding`.
  package static func backwardInput(
    _ outputGradient: UnsafePointer<Float>, rows: Int, weights: UnsafePointer<Float>,
    plan: ConvolutionPlan, into inputGradient: UnsafeMutablePointer<Float>, adding: Bool,
    scratch: UnsafeMutablePointer<Float>
  ) {
    check(rows, plan, scratch)
    plan.algorithm.backwardInput(
      outputGradient, rows, weights, plan.shape, inputGradient, adding, scratch)
  }

  /// The gradient of the weights, in their order, from that of the output and the input.
  package static func backwardWeights(
    _ outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>, rows: Int,
    plan: ConvolutionPlan, into weightGradient: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    check(rows, plan, scratch)
    plan.algorithm.backwardWeights(
      outputGradient, input, rows, plan.shape, weightGradient, scratch)
  }

  @inline(__always)
  private static func check(
    _ rows: Int, _ plan: ConvolutionPlan, _ scratch: UnsafeMutablePointer<Float>
  ) {
    require(
      rows >= 1 && rows <= plan.maximumRows,
      "convolution: \(rows) images for a plan of 1 to \(plan.maximumRows)")
    require(
      UInt(bitPattern: scratch) % 64 == 0, "convolution: scratch is not aligned to 64 bytes")
  }
}
