private import CProcessor
private import KernelsAVX512

/// Products of matrices that lie in cache, for the convolutions: 6 x 16 results at a time stay in
/// twelve registers while A is broadcast from where it lies and B streams from panels 16 wide.
///
/// Every element is summed in the order of the depth, in chunks of 256, whatever the other
/// dimensions are: cutting rows or columns differently gives the same bits, and so do the wider
/// registers of `WideGEMM`.
package enum GEMMKernel {
  /// Floats of scratch that a product needs when its columns are no multiple of 16.
  package static let edgeCount = 6 * 16
  /// Up to so many rows a product waits for its panels: their lines are asked for in advance.
  private static let fewRows = 32
  /// Depth that is summed in registers before memory is touched: 16 KB of a panel stay in L1.
  static let depthBlock = 256

  /// C[rows x columns] = A B, or C += A B when `adding`; A[rows x depth] is row-major, `aStride` apart.
  ///
  /// `panels` holds B as [ceil(columns/16)][depth][16], panels `panelStride` floats apart; columns past
  /// the last may hold anything. Panel p of C begins at `c + p * cPanelStride`, its rows `cStride`
  /// apart; `edge` is scratch of `edgeCount` floats, used when columns % 16 != 0.
  @inline(never)
  package static func multiply(
    rows: Int, columns: Int, depth: Int, a: UnsafePointer<Float>, aStride: Int,
    panels: UnsafePointer<Float>, panelStride: Int, into c: UnsafeMutablePointer<Float>,
    cStride: Int, cPanelStride: Int = 16, adding: Bool, edge: UnsafeMutablePointer<Float>,
    usesWideRegisters: Bool = WideRegisters.areUsed
  ) {
    product(
      usesWideRegisters, transposed: false, rows, columns, depth, a, aStride, panels, panelStride,
      c, cStride,
      cPanelStride, adding, edge)
  }

  /// As `multiply`, with A stored transposed: [depth x rows], `aStride` floats between depths.
  @inline(never)
  package static func multiplyTransposed(
    rows: Int, columns: Int, depth: Int, a: UnsafePointer<Float>, aStride: Int,
    panels: UnsafePointer<Float>, panelStride: Int, into c: UnsafeMutablePointer<Float>,
    cStride: Int, cPanelStride: Int = 16, adding: Bool, edge: UnsafeMutablePointer<Float>,
    usesWideRegisters: Bool = WideRegisters.areUsed
  ) {
    product(
      usesWideRegisters, transposed: true, rows, columns, depth, a, aStride, panels, panelStride, c,
      cStride,
      cPanelStride, adding, edge)
  }

  /// Panels outside, rows inside: one chunk of a panel in L1 meets every row of A in L2.
  @inline(__always)
  private static func product(
    _ usesWideRegisters: Bool, transposed: Bool, _ rows: Int, _ columns: Int, _ depth: Int,
    _ a: Floats, _ aStride: Int,
    _ panels: Floats, _ panelStride: Int, _ c: MutableFloats, _ cStride: Int,
    _ cPanelStride: Int, _ adding: Bool, _ edge: MutableFloats
  ) {
    var k = 0
    while k < depth {
      let chunk = min(depthBlock, depth - k)
      let adds = adding || k > 0
      let aChunk = transposed ? a + k * aStride : a + k
      var column = 0
      if usesWideRegisters {
        let whole = columns / 16
        if transposed {
          WideGEMM.multiplyTransposed(
            rows: rows, panelCount: whole, depth: chunk, a: aChunk, aStride: aStride,
            panels: panels + k * 16, panelStride: panelStride, into: c, cStride: cStride,
            cPanelStride: cPanelStride, adding: adds)
        } else {
          WideGEMM.multiply(
            rows: rows, panelCount: whole, depth: chunk, a: aChunk, aStride: aStride,
            panels: panels + k * 16, panelStride: panelStride, into: c, cStride: cStride,
            cPanelStride: cPanelStride, adding: adds)
        }
        column = whole * 16
      }
      while column < columns {
        let panel = column / 16
        let b = panels + panel * panelStride + k * 16
        let target = c + panel * cPanelStride
        let width = min(16, columns - column)
        let isWhole = width == 16

        var row = 0
        while row < rows {
          let count = min(6, rows - row)
          let rowTarget = target + row &* cStride
          let aTile = transposed ? aChunk + row : aChunk + row &* aStride
          let (to, toStride) = isWhole ? (rowTarget, cStride) : (edge, 16)
          if count == 6 && row == 0 && !transposed && rows <= fewRows {
            firstTile(chunk, aTile, aStride, b, panelStride, to, toStride, isWhole && adds)
          } else if count == 6 {
            microTile(
              transposed: transposed, rows: 6, chunk, aTile, aStride, b, to, toStride,
              isWhole && adds)
          } else {
            remainder(
              transposed: transposed, rows: count, chunk, aTile, aStride, b, to, toStride,
              isWhole && adds)
          }
          if !isWhole { copyEdge(edge, count, width, into: rowTarget, cStride, adds) }
          row += 6
        }
        column += 16
      }
      k += chunk
    }
  }

  /// The first six rows that meet a panel, while the next panel is brought to the second cache:
  /// products of few rows wait for weights, and the processor looks no further than a page.
  @inline(never)
  private static func firstTile(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ panelStride: Int,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    microTile(
      transposed: false, rows: 6, depth, a, aStride, b, nextPanel: panelStride, c, cStride, adding)
  }

  /// The last one to five rows, as 4 + 2 + 1; a function of its own, or inlining stops.
  @inline(never)
  private static func remainder(
    transposed: Bool, rows: Int, _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    let rowStep = transposed ? 1 : aStride
    var (a, c) = (a, c)
    if rows & 4 != 0 {
      microTile(transposed: transposed, rows: 4, depth, a, aStride, b, c, cStride, adding)
      a += 4 &* rowStep
      c += 4 &* cStride
    }
    if rows & 2 != 0 {
      microTile(transposed: transposed, rows: 2, depth, a, aStride, b, c, cStride, adding)
      a += 2 &* rowStep
      c += 2 &* cStride
    }
    if rows & 1 != 0 {
      microTile(transposed: transposed, rows: 1, depth, a, aStride, b, c, cStride, adding)
    }
  }

  @inline(never)
  private static func copyEdge(
    _ edge: Floats, _ rows: Int, _ width: Int, into c: MutableFloats, _ cStride: Int,
    _ adding: Bool
  ) {
    for i in 0..<rows {
      let target = c + i * cStride
      for j in 0..<width {
        target[j] = adding ? target[j] + edge[i * 16 + j] : edge[i * 16 + j]
      }
    }
  }

  /// One tile of C: `rows` (1 to 6, a constant where this is inlined) x 16; `nextPanel` floats behind
  /// those of B that are read, lines are fetched.
  ///
  /// The accumulators are named variables, not an array, so that they live in registers; the depth
  /// is unrolled by hand because LLVM does not (28 instead of 22 instructions a step).
  @inline(__always)
  private static func microTile(
    transposed: Bool, rows: Int, _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats,
    nextPanel: Int? = nil, _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    var (c00, c01, c10, c11) = (Vector8(), Vector8(), Vector8(), Vector8())
    var (c20, c21, c30, c31) = (Vector8(), Vector8(), Vector8(), Vector8())
    var (c40, c41, c50, c51) = (Vector8(), Vector8(), Vector8(), Vector8())
    let rowStep = transposed ? 1 : aStride
    let depthStep = transposed ? aStride : 1
    // Base + {1, 2, 4} x register are addresses of x86; 3 and 5 rows on need registers of their own.
    let (threeRows, fiveRows) = (3 &* rowStep, 5 &* rowStep)

    @inline(__always)
    func row(_ a: Float, _ b0: Vector8, _ b1: Vector8, _ x: inout Vector8, _ y: inout Vector8) {
      let broadcast = Vector8(repeating: a)
      x = x.addingProduct(broadcast, b0)
      y = y.addingProduct(broadcast, b1)
    }
    @inline(__always) func step(_ p: Floats, _ q: Floats) {
      let (b0, b1) = (q[vector: 0], q[vector: 8])
      if let nextPanel { cprocessor_fetch(q + nextPanel) }
      row(p[0], b0, b1, &c00, &c01)
      if rows > 1 { row(p[rowStep], b0, b1, &c10, &c11) }
      if rows > 2 { row(p[2 &* rowStep], b0, b1, &c20, &c21) }
      if rows > 3 { row(p[threeRows], b0, b1, &c30, &c31) }
      if rows > 4 { row(p[4 &* rowStep], b0, b1, &c40, &c41) }
      if rows > 5 { row(p[fiveRows], b0, b1, &c50, &c51) }
    }
    var (p, q, left) = (a, b, depth)
    while left >= 4 {
      step(p, q)
      step(p + depthStep, q + 16)
      step(p + 2 &* depthStep, q + 32)
      step(p + 3 &* depthStep, q + 48)
      p += 4 &* depthStep
      q += 64
      left -= 4
    }
    while left > 0 {
      step(p, q)
      p += depthStep
      q += 16
      left -= 1
    }

    @inline(__always) func add(_ i: Int, _ x: inout Vector8, _ y: inout Vector8) {
      x += c[vector: i &* cStride]
      y += c[vector: i &* cStride &+ 8]
    }
    if adding {
      add(0, &c00, &c01)
      if rows > 1 { add(1, &c10, &c11) }
      if rows > 2 { add(2, &c20, &c21) }
      if rows > 3 { add(3, &c30, &c31) }
      if rows > 4 { add(4, &c40, &c41) }
      if rows > 5 { add(5, &c50, &c51) }
    }
    @inline(__always) func finish(_ i: Int, _ x: Vector8, _ y: Vector8) {
      c[vector: i &* cStride] = x
      c[vector: i &* cStride &+ 8] = y
    }
    finish(0, c00, c01)
    if rows > 1 { finish(1, c10, c11) }
    if rows > 2 { finish(2, c20, c21) }
    if rows > 3 { finish(3, c30, c31) }
    if rows > 4 { finish(4, c40, c41) }
    if rows > 5 { finish(5, c50, c51) }
  }
}
