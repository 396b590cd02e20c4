private import CProcessor

/// Products of one chunk of the depth in the 16 registers of 8 floats that AVX2 has: 6 x 16 results
/// at a time stay in twelve of them. The twin of `WideGEMM`.
package enum NarrowGEMM {
  /// Up to so many rows a product waits for its panels: their lines are asked for in advance.
  private static let fewRows = 32

  /// C[rows x 16 panelCount] = A B, or C += A B when `adding`, for one chunk of the depth, as
  /// `WideGEMM.multiply`.
  @inline(never)
  package static func multiply(
    rows: Int, panelCount: Int, depth: Int, a: UnsafePointer<Float>, aStride: Int,
    panels: UnsafePointer<Float>, panelStride: Int, into c: UnsafeMutablePointer<Float>,
    cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    product(
      transposed: false, rows, panelCount, depth, a, aStride, panels, panelStride, c, cStride,
      cPanelStride, adding)
  }

  /// As `multiply`, with A stored transposed: [depth x rows], `aStride` floats between depths.
  @inline(never)
  package static func multiplyTransposed(
    rows: Int, panelCount: Int, depth: Int, a: UnsafePointer<Float>, aStride: Int,
    panels: UnsafePointer<Float>, panelStride: Int, into c: UnsafeMutablePointer<Float>,
    cStride: Int, cPanelStride: Int, adding: Bool
  ) {
    product(
      transposed: true, rows, panelCount, depth, a, aStride, panels, panelStride, c, cStride,
      cPanelStride, adding)
  }

  /// Panels outside, rows inside: one chunk of a panel in L1 meets every row of A in L2.
  @inline(__always)
  private static func product(
    transposed: Bool, _ rows: Int, _ panelCount: Int, _ depth: Int, _ a: Floats, _ aStride: Int,
    _ panels: Floats, _ panelStride: Int, _ c: MutableFloats, _ cStride: Int,
    _ cPanelStride: Int, _ adding: Bool
  ) {
    var panel = 0
    while panel < panelCount {
      let b = panels + panel * panelStride
      let target = c + panel * cPanelStride
      var row = 0
      while row < rows {
        let count = min(6, rows - row)
        let to = target + row &* cStride
        let aTile = transposed ? a + row : a + row &* aStride
        if count == 6 && row == 0 && !transposed && rows <= fewRows {
          firstTile(depth, aTile, aStride, b, panelStride, to, cStride, adding)
        } else if count == 6 {
          tile(transposed: transposed, rows: 6, depth, aTile, aStride, b, to, cStride, adding)
        } else {
          remainder(
            transposed: transposed, rows: count, depth, aTile, aStride, b, to, cStride, adding)
        }
        row += 6
      }
      panel += 1
    }
  }

  /// The last panel, of which `width` columns are meant: tiles go to `edge`, and from there what is
  /// meant to C.
  @inline(never)
  package static func multiplyEdge(
    transposed: Bool, _ rows: Int, width: Int, _ depth: Int, _ a: UnsafePointer<Float>,
    _ aStride: Int, _ panel: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>,
    _ cStride: Int, _ adding: Bool, _ edge: UnsafeMutablePointer<Float>
  ) {
    for row in stride(from: 0, to: rows, by: 6) {
      let count = min(6, rows - row)
      let aTile = transposed ? a + row : a + row &* aStride
      if count == 6 && transposed {
        tile(transposed: true, rows: 6, depth, aTile, aStride, panel, edge, 16, false)
      } else if count == 6 {
        tile(transposed: false, rows: 6, depth, aTile, aStride, panel, edge, 16, false)
      } else {
        remainder(
          transposed: transposed, rows: count, depth, aTile, aStride, panel, edge, 16, false)
      }
      copyEdge(edge, count, width, into: c + row &* cStride, cStride, adding)
    }
  }

  /// The first six rows that meet a panel, while the next panel is brought to the second cache:
  /// products of few rows wait for weights, and the processor looks no further than a page.
  @inline(never)
  private static func firstTile(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ panelStride: Int,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    tile(
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
      tile(transposed: transposed, rows: 4, depth, a, aStride, b, c, cStride, adding)
      a += 4 &* rowStep
      c += 4 &* cStride
    }
    if rows & 2 != 0 {
      tile(transposed: transposed, rows: 2, depth, a, aStride, b, c, cStride, adding)
      a += 2 &* rowStep
      c += 2 &* cStride
    }
    if rows & 1 != 0 {
      tile(transposed: transposed, rows: 1, depth, a, aStride, b, c, cStride, adding)
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

  /// One tile of C: `rows` (1 to 6) x 16, a constant where this is inlined, as are `bStep`, the
  /// floats between the depths of B, in panels, and `pastCaches`, which leaves C out of the caches.
  /// `nextPanel` floats behind those of B that are read, lines are fetched.
  ///
  /// The depth is unrolled by hand because LLVM does not (28 instead of 22 instructions a step).
  @inline(__always)
  static func tile(
    transposed: Bool, rows: Int, pastCaches: Bool = false, _ depth: Int, _ a: Floats,
    _ aStride: Int, _ b: Floats, bStep: Int = 16, nextPanel: Int? = nil, _ c: MutableFloats,
    _ cStride: Int, _ adding: Bool
  ) {
    let rowStep = transposed ? 1 : aStride
    let depthStep = transposed ? aStride : 1
    // Base + {1, 2, 4} x register are addresses of x86; 3 and 5 rows on need registers of their
    // own.
    let (threeRows, fiveRows) = (3 &* rowStep, 5 &* rowStep)
    var sums = NarrowSums()

    @inline(__always) func step(_ p: Floats, _ q: Floats) {
      let b = (q[vector: 0], q[vector: 8])
      if let nextPanel { cprocessor_fetch(q + nextPanel) }
      sums.r0.add(p[0], times: b)
      if rows > 1 { sums.r1.add(p[rowStep], times: b) }
      if rows > 2 { sums.r2.add(p[2 &* rowStep], times: b) }
      if rows > 3 { sums.r3.add(p[threeRows], times: b) }
      if rows > 4 { sums.r4.add(p[4 &* rowStep], times: b) }
      if rows > 5 { sums.r5.add(p[fiveRows], times: b) }
    }
    var (p, q, left) = (a, b, depth)
    while left >= 4 {
      step(p, q)
      step(p + depthStep, q + bStep)
      step(p + 2 &* depthStep, q + 2 &* bStep)
      step(p + 3 &* depthStep, q + 3 &* bStep)
      p += 4 &* depthStep
      q += 4 &* bStep
      left -= 4
    }
    while left > 0 {
      step(p, q)
      p += depthStep
      q += bStep
      left -= 1
    }
    if adding { sums.add(c, cStride, rows: rows) }
    if pastCaches {
      sums.storePastCaches(c, cStride)
    } else {
      sums.store(c, cStride, rows: rows)
    }
  }
}

/// The sums of a tile: named, not an array, so that they live in registers.
private struct NarrowSums {
  struct Row {
    var x = Vector()
    var y = Vector()

    @inline(__always)
    mutating func add(_ a: Float, times b: (Vector, Vector)) {
      let broadcast = Vector(repeating: a)
      x = Factor.multiplyAdd(x, broadcast, b.0)
      y = Factor.multiplyAdd(y, broadcast, b.1)
    }

    @inline(__always)
    mutating func add(_ c: Floats) {
      x += c[vector: 0]
      y += c[vector: 8]
    }

    @inline(__always)
    func store(_ c: MutableFloats) {
      c[vector: 0] = x
      c[vector: 8] = y
    }

    @inline(__always)
    func storePastCaches(_ c: MutableFloats) {
      cprocessor_store_past_caches(c, x)
      cprocessor_store_past_caches(c + 8, y)
    }
  }

  var r0 = Row()
  var r1 = Row()
  var r2 = Row()
  var r3 = Row()
  var r4 = Row()
  var r5 = Row()

  /// Adds what the first `rows` rows of C hold.
  @inline(__always)
  mutating func add(_ c: MutableFloats, _ stride: Int, rows: Int) {
    r0.add(c)
    if rows > 1 { r1.add(c + stride) }
    if rows > 2 { r2.add(c + 2 &* stride) }
    if rows > 3 { r3.add(c + 3 &* stride) }
    if rows > 4 { r4.add(c + 4 &* stride) }
    if rows > 5 { r5.add(c + 5 &* stride) }
  }

  @inline(__always)
  func store(_ c: MutableFloats, _ stride: Int, rows: Int) {
    r0.store(c)
    if rows > 1 { r1.store(c + stride) }
    if rows > 2 { r2.store(c + 2 &* stride) }
    if rows > 3 { r3.store(c + 3 &* stride) }
    if rows > 4 { r4.store(c + 4 &* stride) }
    if rows > 5 { r5.store(c + 5 &* stride) }
  }

  /// Stores all six rows without bringing their lines into the caches.
  @inline(__always)
  func storePastCaches(_ c: MutableFloats, _ stride: Int) {
    r0.storePastCaches(c)
    r1.storePastCaches(c + stride)
    r2.storePastCaches(c + 2 &* stride)
    r3.storePastCaches(c + 3 &* stride)
    r4.storePastCaches(c + 4 &* stride)
    r5.storePastCaches(c + 5 &* stride)
  }
}
