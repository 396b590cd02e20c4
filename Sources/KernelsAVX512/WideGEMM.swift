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
    let rowStep = transposed ? 1 : aStride
    var panel = 0
    while panel < panelCount {
      let b = panels + panel &* panelStride
      let target = c + panel &* cPanelStride
      let isPair = panel + 1 < panelCount
      var row = 0
      while row + 12 <= rows {
        let (from, to) = (a + row &* rowStep, target + row &* cStride)
        if isPair && row == 0 && !transposed && rows <= fewRows {
          firstTile(
            depth, from, aStride, b, panelStride, to, cStride, cPanelStride, adding)
        } else if isPair {
          tile(
            transposed: transposed, rows: 12, pair: true, depth, from, aStride, b, panelStride, to,
            cStride, cPanelStride, adding)
        } else {
          tile(
            transposed: transposed, rows: 12, pair: false, depth, from, aStride, b, panelStride, to,
            cStride, cPanelStride, adding)
        }
        row += 12
      }
      if row < rows {
        let (from, to) = (a + row &* rowStep, target + row &* cStride)
        if isPair {
          remainder(
            transposed: transposed, pair: true, rows - row, depth, from, aStride, b, panelStride,
            to, cStride, cPanelStride, adding)
        } else {
          remainder(
            transposed: transposed, pair: false, rows - row, depth, from, aStride, b, panelStride,
            to, cStride, cPanelStride, adding)
        }
      }
      panel += 2
    }
  }

  /// The first twelve rows that meet a pair of panels, while the next pair is brought to the second
  /// cache: products of few rows wait for weights, and the processor looks no further than a page.
  @inline(never)
  private static func firstTile(
    _ depth: Int, _ a: Floats, _ aStride: Int, _ b: Floats, _ panelStride: Int,
    _ c: MutableFloats, _ cStride: Int, _ cPanelStride: Int, _ adding: Bool
  ) {
    tile(
      transposed: false, rows: 12, pair: true, fetchesNext: true, depth, a, aStride, b, panelStride,
      c, cStride, cPanelStride, adding)
  }

  /// The last one to eleven rows, as 8 + 4 + 2 + 1; a function of its own, or inlining stops.
  @inline(never)
  private static func remainder(
    transposed: Bool, pair: Bool, _ rows: Int, _ depth: Int, _ a: Floats, _ aStride: Int,
    _ b: Floats, _ panelStride: Int, _ c: MutableFloats, _ cStride: Int, _ cPanelStride: Int,
    _ adding: Bool
  ) {
    let rowStep = transposed ? 1 : aStride
    var (a, c) = (a, c)
    if rows & 8 != 0 {
      tile(
        transposed: transposed, rows: 8, pair: pair, depth, a, aStride, b, panelStride, c, cStride,
        cPanelStride, adding)
      a += 8 &* rowStep
      c += 8 &* cStride
    }
    if rows & 4 != 0 {
      tile(
        transposed: transposed, rows: 4, pair: pair, depth, a, aStride, b, panelStride, c, cStride,
        cPanelStride, adding)
      a += 4 &* rowStep
      c += 4 &* cStride
    }
    if rows & 2 != 0 {
      tile(
        transposed: transposed, rows: 2, pair: pair, depth, a, aStride, b, panelStride, c, cStride,
        cPanelStride, adding)
      a += 2 &* rowStep
      c += 2 &* cStride
    }
    if rows & 1 != 0 {
      tile(
        transposed: transposed, rows: 1, pair: pair, depth, a, aStride, b, panelStride, c, cStride,
        cPanelStride, adding)
    }
  }

  /// One tile of C: `rows` (12, 8, 4, 2 or 1) x 16, or x 32 of a `pair` of panels; both constants
  /// where this is inlined.
  @inline(__always)
  private static func tile(
    transposed: Bool, rows: Int, pair: Bool, fetchesNext: Bool = false, _ depth: Int, _ a: Floats,
    _ aStride: Int, _ b: Floats, _ panelStride: Int, _ c: MutableFloats, _ cStride: Int,
    _ cPanelStride: Int, _ adding: Bool
  ) {
    let rowStep = transposed ? 1 : aStride
    let depthStep = transposed ? aStride : 1
    var (x, y) = (WideSums(), WideSums())

    @inline(__always) func step(_ p: Floats, _ q: Floats, _ r: Floats, _ b: Floats) {
      let b0 = b[vector: 0]
      let b1 = pair ? b[vector: panelStride] : b0
      if fetchesNext {
        cprocessor_fetch(b + 2 &* panelStride)
        cprocessor_fetch(b + 3 &* panelStride)
      }
      @inline(__always)
      func row(_ a: Float, _ x: inout Vector, _ y: inout Vector) {
        let broadcast = Vector(repeating: a)
        x = x.addingProduct(broadcast, b0)
        if pair { y = y.addingProduct(broadcast, b1) }
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
    while left >= 2 {
      step(p, q, r, panel)
      step(p + depthStep, q + depthStep, r + depthStep, panel + 16)
      p += 2 &* depthStep
      q += 2 &* depthStep
      r += 2 &* depthStep
      panel += 32
      left -= 2
    }
    if left > 0 { step(p, q, r, panel) }
    x.store(c, cStride, rows: rows, adding: adding)
    if pair { y.store(c + cPanelStride, cStride, rows: rows, adding: adding) }
  }
}

/// The sums of up to twelve rows of 16: named, not an array, so that they live in registers.
private struct WideSums {
  typealias Four = (Vector, Vector, Vector, Vector)
  var first: Four = (Vector(), Vector(), Vector(), Vector())
  var second: Four = (Vector(), Vector(), Vector(), Vector())
  var third: Four = (Vector(), Vector(), Vector(), Vector())

  /// Writes the first `rows` rows to C, or adds them to what it holds.
  @inline(__always)
  func store(_ c: MutableFloats, _ stride: Int, rows: Int, adding: Bool) {
    @inline(__always) func put(_ value: Vector, _ row: Int) {
      let target = c + row &* stride
      target[vector: 0] = adding ? target[vector: 0] + value : value
    }
    put(first.0, 0)
    if rows > 1 { put(first.1, 1) }
    if rows > 2 {
      put(first.2, 2)
      put(first.3, 3)
    }
    if rows > 4 {
      put(second.0, 4)
      put(second.1, 5)
      put(second.2, 6)
      put(second.3, 7)
    }
    if rows > 8 {
      put(third.0, 8)
      put(third.1, 9)
      put(third.2, 10)
      put(third.3, 11)
    }
  }
}
