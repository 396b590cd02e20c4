private import CProcessor

/// Products of two row-major matrices along their rows, A B^T, which read both as they lie: what a
/// dense layer with weights [outputs][inputs] makes of its input.
///
/// Every sum is sixteen sums, of the depths that are equal modulo 16, over `depthBlock` depths;
/// these are added in one order, and blocks one after the other. So an element has the same bits
/// in registers of either width, however many rows and columns there are.
package enum DotProducts {
  /// Depths that are summed in registers before memory is touched.
  private static var depthBlock: Int { 512 }
  /// Floats of rows of B that stay in the second cache while all rows of A pass, beside as many
  /// that are asked for meanwhile.
  private static var blockCount: Int { 32_768 }
  /// Rows of A in a tile, of which the sums of three rows of B fill the registers.
  private static var tileRows: Int { Vector.width / 2 }

  /// C[rows x columns] = A B^T, or C += A B^T when `adding`; A is [rows x depth] and B
  /// [columns x depth], `aStride` and `bStride` apart. Row and column of C are `cRowStep` and
  /// `cColumnStep` apart.
  @inline(never)
  package static func multiply(
    rows: Int, columns: Int, depth: Int, a: UnsafePointer<Float>, aStride: Int,
    b: UnsafePointer<Float>, bStride: Int, into c: UnsafeMutablePointer<Float>, cRowStep: Int,
    cColumnStep: Int, adding: Bool
  ) {
    if rows < 4 && columns > rows {
      // Few rows meet many at a time rather than three.
      product(
        Operands(count: columns, a: b, stride: bStride),
        Operands(count: rows, a: a, stride: aStride), depth,
        Target(c: c, rowStep: cColumnStep, columnStep: cRowStep, adding: adding))
    } else {
      product(
        Operands(count: rows, a: a, stride: aStride),
        Operands(count: columns, a: b, stride: bStride), depth,
        Target(c: c, rowStep: cRowStep, columnStep: cColumnStep, adding: adding))
    }
  }

  /// Rows of one of the two matrices.
  private struct Operands {
    var count: Int
    var a: Floats
    var stride: Int
  }

  private struct Target {
    var c: MutableFloats
    var rowStep, columnStep: Int
    var adding: Bool
  }

  private static func product(_ a: Operands, _ b: Operands, _ depth: Int, _ target: Target) {
    var lanes = TileLanes()
    withUnsafeMutableBytes(of: &lanes) { memory in
      let lanes = memory.baseAddress!.assumingMemoryBound(to: Float.self)
      // Rows of A that meet few of B are read from end to end, all others a block of depths at a
      // time.
      let rowBlock = b.count <= 3 ? tileRows : a.count
      for row in stride(from: 0, to: a.count, by: rowBlock) {
        var to = target
        to.c += row &* target.rowStep
        var k = 0
        while k < depth {
          let chunk = min(depthBlock, depth &- k)
          to.adding = target.adding || k > 0
          multiplyChunk(
            Operands(
              count: min(rowBlock, a.count &- row), a: a.a + row &* a.stride + k,
              stride: a.stride), Operands(count: b.count, a: b.a + k, stride: b.stride), chunk, to,
            followsMore: k + chunk < depth, lanes)
          k += chunk
        }
      }
    }
  }

  /// A block of depths: rows of B by as many as the second cache keeps; `followsMore` says whether
  /// another block of depths comes after it.
  private static func multiplyChunk(
    _ a: Operands, _ b: Operands, _ depth: Int, _ target: Target, followsMore: Bool,
    _ lanes: MutableFloats
  ) {
    let block = max(24, blockCount / depth / 3 * 3)
    var to = target
    var column = 0
    while column < b.count {
      let count = min(block, b.count &- column)
      let from = b.a + column &* b.stride
      let isLast = column &+ count == b.count
      multiplyBlock(
        a, Operands(count: count, a: from, stride: b.stride), depth, to,
        next: isLast && followsMore ? b.a + depth : from + count &* b.stride, lanes)
      to.c += count &* to.columnStep
      column += count
    }
  }

  /// All rows of A with some of B: rows of A outside, which stay in the first cache.
  ///
  /// Meanwhile the rows of B that come `next` are asked for, a third of them in each pass, and the
  /// rows of C that are written next, so that memory works as evenly as the registers.
  private static func multiplyBlock(
    _ a: Operands, _ b: Operands, _ depth: Int, _ target: Target, next: Floats,
    _ lanes: MutableFloats
  ) {
    let passes = (a.count &+ tileRows &- 1) / tileRows
    let fetchedRows = passes >= 3 ? 1 : passes == 2 ? 2 : 3
    var (row, pass) = (0, 0)
    while row < a.count {
      let left = a.count &- row
      let rows = left >= tileRows ? tileRows : left >= 4 ? 4 : left >= 2 ? 2 : 1
      let from = a.a + row &* a.stride
      let to = target.c + row &* target.rowStep
      let firstFetched = pass &* fetchedRows
      let fetches = rows == tileRows ? max(0, min(fetchedRows, 3 &- firstFetched)) : 0
      // Lines of the tiles below: of each of their rows in turn.
      let following = target.columnStep == 1 ? min(tileRows, left &- rows) : 0
      var fetched = 0
      var column = 0
      while column < b.count {
        let columns = min(3, b.count &- column)
        let other = b.a + column &* b.stride
        while fetched &* 16 < following &* (column &+ columns) {
          let (line, row) = (fetched / following, fetched % following)
          cprocessor_fetch(to + (rows &+ row) &* target.rowStep + 16 &* line)
          fetched &+= 1
        }
        sums(
          rows, columns, fetches, depth, from, a.stride, other, b.stride,
          next + (column &+ firstFetched) &* b.stride, lanes)
        if depth % 16 != 0 {
          addRest(rows, columns, depth, from, a.stride, other, b.stride, lanes)
        }
        TileLanes.write(
          lanes, rows: rows, columns: columns, into: to + column &* target.columnStep,
          rowStep: target.rowStep, columnStep: target.columnStep, adding: target.adding)
        column += columns
      }
      row += rows
      pass += 1
    }
  }

  /// The sixteen sums of every element of a tile, over the whole sixteens of `depth`; whole tiles
  /// ask for `fetches` rows of `next`.
  @inline(__always)
  private static func sums(
    _ rows: Int, _ columns: Int, _ fetches: Int, _ depth: Int, _ a: Floats, _ aStride: Int,
    _ b: Floats, _ bStride: Int, _ next: Floats, _ lanes: MutableFloats
  ) {
    if rows == tileRows && columns == 1 {
      stream(depth, a, aStride, b, lanes)
      return
    }
    var lane = 0
    while lane < 16 {
      let (a, b, lanes) = (a + lane, b + lane, lanes + lane)
      switch (rows, columns) {
      case (tileRows, 3) where lane == 0 && fetches == 1:
        fetchingOne(depth, a, aStride, b, bStride, next, lanes)
      case (tileRows, 3) where lane == 0 && fetches == 2:
        fetchingTwo(depth, a, aStride, b, bStride, next, lanes)
      case (tileRows, 3) where lane == 0 && fetches == 3:
        fetchingThree(depth, a, aStride, b, bStride, next, lanes)
      case (8, 3): eightByThree(depth, a, aStride, b, bStride, lanes)
      case (8, _): eightByTwo(depth, a, aStride, b, bStride, lanes)
      case (4, 3) where lane == 8: fourByThreeAgain(depth, a, aStride, b, bStride, lanes)
      case (4, 3): fourByThree(depth, a, aStride, b, bStride, lanes)
      case (2, 3): twoByThree(depth, a, aStride, b, bStride, lanes)
      case (1, 3): oneByThree(depth, a, aStride, b, bStride, lanes)
      default: few(rows, columns, depth, a, aStride, b, bStride, lanes)
      }
      lane += Vector.width
    }
  }

  // Functions of their own, whose sizes are constants: where a caller grows too large, inlining
  // stops.

  @inline(never)
  private static func fetchingOne(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ next: Floats,
    _ lanes: MutableFloats
  ) {
    tile(
      rows: tileRows, columns: 3, fetches: 1, depth, a, aStride, b, bStride, next: next, lanes)
  }

  @inline(never)
  private static func fetchingTwo(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ next: Floats,
    _ lanes: MutableFloats
  ) {
    tile(
      rows: tileRows, columns: 3, fetches: 2, depth, a, aStride, b, bStride, next: next, lanes)
  }

  @inline(never)
  private static func fetchingThree(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ next: Floats,
    _ lanes: MutableFloats
  ) {
    tile(
      rows: tileRows, columns: 3, fetches: 3, depth, a, aStride, b, bStride, next: next, lanes)
  }

  /// All sixteen sums of `tileRows` elements of one column, which fit the registers of either
  /// width; rows of A come from memory, each read once.
  @inline(never)
  private static func stream(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ lanes: MutableFloats
  ) {
    let threeRows = 3 &* aStride
    var (low, high) = (DotSums(), DotSums())

    @inline(__always) func four(_ p: Floats, _ b: Floats, _ sums: inout DotSums.Four) {
      let b = b[vector: 0]
      sums.0 = sums.0.addingProduct(p[vector: 0], b)
      sums.1 = sums.1.addingProduct(p[vector: aStride], b)
      sums.2 = sums.2.addingProduct(p[vector: 2 &* aStride], b)
      sums.3 = sums.3.addingProduct(p[vector: threeRows], b)
    }
    var (p, q, other, left) = (a, a + 4 &* aStride, b, depth)
    while left >= 16 {
      four(p, other, &low.low)
      if Vector.width == 16 {
        four(q, other, &low.high)
      } else {
        four(p + 8, other + 8, &high.low)
      }
      p += 16
      q += 16
      other += 16
      left -= 16
    }
    low.store(lanes, rows: tileRows)
    if Vector.width == 8 { high.store(lanes + 8, rows: tileRows) }
  }

  @inline(never)
  private static func eightByThree(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) { tile(rows: 8, columns: 3, depth, a, aStride, b, bStride, lanes) }

  @inline(never)
  private static func eightByTwo(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) { tile(rows: 8, columns: 2, depth, a, aStride, b, bStride, lanes) }

  @inline(never)
  private static func fourByThree(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) { tile(rows: 4, columns: 3, depth, a, aStride, b, bStride, lanes) }

  /// The other half of the sums, of rows of B that are in the first cache by now: time to ask for
  /// the three that follow.
  @inline(never)
  private static func fourByThreeAgain(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) { tile(rows: 4, columns: 3, asksForNextThree: true, depth, a, aStride, b, bStride, lanes) }

  @inline(never)
  private static func twoByThree(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) { tile(rows: 2, columns: 3, depth, a, aStride, b, bStride, lanes) }

  @inline(never)
  private static func oneByThree(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) { tile(rows: 1, columns: 3, depth, a, aStride, b, bStride, lanes) }

  /// Up to four rows and up to two columns, where a matrix ends.
  @inline(never)
  private static func few(
    _ rows: Int, _ columns: Int, _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats,
    _ bStride: Int, _ lanes: MutableFloats
  ) {
    switch (rows, columns) {
    case (4, 2): tile(rows: 4, columns: 2, depth, a, aStride, b, bStride, lanes)
    case (4, _): tile(rows: 4, columns: 1, depth, a, aStride, b, bStride, lanes)
    case (2, 2): tile(rows: 2, columns: 2, depth, a, aStride, b, bStride, lanes)
    case (2, _): tile(rows: 2, columns: 1, depth, a, aStride, b, bStride, lanes)
    case (_, 2): tile(rows: 1, columns: 2, depth, a, aStride, b, bStride, lanes)
    default: tile(rows: 1, columns: 1, depth, a, aStride, b, bStride, lanes)
    }
  }

  /// `Vector.width` of the sixteen sums of `rows` (8, 4, 2 or 1) x `columns` (3, 2 or 1) elements;
  /// `fetches` rows of `next` are asked for from memory, and the next three of B from the second
  /// cache where it `asksForNextThree`.
  @inline(__always)
  private static func tile(
    rows: Int, columns: Int, asksForNextThree: Bool = false, fetches: Int = 0, _ depth: Int,
    _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, next: Floats? = nil,
    _ lanes: MutableFloats
  ) {
    let threeRows = 3 &* aStride
    var (x, y, z) = (DotSums(), DotSums(), DotSums())

    @inline(__always) func step(_ p: Floats, _ q: Floats, _ b: Floats, _ next: Floats) {
      let b0 = b[vector: 0]
      let b1 = columns > 1 ? b[vector: bStride] : b0
      let b2 = columns > 2 ? b[vector: 2 &* bStride] : b0
      if asksForNextThree {
        let near = b + 3 &* bStride
        cprocessor_fetch_near(near)
        cprocessor_fetch_near(near + bStride)
        cprocessor_fetch_near(near + 2 &* bStride)
      }
      if fetches > 0 { cprocessor_fetch(next) }
      if fetches > 1 { cprocessor_fetch(next + bStride) }
      if fetches > 2 { cprocessor_fetch(next + 2 &* bStride) }
      @inline(__always)
      func row(_ a: Vector, _ x: inout Vector, _ y: inout Vector, _ z: inout Vector) {
        x = x.addingProduct(a, b0)
        if columns > 1 { y = y.addingProduct(a, b1) }
        if columns > 2 { z = z.addingProduct(a, b2) }
      }
      row(p[vector: 0], &x.low.0, &y.low.0, &z.low.0)
      if rows > 1 { row(p[vector: aStride], &x.low.1, &y.low.1, &z.low.1) }
      if rows > 2 {
        row(p[vector: 2 &* aStride], &x.low.2, &y.low.2, &z.low.2)
        row(p[vector: threeRows], &x.low.3, &y.low.3, &z.low.3)
      }
      if rows > 4 {
        row(q[vector: 0], &x.high.0, &y.high.0, &z.high.0)
        row(q[vector: aStride], &x.high.1, &y.high.1, &z.high.1)
        row(q[vector: 2 &* aStride], &x.high.2, &y.high.2, &z.high.2)
        row(q[vector: threeRows], &x.high.3, &y.high.3, &z.high.3)
      }
    }
    var (p, q, other, fetched, left) = (a, a + 4 &* aStride, b, next ?? b, depth)
    while left >= 32 {
      step(p, q, other, fetched)
      step(p + 16, q + 16, other + 16, fetched + 16)
      p += 32
      q += 32
      other += 32
      fetched += 32
      left -= 32
    }
    if left >= 16 { step(p, q, other, fetched) }
    x.store(lanes, rows: rows)
    if columns > 1 { y.store(lanes + 16 &* rows, rows: rows) }
    if columns > 2 { z.store(lanes + 32 &* rows, rows: rows) }
  }

  /// Adds what is left of `depth` behind its whole sixteens.
  @inline(never)
  private static func addRest(
    _ rows: Int, _ columns: Int, _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats,
    _ bStride: Int, _ lanes: MutableFloats
  ) {
    let whole = depth & ~15
    for column in 0..<columns {
      for row in 0..<rows {
        let (x, y) = (a + row &* aStride + whole, b + column &* bStride + whole)
        let sums = lanes + 16 &* (column &* rows &+ row)
        for i in 0..<(depth &- whole) { sums[i] = sums[i].addingProduct(x[i], y[i]) }
      }
    }
  }
}
