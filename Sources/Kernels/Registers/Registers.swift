internal import KernelsAVX512

/// What convolutions are made of, in registers of one width and in factors of one kind: algorithms
/// are generic over it and compiled for each of the types below and of `PairRegisters.swift`.
protocol ConvolutionRegisters {
  associatedtype Tiles: WinogradTileTransforms
  associatedtype Stride2Tiles: WinogradStride2TileTransforms
  associatedtype Weights: WinogradWeightTransforms
  associatedtype Stride2Weights: WinogradStride2WeightTransforms

  /// Values in 32 bits of a product's inputs: 1, or 2 in bfloat16. Depths, strides and offsets of
  /// what is multiplied count these factors.
  static var factorValues: Int { get }

  /// C[rows x 16 panelCount] = A B, or C += A B when `adding`, for one chunk of the depth.
  ///
  /// A[rows x depth] is row-major, `aStride` apart; `panels` holds B as [panelCount][depth][16],
  /// panels `panelStride` floats apart. Panel p of C begins at `c + p * cPanelStride`, its rows
  /// `cStride` apart.
  static func multiplyPanels(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool)

  /// As `multiplyPanels`, with A stored transposed: [depth x rows], `aStride` floats between
  /// depths.
  static func multiplyPanelsTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool)

  /// As `multiplyPanels`, of a last panel of which `width` columns are meant; A is [rows x depth]
  /// or, when `transposed`, [depth x rows], and `edge` scratch of `GEMMKernel.edgeCount` floats.
  static func multiplyEdge(
    transposed: Bool, _ rows: Int, width: Int, _ depth: Int, _ a: Floats, _ aStride: Int,
    _ panel: Floats, _ c: MutableFloats, _ cStride: Int, _ adding: Bool, _ edge: MutableFloats)
}

/// What convolutions and dense layers are made of, in floats.
protocol Registers: ConvolutionRegisters {
  associatedtype Rows: WinogradRowTransforms

  /// As `multiplyPanels`, with a row-major B, `bStride` apart; lines `fetchOffset` floats behind
  /// those that are read are asked for.
  static func multiplyRows(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    fetchOffset: Int, into c: MutableFloats, cStride: Int, adding: Bool)

  /// As `multiplyRows`, with A stored transposed: [depth x rows], `aStride` floats between depths;
  /// `pastCaches` leaves C, whose rows begin at whole lines and are not added to, out of the
  /// caches.
  static func multiplyRowsTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool, pastCaches: Bool)

  /// As `DotProducts.multiply`.
  static func multiplyAlongRows(
    rows: Int, columns: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool)
}

/// Eight floats a register.
enum EightLanes: Registers {
  typealias Tiles = WinogradTiles
  typealias Stride2Tiles = WinogradStride2Tiles
  typealias Weights = WinogradWeights
  typealias Stride2Weights = WinogradStride2Weights
  typealias Rows = WinogradRow

  @inline(__always)
  static func multiplyPanels(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    NarrowGEMM.multiply(
      rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, panels: panels,
      panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
      adding: adding)
  }

  @inline(__always)
  static func multiplyPanelsTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    NarrowGEMM.multiplyTransposed(
      rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, panels: panels,
      panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
      adding: adding)
  }

  @inline(__always)
  static func multiplyRows(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    fetchOffset: Int, into c: MutableFloats, cStride: Int, adding: Bool
  ) {
    NarrowRows.multiply(
      rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, b: b,
      bStride: bStride, fetchOffset: fetchOffset, into: c, cStride: cStride, adding: adding)
  }

  @inline(__always)
  static func multiplyRowsTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool, pastCaches: Bool
  ) {
    NarrowRows.multiplyTransposed(
      rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, b: b,
      bStride: bStride, into: c, cStride: cStride, adding: adding, pastCaches: pastCaches)
  }

  @inline(__always)
  static func multiplyAlongRows(
    rows: Int, columns: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool
  ) {
    DotProducts.multiply(
      rows: rows, columns: columns, depth: depth, a: a, aStride: aStride, b: b, bStride: bStride,
      into: c, cRowStep: cStride, cColumnStep: 1, adding: adding)
  }
}

/// Sixteen floats a register.
enum SixteenLanes: WideProducts {
  typealias Tiles = KernelsAVX512.WinogradTiles
  typealias Stride2Tiles = KernelsAVX512.WinogradStride2Tiles
  typealias Weights = KernelsAVX512.WinogradWeights
  typealias Stride2Weights = KernelsAVX512.WinogradStride2Weights
}

/// Sixteen floats a register where channels do not fill them: tiles, which go by channels, keep to
/// eight.
enum SixteenLanesInProducts: WideProducts {
  typealias Tiles = WinogradTiles
  typealias Stride2Tiles = WinogradStride2Tiles
  typealias Weights = KernelsAVX512.WinogradWeights
  typealias Stride2Weights = KernelsAVX512.WinogradStride2Weights
}

/// Products and rows in registers of sixteen floats, which panels always fill.
protocol WideProducts: Registers where Rows == KernelsAVX512.WinogradRow {}

extension WideProducts {
  @inline(__always)
  static func multiplyPanels(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    WideGEMM.multiply(
      rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, panels: panels,
      panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
      adding: adding)
  }

  @inline(__always)
  static func multiplyPanelsTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    WideGEMM.multiplyTransposed(
      rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, panels: panels,
      panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
      adding: adding)
  }

  @inline(__always)
  static func multiplyRows(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    fetchOffset: Int, into c: MutableFloats, cStride: Int, adding: Bool
  ) {
    WideRows.multiply(
      rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, b: b,
      bStride: bStride, fetchOffset: fetchOffset, into: c, cStride: cStride, adding: adding)
  }

  @inline(__always)
  static func multiplyRowsTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool, pastCaches: Bool
  ) {
    WideRows.multiplyTransposed(
      rows: rows, panelCount: panelCount, depth: depth, a: a, aStride: aStride, b: b,
      bStride: bStride, into: c, cStride: cStride, adding: adding, pastCaches: pastCaches)
  }

  @inline(__always)
  static func multiplyAlongRows(
    rows: Int, columns: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool
  ) {
    KernelsAVX512.DotProducts.multiply(
      rows: rows, columns: columns, depth: depth, a: a, aStride: aStride, b: b, bStride: bStride,
      into: c, cRowStep: cStride, cColumnStep: 1, adding: adding)
  }
}

extension Registers {
  @inline(__always) static var factorValues: Int { 1 }

  @inline(__always)
  static func multiplyEdge(
    transposed: Bool, _ rows: Int, width: Int, _ depth: Int, _ a: Floats, _ aStride: Int,
    _ panel: Floats, _ c: MutableFloats, _ cStride: Int, _ adding: Bool, _ edge: MutableFloats
  ) {
    NarrowGEMM.multiplyEdge(
      transposed: transposed, rows, width: width, depth, a, aStride, panel, c, cStride, adding, edge
    )
  }
}
