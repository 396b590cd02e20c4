/// Products with a row-major B, which is read as it lies, in the registers of AVX2: the twin of
/// `WideRows`. Sums run over the depth in order, as in `NarrowGEMM`.
enum NarrowRows {
  /// C[rows x 16 panelCount] = A B, or C += A B when `adding`, for one chunk of the depth.
  ///
  /// A[rows x depth] and B[depth x 16 panelCount] are row-major, `aStride` and `bStride` apart, as
  /// is C, `cStride`. Lines `fetchOffset` floats behind those of B that are read are asked for.
  @inline(never)
  static func multiply(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    fetchOffset: Int, into c: MutableFloats, cStride: Int, adding: Bool
  ) {
    var first = 0
    if rows < 4 {
      let columns = 16 &* panelCount / RowCombinations.tileColumns &* RowCombinations.tileColumns
      for row in 0..<rows {
        RowCombinations.multiply(
          columns: columns, depth: depth, a: a + row &* aStride, b: b, bStride: bStride,
          fetchOffset: fetchOffset, into: c + row &* cStride, adding: adding)
      }
      first = columns / 16
    }
    for panel in first..<panelCount {
      let (from, to) = (b + 16 &* panel, c + 16 &* panel)
      var row = 0
      while row + 6 <= rows {
        let (a, c) = (a + row &* aStride, to + row &* cStride)
        if row == 0 {
          firstTile(depth, a, aStride, from, bStride, fetchOffset, c, cStride, adding)
        } else {
          NarrowGEMM.tile(
            transposed: false, rows: 6, depth, a, aStride, from, bStep: bStride, c, cStride,
            adding)
        }
        row += 6
      }
      if row < rows {
        remainder(
          rows - row, depth, a + row &* aStride, aStride, from, bStride, to + row &* cStride,
          cStride, adding)
      }
    }
  }

  /// As `multiply`, with A stored transposed: [depth x rows], `aStride` floats between depths;
  /// `pastCaches` leaves C, whose rows begin at whole vectors and are not added to, out of the
  /// caches.
  @inline(never)
  static func multiplyTransposed(
    rows: Int, panelCount: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool, pastCaches: Bool
  ) {
    for row in stride(from: 0, to: rows, by: 6) {
      let count = min(6, rows - row)
      let (a, target) = (a + row, c + row &* cStride)
      for panel in 0..<panelCount {
        let (from, to) = (b + 16 &* panel, target + 16 &* panel)
        if count < 6 {
          transposedRemainder(count, depth, a, aStride, from, bStride, to, cStride, adding)
        } else if pastCaches {
          NarrowGEMM.tile(
            transposed: true, rows: 6, pastCaches: true, depth, a, aStride, from, bStep: bStride,
            to, cStride, false)
        } else {
          NarrowGEMM.tile(
            transposed: true, rows: 6, depth, a, aStride, from, bStep: bStride, to, cStride,
            adding)
        }
      }
    }
  }

  // Functions of their own, or inlining stops.

  @inline(never)
  private static func firstTile(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ fetchOffset: Int,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    NarrowGEMM.tile(
      transposed: false, rows: 6, depth, a, aStride, b, bStep: bStride, nextPanel: fetchOffset, c,
      cStride, adding)
  }

  /// The last one to five rows, as 4 + 2 + 1.
  @inline(never)
  private static func remainder(
    _ rows: Int, _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    var (a, c) = (a, c)
    @inline(__always) func tile(_ count: Int) {
      NarrowGEMM.tile(
        transposed: false, rows: count, depth, a, aStride, b, bStep: bStride, c, cStride, adding)
      a += count &* aStride
      c += count &* cStride
    }
    if rows & 4 != 0 { tile(4) }
    if rows & 2 != 0 { tile(2) }
    if rows & 1 != 0 { tile(1) }
  }

  @inline(never)
  private static func transposedRemainder(
    _ rows: Int, _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    var (a, c) = (a, c)
    @inline(__always) func tile(_ count: Int) {
      NarrowGEMM.tile(
        transposed: true, rows: count, depth, a, aStride, b, bStep: bStride, c, cStride, adding)
      a += count
      c += count &* cStride
    }
    if rows & 4 != 0 { tile(4) }
    if rows & 2 != 0 { tile(2) }
    if rows & 1 != 0 { tile(1) }
  }
}
