internal import KernelsBF16
internal import KernelsPairs

/// Pairs of bfloat16 as factors, summed in floats: with the instruction for it or without, the same
/// bits.
protocol PairRegisters: ConvolutionRegisters {
  /// Packs what convolutions gather in floats into factors.
  associatedtype Packing: FactorRows
}

extension PairRegisters {
  @inline(__always) static var factorValues: Int { 2 }

  @inline(__always)
  static func multiplyEdge(
    transposed: Bool, _ rows: Int, width: Int, _ depth: Int, _ a: Floats, _ aStride: Int,
    _ panel: Floats, _ c: MutableFloats, _ cStride: Int, _ adding: Bool, _ edge: MutableFloats
  ) {
    Subnormals.asZero {
      KernelsPairs.NarrowGEMM.multiplyEdge(
        transposed: transposed, rows, width: width, depth, a, aStride, panel, c, cStride, adding,
        edge)
    }
  }
}

/// Eight floats a register, and no instruction for pairs.
enum EightPairLanes: PairRegisters {
  typealias Tiles = KernelsPairs.WinogradTiles
  typealias Stride2Tiles = KernelsPairs.WinogradStride2Tiles
  typealias Weights = KernelsPairs.WinogradWeights
  typealias Stride2Weights = KernelsPairs.WinogradStride2Weights
  typealias Packing = KernelsPairs.FactorPacking

  @inline(__always)
  static func multiplyPanels(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    Subnormals.asZero {
      KernelsPairs.NarrowGEMM.multiply(
        rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, panels: panels,
        panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
        adding: adding)
    }
  }

  @inline(__always)
  static func multiplyPanelsTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    Subnormals.asZero {
      KernelsPairs.NarrowGEMM.multiplyTransposed(
        rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, panels: panels,
        panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
        adding: adding)
    }
  }
}

/// Sixteen floats a register, and AVX512_BF16.
enum SixteenPairLanes: WidePairProducts {
  typealias Tiles = KernelsBF16.WinogradTiles
  typealias Stride2Tiles = KernelsBF16.WinogradStride2Tiles
}

/// Sixteen floats a register where channels do not fill them: tiles, which go by channels, keep to
/// eight.
enum SixteenPairLanesInProducts: WidePairProducts {
  typealias Tiles = KernelsPairs.WinogradTiles
  typealias Stride2Tiles = KernelsPairs.WinogradStride2Tiles
}

/// Products of pairs in registers of sixteen floats, which panels always fill.
protocol WidePairProducts: PairRegisters
where
  Weights == KernelsBF16.WinogradWeights, Stride2Weights == KernelsBF16.WinogradStride2Weights,
  Packing == KernelsBF16.FactorPacking
{}

extension WidePairProducts {
  @inline(__always)
  static func multiplyPanels(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    Subnormals.asZero {
      KernelsBF16.WideGEMM.multiply(
        rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, panels: panels,
        panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
        adding: adding)
    }
  }

  @inline(__always)
  static func multiplyPanelsTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    Subnormals.asZero {
      KernelsBF16.WideGEMM.multiplyTransposed(
        rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, panels: panels,
        panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
        adding: adding)
    }
  }
}
