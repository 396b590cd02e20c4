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
  /// Floats of rows of B that stay in the second cache while all rows of A pass.
  private static var blockCount: Int { 49_152 }
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
        Operands(count: rows, a: a, stride: aStride), depth, Target(c: c, rowStep: cColumnStep, columnStep: cRowStep, adding: adding))
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
            lanes)
          k += chunk
        }
      }
    }
  }

  /// A block of depths: rows of B by as many as the second cache keeps.
  private static func multiplyChunk(
    _ a: Operands, _ b: Operands, _ depth: Int, _ target: Target, _ lanes: MutableFloats
  ) {
    let block = max(24, blockCount / depth / 3 * 3)
    var to = target
    var column = 0
    while column < b.count {
      let count = min(block, b.count &- column)
      multiplyBlock(
        a, Operands(count: count, a: b.a + column &* b.stride, stride: b.stride), depth, to, lanes)
      to.c += count &* to.columnStep
      column += count
    }
  }

  /// All rows of A with some of B: rows of A outside, which stay in the first cache.
  private static func multiplyBlock(
    _ a: Operands, _ b: Operands, _ depth: Int, _ target: Target, _ lanes: MutableFloats
  ) {
    var row = 0
    while row < a.count {
      let left = a.count &- row
      let rows = left >= tileRows ? tileRows : left >= 4 ? 4 : left >= 2 ? 2 : 1
      let from = a.a + row &* a.stride
      let to = target.c + row &* target.rowStep
      var column = 0
      while column < b.count {
        let columns = min(3, b.count &- column)
        let other = b.a + column &* b.stride
        sums(rows, columns, row == 0, depth, from, a.stride, other, b.stride, lanes)
        if depth % 16 != 0 {
          addRest(rows, columns, depth, from, a.stride, other, b.stride, lanes)
        }
        TileLanes.write(
          lanes, rows: rows, columns: columns, into: to + column &* target.columnStep,
          rowStep: target.rowStep, columnStep: target.columnStep, adding: target.adding)
        column += columns
      }
      row += rows
    }
  }

  /// The sixteen sums of every element of a tile, over the whole sixteens of `depth`; the first
  /// rows of A that meet B ask for the rows of B that follow.
  @inline(__always)
  private static func sums(
    _ rows: Int, _ columns: Int, _ isFirst: Bool, _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats,
    _ bStride: Int, _ lanes: MutableFloats
  ) {
    var lane = 0
    while lane < 16 {
      let (a, b, lanes) = (a + lane, b + lane, lanes + lane)
      switch (rows, columns) {
      case (tileRows, 3) where isFirst && lane == 0:
        firstTile(depth, a, aStride, b, bStride, lanes)
      case (8, 3): eightByThree(depth, a, aStride, b, bStride, lanes)
      case (8, 2): eightByTwo(depth, a, aStride, b, bStride, lanes)
      case (8, _): eightByOne(depth, a, aStride, b, bStride, lanes)
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
  private static func firstTile(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) {
    tile(
      rows: tileRows, columns: 3, fetchesNext: true, depth, a, aStride, b, bStride, lanes)
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
  private static func eightByOne(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) { tile(rows: 8, columns: 1, depth, a, aStride, b, bStride, lanes) }

  @inline(never)
  private static func fourByThree(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) { tile(rows: 4, columns: 3, depth, a, aStride, b, bStride, lanes) }

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

  /// `Vector.width` of the sixteen sums of `rows` (8, 4, 2 or 1) x `columns` (3, 2 or 1) elements.
  @inline(__always)
  private static func tile(
    rows: Int, columns: Int, fetchesNext: Bool = false, _ depth: Int, _ a: Floats, _ aStride: Int,
    _ b: Floats, _ bStride: Int, _ lanes: MutableFloats
  ) {
    let threeRows = 3 &* aStride
    var (x, y, z) = (DotSums(), DotSums(), DotSums())

    @inline(__always) func step(_ p: Floats, _ q: Floats, _ b: Floats) {
      let b0 = b[vector: 0]
      let b1 = columns > 1 ? b[vector: bStride] : b0
      let b2 = columns > 2 ? b[vector: 2 &* bStride] : b0
      if fetchesNext {
        let next = b + 3 &* bStride
        cprocessor_fetch(next)
        cprocessor_fetch(next + bStride)
        cprocessor_fetch(next + 2 &* bStride)
      }
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
    var (p, q, other, left) = (a, a + 4 &* aStride, b, depth)
    while left >= 32 {
      step(p, q, other)
      step(p + 16, q + 16, other + 16)
      p += 32
      q += 32
      other += 32
      left -= 32
    }
    if left >= 16 { step(p, q, other) }
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

/// A register each of the sums of up to eight elements: named, not an array, so that they live in
/// registers.
private struct DotSums {
  typealias Four = (Vector, Vector, Vector, Vector)
  var low: Four = (Vector(), Vector(), Vector(), Vector())
  var high: Four = (Vector(), Vector(), Vector(), Vector())

  /// Stores the first `rows`, sixteen floats apart.
  @inline(__always)
  func store(_ lanes: MutableFloats, rows: Int) {
    @inline(__always) func four(_ lanes: MutableFloats, _ sums: Four) {
      lanes[vector: 0] = sums.0
      if rows > 1 { lanes[vector: 16] = sums.1 }
      if rows > 2 {
        lanes[vector: 32] = sums.2
        lanes[vector: 48] = sums.3
      }
    }
    four(lanes, low)
    if rows > 4 { four(lanes + 64, high) }
  }
}

/// Memory for the sixteen sums of each of the 24 elements of a tile.
private struct TileLanes {
  private typealias Four = SIMD64<Float>
  private var lanes = (Four(), Four(), Four(), Four(), Four(), Four())

  /// Sums the sixteen of each element and writes, or adds, the results; the elements of a column
  /// lie one behind the other.
  @inline(never)
  static func write(
    _ lanes: Floats, rows: Int, columns: Int, into c: MutableFloats, rowStep: Int,
    columnStep: Int, adding: Bool
  ) {
    @inline(__always) func put(_ value: Float, _ place: MutableFloats) {
      place.pointee = adding ? place.pointee + value : value
    }
    var from = lanes
    for column in 0..<columns {
      var place = c + column &* columnStep
      var row = 0
      while row &+ 4 <= rows {
        let (first, second) = (pairSums(from), pairSums(from + 32))
        let four = SIMD8(lowHalf: first, highHalf: second)
        let values = four.evenHalf + four.oddHalf
        put(values[0], place)
        put(values[1], place + rowStep)
        put(values[2], place + 2 &* rowStep)
        put(values[3], place + 3 &* rowStep)
        place += 4 &* rowStep
        from += 64
        row += 4
      }
      while row < rows {
        let values = fourSums(from)
        put((values[0] + values[1]) + (values[2] + values[3]), place)
        place += rowStep
        from += 16
        row += 1
      }
    }
  }

  /// Of two elements, each: sums of lanes 0 and 1, 2 and 3 of their `fourSums`.
  @inline(__always)
  private static func pairSums(_ from: Floats) -> SIMD4<Float> {
    let both = SIMD8(lowHalf: fourSums(from), highHalf: fourSums(from + 16))
    return both.evenHalf + both.oddHalf
  }

  /// Sixteen sums as four.
  @inline(__always)
  private static func fourSums(_ from: Floats) -> SIMD4<Float> {
    let memory = UnsafeRawPointer(from)
    let eight =
      memory.loadUnaligned(as: SIMD8<Float>.self)
      + memory.loadUnaligned(fromByteOffset: 32, as: SIMD8<Float>.self)
    return eight.lowHalf + eight.highHalf
  }
}
