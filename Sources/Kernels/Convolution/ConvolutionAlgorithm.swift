/// One way of computing a convolution and its gradients: an entry of the list from which a plan
/// takes the first that suits, as oneDNN's lists of implementations.
package struct ConvolutionAlgorithm: Sendable, CustomStringConvertible {
  /// As tables of the benchmark call it.
  package let name: String
  let suits: @Sendable (ConvolutionShape, ConvolutionUse) -> Bool
  /// Multiply-adds of the products of one image.
  package let multiplyAdds: @Sendable (ConvolutionShape) -> Int
  let scratchCount: @Sendable (ConvolutionShape, _ maximumRows: Int) -> Int
  let preparedCount: @Sendable (ConvolutionShape) -> Int
  let prepare: @Sendable (_ weights: Floats, ConvolutionShape, _ prepared: MutableFloats) -> Void
  let forward:
    @Sendable (
      _ input: Floats, _ rows: Int, _ weights: Floats, _ prepared: Floats?, ConvolutionShape,
      _ output: MutableFloats, _ statistics: UnsafeMutablePointer<Double>?,
      _ scratch: MutableFloats
    ) -> Void
  let backwardInput:
    @Sendable (
      _ outputGradient: Floats, _ rows: Int, _ weights: Floats, ConvolutionShape,
      _ inputGradient: MutableFloats, _ adding: Bool, _ scratch: MutableFloats
    ) -> Void
  let backwardWeights:
    @Sendable (
      _ outputGradient: Floats, _ input: Floats, _ rows: Int, ConvolutionShape,
      _ weightGradient: MutableFloats, _ scratch: MutableFloats
    ) -> Void

  package var description: String { name }

  /// All algorithms in registers of one width, best first; the last suits every shape.
  ///
  /// Inlined where the width is known, so that each operation is compiled for it.
  @inline(__always)
  static func list<Lanes: Registers>(_: Lanes.Type) -> [ConvolutionAlgorithm] {
    [
      ConvolutionAlgorithm(WinogradConvolution<Lanes>.self),
      ConvolutionAlgorithm(WinogradStride2Convolution<Lanes>.self),
      ConvolutionAlgorithm(WinogradRowConvolution<Lanes>.self),
      ConvolutionAlgorithm(Im2ColConvolution<Lanes>.self),
    ]
  }

  /// All algorithms with products of bfloat16 pairs; stems, of three channels, are computed in the
  /// floats of `Lanes`.
  @inline(__always)
  static func list<Lanes: Registers, Pairs: PairRegisters>(
    _: Lanes.Type, pairs: Pairs.Type
  ) -> [ConvolutionAlgorithm] {
    [
      ConvolutionAlgorithm(WinogradConvolution<Pairs>.self),
      ConvolutionAlgorithm(WinogradStride2Convolution<Pairs>.self),
      ConvolutionAlgorithm(WinogradRowConvolution<Lanes>.self),
      ConvolutionAlgorithm(Im2ColPairConvolution<Pairs>.self),
      ConvolutionAlgorithm(Im2ColConvolution<Lanes>.self),
    ]
  }

  @inline(__always)
  private init<Operations: ConvolutionOperations>(_: Operations.Type) {
    name = Operations.name
    suits = { Operations.suits($0, $1) }
    multiplyAdds = { Operations.multiplyAdds($0) }
    scratchCount = { Operations.scratchCount($0, maximumRows: $1) }
    preparedCount = { Operations.preparedCount($0) }
    prepare = { Operations.prepare($0, shape: $1, into: $2) }
    forward = {
      Operations.forward(
        $0, rows: $1, weights: $2, prepared: $3, shape: $4, into: $5, statistics: $6, scratch: $7)
    }
    backwardInput = {
      Operations.backwardInput(
        $0, rows: $1, weights: $2, shape: $3, into: $4, adding: $5, scratch: $6)
    }
    backwardWeights = {
      Operations.backwardWeights($0, input: $1, rows: $2, shape: $3, into: $4, scratch: $5)
    }
  }
}

/// What an algorithm has to offer; `ConvolutionKernel` says what the operations do.
protocol ConvolutionOperations: Sendable {
  static var name: String { get }

  /// Whether it computes the shape for this use, and sooner than what comes behind it in the list.
  static func suits(_ shape: ConvolutionShape, _ use: ConvolutionUse) -> Bool

  /// Multiply-adds of the products of one image.
  static func multiplyAdds(_ shape: ConvolutionShape) -> Int

  /// Floats of scratch that any operation needs for 1 to `maximumRows` images.
  static func scratchCount(_ shape: ConvolutionShape, maximumRows: Int) -> Int

  /// Floats of the weights transformed in advance; 0 where they are used as they lie.
  static func preparedCount(_ shape: ConvolutionShape) -> Int

  static func prepare(_ weights: Floats, shape: ConvolutionShape, into prepared: MutableFloats)

  static func forward(
    _ input: Floats, rows: Int, weights: Floats, prepared: Floats?, shape: ConvolutionShape,
    into output: MutableFloats, statistics: UnsafeMutablePointer<Double>?, scratch: MutableFloats)

  static func backwardInput(
    _ outputGradient: Floats, rows: Int, weights: Floats, shape: ConvolutionShape,
    into inputGradient: MutableFloats, adding: Bool, scratch: MutableFloats)

  static func backwardWeights(
    _ outputGradient: Floats, input: Floats, rows: Int, shape: ConvolutionShape,
    into weightGradient: MutableFloats, scratch: MutableFloats)
}

/// What a plan wants an algorithm for.
enum ConvolutionUse {
  /// All operations, with weights that change from pass to pass.
  case training
  /// Forward passes of 1 to `maximumRows` images with weights that `prepare` has made ready.
  case preparedWeights(maximumRows: Int)

  /// Above so many images weights are not what a pass waits for, and bits are those of training's
  /// own evaluation.
  private static let fewRows = 4
  /// Multiply-adds that one core does in the time in which it reads one float from memory: 18 with
  /// AVX2 and 37 with AVX-512 where it was measured. A constant, so that bits do not depend on it.
  private static let multiplyAddsPerRead = 24

  /// Whether there are so few images that reading 36 transformed weights for 9 of a 3x3 kernel from
  /// memory takes longer than what `tileProducts` an image save over the products of patches.
  func favoursPatches(_ shape: ConvolutionShape, over tileProducts: Int) -> Bool {
    guard case .preparedWeights(let rows) = self, rows <= Self.fewRows else { return false }
    let tiles = rows * tileProducts + 36 * Self.multiplyAddsPerRead
    let patches = (rows * shape.outputPixels + Self.multiplyAddsPerRead) * shape.taps
    return patches < tiles
  }
}
