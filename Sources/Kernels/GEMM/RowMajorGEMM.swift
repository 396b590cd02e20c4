private import CProcessor

/// Products with a row-major B that lies in memory rather than in cache, for dense layers: B is
/// read once, as it lies, while the results stay in registers.
///
/// Every element is summed in the order of the depth, in chunks of 256, as in `GEMMKernel`: cutting
/// rows or columns differently gives the same bits, and so do registers of either width.
enum RowMajorGEMM {
  /// Depth that is summed in registers before memory is touched.
  private static let depthBlock = 256
  /// Columns of B that are read from memory together, to take more than a line of a row.
  private static let columnBlock = 128
  /// Up to so many columns the rows that follow are asked for, above the columns that follow.
  private static let fewColumns = 1024
  /// Columns that the rows of a transposed A pass while B stays in the second cache.
  private static let transposedColumnBlock = 1024
  /// Results of more floats than this, 24 MB, leave the caches before anybody reads them.
  private static let cachedCount = 6 << 20

  /// C[rows x columns] = A B, or C += A B when `adding`; A[rows x depth], B[depth x columns] and C
  /// are row-major, `aStride`, `bStride` and `cStride` apart.
  @inline(never)
  static func multiply<Lanes: Registers>(
    rows: Int, columns: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool, in lanes: Lanes.Type
  ) {
    let whole = columns / 16 * 16
    var k = 0
    while k < depth {
      let chunk = min(depthBlock, depth - k)
      let (from, adds) = (b + k * bStride, adding || k > 0)
      for column in stride(from: 0, to: whole, by: columnBlock) {
        Lanes.multiplyRows(
          rows: rows, panelCount: min(columnBlock, whole - column) / 16, depth: chunk, a: a + k,
          aStride: aStride, b: from + column, bStride: bStride,
          fetchOffset: columns <= fewColumns ? chunk * bStride : columnBlock, into: c + column,
          cStride: cStride, adding: adds)
      }
      multiplyEdge(
        rows, width: columns - whole, chunk, a + k, rowStep: aStride, depthStep: 1, from + whole,
        bStride, c + whole, cStride, adds)
      k += chunk
    }
  }

  /// As `multiply`, with A stored transposed: [depth x rows], `aStride` floats between depths.
  @inline(never)
  static func multiplyTransposed<Lanes: Registers>(
    rows: Int, columns: Int, depth: Int, a: Floats, aStride: Int, b: Floats, bStride: Int,
    into c: MutableFloats, cStride: Int, adding: Bool, in lanes: Lanes.Type
  ) {
    let whole = columns / 16 * 16
    let passesCaches =
      !adding && depth <= depthBlock && rows * columns > cachedCount && cStride % 16 == 0
      && UInt(bitPattern: c) % 64 == 0
    var k = 0
    while k < depth {
      let chunk = min(depthBlock, depth - k)
      let (from, to, adds) = (a + k * aStride, b + k * bStride, adding || k > 0)
      for column in stride(from: 0, to: whole, by: transposedColumnBlock) {
        Lanes.multiplyRowsTransposed(
          rows: rows, panelCount: min(transposedColumnBlock, whole - column) / 16, depth: chunk,
          a: from, aStride: aStride, b: to + column, bStride: bStride, into: c + column,
          cStride: cStride, adding: adds, pastCaches: passesCaches)
      }
      multiplyEdge(
        rows, width: columns - whole, chunk, from, rowStep: 1, depthStep: aStride, to + whole,
        bStride, c + whole, cStride, adds)
      k += chunk
    }
    if passesCaches { cprocessor_finish_stores() }
  }

  /// The last `width` (0...15) columns, eight at a time.
  @inline(never)
  private static func multiplyEdge(
    _ rows: Int, width: Int, _ depth: Int, _ a: Floats, rowStep: Int, depthStep: Int, _ b: Floats,
    _ bStride: Int, _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    for column in stride(from: 0, to: width, by: 8) {
      let count = min(8, width - column)
      for row in 0..<rows {
        var sum = Vector8()
        for k in 0..<depth {
          sum = sum.adding(
            Vector8(b + k * bStride + column, count: count),
            times: a[row * rowStep + k * depthStep])
        }
        let target = c + row * cStride + column
        if adding { sum += Vector8(target, count: count) }
        sum.store(target, count: count)
      }
    }
  }
}
