/// Products of matrices that lie in cache, for the convolutions: A is broadcast from where it lies
/// and B streams from panels 16 wide, while the results stay in registers.
///
/// Every element is summed in the order of the depth, in chunks of 256, whatever the other
/// dimensions are: cutting rows or columns differently gives the same bits, and so do registers of
/// either width.
package enum GEMMKernel {
  /// Floats of scratch that a product needs when its columns are no multiple of 16.
  package static let edgeCount = 6 * 16
  /// Depth that is summed in registers before memory is touched: 16 KB of a panel stay in L1.
  private static let depthBlock = 256

  /// C[rows x columns] = A B, or C += A B when `adding`; A[rows x depth] is row-major, `aStride`
  /// apart.
  ///
  /// `panels` holds B as [ceil(columns/16)][depth][16], panels `panelStride` floats apart; columns
  /// past the last may hold anything. Panel p of C begins at `c + p * cPanelStride`, its rows
  /// `cStride` apart; `edge` is scratch of `edgeCount` floats, used when columns % 16 != 0.
  @inline(never)
  static func multiply<Lanes: ConvolutionRegisters>(
    rows: Int, columns: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int = 16, adding: Bool,
    edge: MutableFloats, in lanes: Lanes.Type
  ) {
    let (whole, rest) = (columns / 16, columns % 16)
    var k = 0
    while k < depth {
      let chunk = min(depthBlock, depth - k)
      let (from, adds) = (panels + k * 16, adding || k > 0)
      Lanes.multiplyPanels(
        rows: rows, panelCount: whole, depth: chunk, a: a + k, aStride: aStride, panels: from,
        panelStride: panelStride, into: c, cStride: cStride, cPanelStride: cPanelStride,
        adding: adds)
      if rest > 0 {
        Lanes.multiplyEdge(
          transposed: false, rows, width: rest, chunk, a + k, aStride,
          from + whole * panelStride, c + whole * cPanelStride, cStride, adds, edge)
      }
      k += chunk
    }
  }

  /// As `multiply`, with A stored transposed: [depth x rows], `aStride` floats between depths.
  @inline(never)
  static func multiplyTransposed<Lanes: ConvolutionRegisters>(
    rows: Int, columns: Int, depth: Int, a: Floats, aStride: Int, panels: Floats,
    panelStride: Int, into c: MutableFloats, cStride: Int, cPanelStride: Int = 16, adding: Bool,
    edge: MutableFloats, in lanes: Lanes.Type
  ) {
    let (whole, rest) = (columns / 16, columns % 16)
    var k = 0
    while k < depth {
      let chunk = min(depthBlock, depth - k)
      let (from, adds) = (panels + k * 16, adding || k > 0)
      Lanes.multiplyPanelsTransposed(
        rows: rows, panelCount: whole, depth: chunk, a: a + k * aStride, aStride: aStride,
        panels: from, panelStride: panelStride, into: c, cStride: cStride,
        cPanelStride: cPanelStride, adding: adds)
      if rest > 0 {
        Lanes.multiplyEdge(
          transposed: true, rows, width: rest, chunk, a + k * aStride, aStride,
          from + whole * panelStride, c + whole * cPanelStride, cStride, adds, edge)
      }
      k += chunk
    }
  }
}
