private import CProcessor
private import Glibc
private import KernelsAVX512

/// How many floats a register holds that products and transforms of convolutions work in: what the
/// processor decides at run time. The results are the same bits.
///
/// A width is chosen when a `ConvolutionPlan` is made; here alone it becomes code of that width.
package enum RegisterWidth: Sendable, CaseIterable {
  /// AVX2, which every processor has that runs this program.
  case eight
  /// AVX-512.
  case sixteen

  /// The widths that this processor has.
  package static let available: [RegisterWidth] =
    cprocessor_has_avx512() == 0 ? [.eight] : [.eight, .sixteen]

  /// The widest, unless `DDP_TRAIN_AVX512=0` in the environment keeps to eight, to compare the two.
  package static let chosen: RegisterWidth = {
    let isRefused = getenv("DDP_TRAIN_AVX512").map { String(cString: $0) } == "0"
    return isRefused ? .eight : available.last!
  }()

  /// The instruction set that has them, for the log.
  package var instructionSet: String {
    switch self {
    case .eight: "AVX2"
    case .sixteen: "AVX-512"
    }
  }

  /// The algorithms for convolutions of `shape`, best first, with products in `precision`.
  package func algorithms(
    for shape: ConvolutionShape, precision: Precision = .float32
  ) -> [ConvolutionAlgorithm] {
    let isWhole = shape.hasWholeRegisters(of: 16)
    switch (self, precision) {
    case (.eight, .float32): return Self.eightWide
    case (.sixteen, .float32): return isWhole ? Self.sixteenWide : Self.sixteenWideProducts
    case (.sixteen, .bfloat16) where Precision.hasInstruction:
      return isWhole ? Self.sixteenWidePairs : Self.sixteenWidePairProducts
    case (_, .bfloat16): return Self.eightWidePairs
    }
  }

  private static let eightWide = ConvolutionAlgorithm.list(EightLanes.self)
  private static let sixteenWide = ConvolutionAlgorithm.list(SixteenLanes.self)
  private static let sixteenWideProducts = ConvolutionAlgorithm.list(SixteenLanesInProducts.self)
  private static let eightWidePairs = ConvolutionAlgorithm.list(
    EightLanes.self, pairs: EightPairLanes.self)
  private static let sixteenWidePairs = ConvolutionAlgorithm.list(
    SixteenLanes.self, pairs: SixteenPairLanes.self)
  private static let sixteenWidePairProducts = ConvolutionAlgorithm.list(
    SixteenLanes.self, pairs: SixteenPairLanesInProducts.self)

  /// C = A B, or C += A B when `adding`, as `GEMMKernel` does it in registers of this width: A is
  /// [rows x depth], or [depth x rows] when `transposed`. In bfloat16 the numbers of A and B are
  /// pairs, which `depth` counts.
  package func multiply(
    _ precision: Precision = .float32, transposed: Bool = false, rows: Int, columns: Int,
    depth: Int, a: UnsafePointer<Float>,
    aStride: Int, panels: UnsafePointer<Float>, panelStride: Int,
    into c: UnsafeMutablePointer<Float>, cStride: Int, adding: Bool,
    edge: UnsafeMutablePointer<Float>
  ) {
    @inline(__always) func multiply<Lanes: ConvolutionRegisters>(_ lanes: Lanes.Type) {
      if transposed {
        GEMMKernel.multiplyTransposed(
          rows: rows, columns: columns, depth: depth, a: a, aStride: aStride, panels: panels,
          panelStride: panelStride, into: c, cStride: cStride, adding: adding, edge: edge, in: lanes
        )
      } else {
        GEMMKernel.multiply(
          rows: rows, columns: columns, depth: depth, a: a, aStride: aStride, panels: panels,
          panelStride: panelStride, into: c, cStride: cStride, adding: adding, edge: edge, in: lanes
        )
      }
    }
    switch (self, precision) {
    case (.eight, .float32): multiply(EightLanes.self)
    case (.sixteen, .float32): multiply(SixteenLanes.self)
    case (.sixteen, .bfloat16) where Precision.hasInstruction: multiply(SixteenPairLanes.self)
    case (_, .bfloat16): multiply(EightPairLanes.self)
    }
  }

  /// Runs `rounds` rounds of `MultiplyAddChains`, to measure the peak of one core.
  package func multiplyAdds(rounds: Int, seed: Float) -> Float {
    switch self {
    case .eight: MultiplyAddChains.run(rounds: rounds, seed: seed)
    case .sixteen: KernelsAVX512.MultiplyAddChains.run(rounds: rounds, seed: seed)
    }
  }

  /// Floating-point operations of one such round.
  package var multiplyAddOperations: Int {
    switch self {
    case .eight: MultiplyAddChains.operationsPerRound
    case .sixteen: KernelsAVX512.MultiplyAddChains.operationsPerRound
    }
  }
}
