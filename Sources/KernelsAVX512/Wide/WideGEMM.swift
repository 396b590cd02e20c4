private import CProcessor

/// Products of matrices that lie in cache, in the 32 registers of 16 floats that AVX-512 has: the
/// twin of `NarrowGEMM`.
///
/// 12 x 32 results at a time stay in 24 registers. Every element is summed in the same order as
/// there, so both give the same bits.
package enum WideGEMM {
  /// Up to so many rows a product waits for its panels: their lines are asked for in advance.
  private static let fewRows = 96

  /// C[rows x 16 panelCount] = A B, or C += A B when `adding`, for one chunk of the depth.
  ///
  /// A[rows x depth] is row-major, `aStride` apart; `panels` holds B as [panelCount][depth][16],
  /// panels `panelStride` floats apart. Panel p of C begins at `c + p * cPanelStride`, its rows
  /// `cStride` apart.
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

  /// Pairs of panels outside, rows inside: the panels' chunks stay in L1.
  @inline(__always)
  private static func product(
    transposed: Bool, _ rows: Int, _ panelCount: Int, _ depth: Int, _ a: Floats, _ aStride: Int,
    _ panels: Floats, _ panelStride: Int, _ c: MutableFloats, _ cStride: Int,
    _ cPanelStride: Int, _ adding: Bool
  ) {
    let (rowStep, depthStep) = transposed ? (1, aStride) : (aStride, 1)
    var panel = 0
    while panel < panelCount {
      let b = panels + panel &* panelStride
      let target = c + panel &* cPanelStride
      let isPair = panel + 1 < panelCount
      var row = 0
      while row + 12 <= rows {
        let (from, to) = (a + row &* rowStep, target + row &* cStride)
        if !isPair {
          singleTile(depth, from, rowStep, depthStep, b, to, cStride, adding)
        } else if row == 0 && !transposed && rows <= fewRows {
          firstTile(
            depth, from, rowStep, b, panelStride, to, cStride, cPanelStride, adding)
        } else {
          tile(
            rows: 12, pair: true, depth, from, rowStep, depthStep, b, panelStride, to, cStride,
            cPanelStride, adding)
        }
        row += 12
      }
      if row < rows {
        let (from, to) = (a + row &* rowStep, target + row &* cStride)
        if isPair {
          pairRemainder(
            rows - row, depth, from, rowStep, depthStep, b, panelStride, to, cStride, cPanelStride,
            adding)
        } else {
          singleRemainder(
            rows - row, depth, from, rowStep, depthStep, b, to, cStride, adding)
        }
      }
      panel += 2
    }
  }

  /// The first twelve rows that meet a pair of panels, while the next pair is brought to the second
  /// cache: products of few rows wait for weights, and the processor looks no further than a page.
  @inline(never)
  private static func firstTile(
    _ depth: Int, _ a: Floats, _ rowStep: Int, _ b: Floats, _ panelStride: Int,
    _ c: MutableFloats, _ cStride: Int, _ cPanelStride: Int, _ adding: Bool
  ) {
    tile(
      rows: 12, pair: true, fetchOffset: 2 &* panelStride, depth, a, rowStep, 1, b, panelStride, c,
      cStride, cPanelStride, adding)
  }

  // Functions of their own from here on: where a caller grows too large, inlining stops, and a tile
  // whose size is no constant asks for it at every step.

  /// Twelve rows that meet the last panel of an odd number.
  @inline(never)
  private static func singleTile(
    _ depth: Int, _ a: Floats, _ rowStep: Int, _ depthStep: Int, _ b: Floats, _ c: MutableFloats,
    _ cStride: Int, _ adding: Bool
  ) {
    tile(
      rows: 12, pair: false, depth, a, rowStep, depthStep, b, 0, c, cStride, 0, adding)
  }

  /// The last one to eleven rows that meet a pair of panels.
  @inline(never)
  private static func pairRemainder(
    _ rows: Int, _ depth: Int, _ a: Floats, _ rowStep: Int, _ depthStep: Int, _ b: Floats,
    _ panelStride: Int, _ c: MutableFloats, _ cStride: Int, _ cPanelStride: Int, _ adding: Bool
  ) {
    remainder(
      pair: true, rows, depth, a, rowStep, depthStep, b, panelStride, c, cStride, cPanelStride,
      adding)
  }

  /// The last one to eleven rows that meet the last panel of an odd number.
  @inline(never)
  private static func singleRemainder(
    _ rows: Int, _ depth: Int, _ a: Floats, _ rowStep: Int, _ depthStep: Int, _ b: Floats,
    _ c: MutableFloats, _ cStride: Int, _ adding: Bool
  ) {
    remainder(
      pair: false, rows, depth, a, rowStep, depthStep, b, 0, c, cStride, 0, adding)
  }

  /// One to eleven rows, as 8 + 4 + 2 + 1.
  @inline(__always)
  private static func remainder(
    pair: Bool, _ rows: Int, _ depth: Int, _ a: Floats, _ rowStep: Int, _ depthStep: Int,
    _ b: Floats, _ panelStride: Int, _ c: MutableFloats, _ cStride: Int, _ cPanelStride: Int,
    _ adding: Bool
  ) {
    var (a, c) = (a, c)
    if rows & 8 != 0 {
      tile(
        rows: 8, pair: pair, depth, a, rowStep, depthStep, b, panelStride, c, cStride,
        cPanelStride, adding)
      a += 8 &* rowStep
      c += 8 &* cStride
    }
    if rows & 4 != 0 {
      tile(
        rows: 4, pair: pair, depth, a, rowStep, depthStep, b, panelStride, c, cStride,
        cPanelStride, adding)
      a += 4 &* rowStep
      c += 4 &* cStride
    }
    if rows & 2 != 0 {
      tile(
        rows: 2, pair: pair, depth, a, rowStep, depthStep, b, panelStride, c, cStride,
        cPanelStride, adding)
      a += 2 &* rowStep
      c += 2 &* cStride
    }
    if rows & 1 != 0 {
      tile(
        rows: 1, pair: pair, depth, a, rowStep, depthStep, b, panelStride, c, cStride,
        cPanelStride, adding)
    }
  }

  /// One tile of C: `rows` (12, 8, 4, 2 or 1) x 16, or x 32 of a `pair` of panels; both constants
  /// where this is inlined, as are `bStep`, the floats between the depths of B, in panels, and
  /// `pastCaches`, which leaves C out of the caches. Lines `fetchOffset` floats behind those of B
  /// that are read are asked for.
  @inline(__always)
  static func tile(
    rows: Int, pair: Bool, fetchOffset: Int? = nil, pastCaches: Bool = false, _ depth: Int,
    _ a: Floats, _ rowStep: Int, _ depthStep: Int, _ b: Floats, bStep: Int = 16,
    _ panelStride: Int, _ c: MutableFloats, _ cStride: Int, _ cPanelStride: Int, _ adding: Bool
  ) {
    var (x, y) = (WideSums(), WideSums())

    @inline(__always) func step(_ p: Floats, _ q: Floats, _ r: Floats, _ b: Floats) {
      let b0 = b[vector: 0]
      let b1 = pair ? b[vector: panelStride] : b0
      if let fetchOffset {
        cprocessor_fetch(b + fetchOffset)
        cprocessor_fetch(b + fetchOffset + panelStride)
      }
      @inline(__always)
      func row(_ a: Float, _ x: inout Vector, _ y: inout Vector) {
        let broadcast = Vector(repeating: a)
        x = Factor.multiplyAdd(x, broadcast, b0)
        if pair { y = Factor.multiplyAdd(y, broadcast, b1) }
      }
      @inline(__always)
      func four(_ p: Floats, _ x: inout WideSums.Four, _ y: inout WideSums.Four) {
        row(p[0], &x.0, &y.0)
        if rows > 1 { row(p[rowStep], &x.1, &y.1) }
        if rows > 2 {
          row(p[2 &* rowStep], &x.2, &y.2)
          row(p[3 &* rowStep], &x.3, &y.3)
        }
      }
      // Three pointers, four rows each: base + {0, 1, 2} x register are addresses of x86.
      four(p, &x.first, &y.first)
      if rows > 4 { four(q, &x.second, &y.second) }
      if rows > 8 { four(r, &x.third, &y.third) }
    }
    var (p, q, r, panel, left) = (a, a + 4 &* rowStep, a + 8 &* rowStep, b, depth)
    // Two steps of pairs at once would bring all their factors from A first, to the stack.
    while Factor.values == 1 && left >= 2 {
      step(p, q, r, panel)
      step(p + depthStep, q + depthStep, r + depthStep, panel + bStep)
      p += 2 &* depthStep
      q += 2 &* depthStep
      r += 2 &* depthStep
      panel += 2 &* bStep
      left -= 2
    }
    while left > 0 {
      step(p, q, r, panel)
      p += depthStep
      q += depthStep
      r += depthStep
      panel += bStep
      left -= 1
    }
    if adding {
      x.add(c, cStride, rows: rows)
      if pair { y.add(c + cPanelStride, cStride, rows: rows) }
    }
    if pastCaches {
      x.storePastCaches(c, cStride)
      y.storePastCaches(c + cPanelStride, cStride)
      return
    }
    x.store(c, cStride, rows: rows)
    if pair { y.store(c + cPanelStride, cStride, rows: rows) }
  }
}

/// The sums of up to twelve rows of 16: named, not an array, so that they live in registers.
private struct WideSums {
  typealias Four = (Vector, Vector, Vector, Vector)
  var first: Four = (Vector(), Vector(), Vector(), Vector())
  var second: Four = (Vector(), Vector(), Vector(), Vector())
  var third: Four = (Vector(), Vector(), Vector(), Vector())

  /// Adds what the first `rows` rows of C hold.
  @inline(__always)
  mutating func add(_ c: MutableFloats, _ stride: Int, rows: Int) {
    @inline(__always) func four(_ c: MutableFloats, _ sums: inout Four) {
      sums.0 += c[vector: 0]
      if rows > 1 { sums.1 += c[vector: stride] }
      if rows > 2 {
        sums.2 += c[vector: 2 &* stride]
        sums.3 += c[vector: 3 &* stride]
      }
    }
    four(c, &first)
    if rows > 4 { four(c + 4 &* stride, &second) }
    if rows > 8 { four(c + 8 &* stride, &third) }
  }

  @inline(__always)
  func store(_ c: MutableFloats, _ stride: Int, rows: Int) {
    @inline(__always) func four(_ c: MutableFloats, _ sums: Four) {
      c[vector: 0] = sums.0
      if rows > 1 { c[vector: stride] = sums.1 }
      if rows > 2 {
        c[vector: 2 &* stride] = sums.2
        c[vector: 3 &* stride] = sums.3
      }
    }
    four(c, first)
    if rows > 4 { four(c + 4 &* stride, second) }
    if rows > 8 { four(c + 8 &* stride, third) }
  }

  /// Stores all twelve rows without bringing their lines into the caches.
  @inline(__always)
  func storePastCaches(_ c: MutableFloats, _ stride: Int) {
    @inline(__always) func four(_ c: MutableFloats, _ sums: Four) {
      cprocessor_store_line_past_caches(c, sums.0)
      cprocessor_store_line_past_caches(c + stride, sums.1)
      cprocessor_store_line_past_caches(c + 2 &* stride, sums.2)
      cprocessor_store_line_past_caches(c + 3 &* stride, sums.3)
    }
    four(c, first)
    four(c + 4 &* stride, second)
    four(c + 8 &* stride, third)
  }
}
