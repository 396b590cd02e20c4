/// Products with a row-major B, which is read as it lies, in the registers of AVX-512: the twin of
/// `NarrowRows`. Sums run over the depth in order, as in `WideGEMM`.
package enum WideRows {
  /// C[rows x 16 panelCount] = A B, or C += A B when `adding`, for one chunk of the depth.
  ///
  /// A[rows x depth] and B[depth x 16 panelCount] are row-major, `aStride` and `bStride` apart, as
  /// is C, `cStride`. Lines `fetchOffset` floats behind those of B that are read are asked for.
  @inline(never)
  package static func multiply(
    rows: Int, panelCount: Int, depth: Int, a: UnsafePointer<Float>, aStride: Int,
    b: UnsafePointer<Float>, bStride: Int, fetchOffset: Int, into c: UnsafeMutablePointer<Float>,
    cStride: Int, adding: Bool
  ) {
    var panel = 0
    if rows < 4 {
      let columns = 16 &* panelCount / RowCombinations.tileColumns &* RowCombinations.tileColumns
      for row in 0..<rows {
        RowCombinations.multiply(
          columns: columns, depth: depth, a: a + row &* aStride, b: b, bStride: bStride,
          fetchOffset: fetchOffset, into: c + row &* cStride, adding: adding)
      }
      panel = columns / 16
    }
    while panel < panelCount {
      let (from, to) = (b + 16 &* panel, c + 16 &* panel)
      if panel + 1 == panelCount {
        single(rows, depth, a, aStride, 1, from, bStride, to, cStride, adding)
        return
      }
      var row = 0
      while row + 12 <= rows {
        let (a, c) = (a + row &* aStride, to + row &* cStride)
        if row == 0 {
          firstTile(depth, a, aStride, from, bStride, fetchOffset, c, cStride, adding)
        } else {
          pair(depth, a, aStride, 1, from, bStride, c, cStride, adding)
        }
        row += 12
      }
      if row < rows {
        pairRemainder(
          rows - row, depth, a + row &* aStride, aStride, 1, from, bStride, to + row &* cStride,
          cStride, adding)
      }
      panel += 2
    }
  }

  /// As `multiply`, with A stored transposed: [depth x rows], `aStride` floats between depths;
  /// `pastCaches` leaves C, whose rows begin at whole lines and are not added to, out of the
  /// caches.
  @inline(never)
  package static func multiplyTransposed(
    rows: Int, panelCount: Int, depth: Int, a: UnsafePointer<Float>, aStride: Int,
    b: UnsafePointer<Float>, bStride: Int, into c: UnsafeMutablePointer<Float>, cStride: Int,
    adding: Bool, pastCaches: Bool
  ) {
    var row = 0
    while row < rows {
      let count = min(12, rows - row)
      let (a, target) = (a + row, c + row &* cStride)
      var panel = 0
      while panel < panelCount {
        let (from, to) = (b + 16 &* panel, target + 16 &* panel)
        if panel + 1 == panelCount {
          single(count, depth, a, 1, aStride, from, bStride, to, cStride, adding)
        } else if count < 12 {
          pairRemainder(count, depth, a, 1, aStride, from, bStride, to, cStride, adding)
        } else if pastCaches {
          pairPastCaches(depth, a, aStride, from, bStride, to, cStride)
        } else {
          pair(depth, a, 1, aStride, from, bStride, to, cStride, adding)
        }
        panel += 2
      }
      row += 12
    }
  }

  // Functions of their own from here on, as in `WideGEMM`.

  @inline(never)
  private static func firstTile(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ fetchOffset: Int,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    WideGEMM.tile(
      rows: 12, pair: true, fetchOffset: fetchOffset, depth, a, aStride, 1, b, bStep: bStride, 16,
      c, cStride, 16, adding)
  }

  @inline(never)
  private static func pair(
    _ depth: Int, _ a: Floats, _ rowStep: Int, _ depthStep: Int, _ b: Floats, _ bStride: Int,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    WideGEMM.tile(
      rows: 12, pair: true, depth, a, rowStep, depthStep, b, bStep: bStride, 16, c, cStride, 16,
      adding)
  }

  @inline(never)
  private static func pairPastCaches(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ c: MutableFloats,
    _ cStride: Int
  ) {
    WideGEMM.tile(
      rows: 12, pair: true, pastCaches: true, depth, a, 1, aStride, b, bStep: bStride, 16, c,
      cStride, 16, false)
  }

  /// One to eleven rows with a pair of panels, as 8 + 4 + 2 + 1.
  @inline(never)
  private static func pairRemainder(
    _ rows: Int, _ depth: Int, _ a: Floats, _ rowStep: Int, _ depthStep: Int, _ b: Floats,
    _ bStride: Int, _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    var (a, c) = (a, c)
    @inline(__always) func tile(_ count: Int) {
      WideGEMM.tile(
        rows: count, pair: true, depth, a, rowStep, depthStep, b, bStep: bStride, 16, c, cStride,
        16, adding)
      a += count &* rowStep
      c += count &* cStride
    }
    if rows & 8 != 0 { tile(8) }
    if rows & 4 != 0 { tile(4) }
    if rows & 2 != 0 { tile(2) }
    if rows & 1 != 0 { tile(1) }
  }

  /// Any rows with the last panel of an odd number.
  @inline(never)
  private static func single(
    _ rows: Int, _ depth: Int, _ a: Floats, _ rowStep: Int, _ depthStep: Int, _ b: Floats,
    _ bStride: Int, _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    var (a, c, left) = (a, c, rows)
    @inline(__always) func tile(_ count: Int) {
      WideGEMM.tile(
        rows: count, pair: false, depth, a, rowStep, depthStep, b, bStep: bStride, 0, c, cStride,
        0, adding)
      a += count &* rowStep
      c += count &* cStride
      left -= count
    }
    while left >= 8 { tile(8) }
    if left & 4 != 0 { tile(4) }
    if left & 2 != 0 { tile(2) }
    if left & 1 != 0 { tile(1) }
  }
}
