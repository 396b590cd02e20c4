/// What a step costs on a usual cluster, for decisions that have to be the same on every rank and
/// in every start of a run: nothing is measured for it.
extension ScalingModel {
  /// A network of `parameterCount` parameters and `multiplyAdds` an image, and a head of `classes`
  /// classes of `width` numbers, whole, in microbatches of `microbatch`.
  ///
  /// A thread multiplies and adds 40e9 times a second in the products of a head, as AVX2 does at
  /// some 3 GHz, and, since most convolutions do with fewer than are counted, 120e9 of a network's;
  /// ranks are 10 Gbit/s and 30 microseconds from each other.
  package static func usual(
    parameterCount: Int, multiplyAdds: Int, classes: Int, centres: Int = 1, width: Int,
    microbatch: Int, share: Double, passes: Int
  ) -> ScalingModel {
    let product = Double(width) / 40e9
    // Read and written from memory: five numbers for an update, four for a sum of doubles.
    let (update, sum) = (1e-9, 0.5e-9)
    let exponential = 1e-9
    return ScalingModel(
      parameterCount: parameterCount,
      computeSeconds: 3 * Double(multiplyAdds) / 120e9
        + Double(parameterCount) * sum / Double(microbatch),
      decodeSeconds: 0, updateSeconds: Double(parameterCount) * update, valueSeconds: 0,
      wire: Wire(bytesPerSecond: 1.25e9, messageSeconds: 15e-6, latencySeconds: 30e-6),
      head: HeadModel(
        classes: classes, centres: centres, width: width, share: share, passes: passes,
        isDivided: false,
        seconds: HeadModel.Seconds(
          whole: 3 * product + exponential + Double(width) * sum / Double(microbatch),
          score: product, exponential: exponential, embeddingGradient: product,
          classGradient: product, classGradientAgain: 2 * product, update: update)))
  }
}
