private import CProcessor

/// One row times a row-major matrix, for products of few rows: as many columns at a time as eight
/// registers hold, so that memory is read in runs and no sum waits for another.
package enum RowCombinations {
  /// Columns of a tile.
  package static var tileColumns: Int { 8 * Vector.width }

  /// c [columns] = a B, or c += a B when `adding`; a [depth], B [depth x columns] is row-major,
  /// `bStride` apart, and `columns` a multiple of `tileColumns`. Sums run over the depth in order.
  /// Lines `fetchOffset` floats behind those of B that are read are asked for.
  @inline(never)
  package static func multiply(
    columns: Int, depth: Int, a: UnsafePointer<Float>, b: UnsafePointer<Float>, bStride: Int,
    fetchOffset: Int, into c: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    var column = 0
    while column < columns {
      tile(depth, a, b + column, bStride, fetchOffset, c + column, adding)
      column += tileColumns
    }
  }

  private typealias Four = (Vector, Vector, Vector, Vector)

  @inline(never)
  private static func tile(
    _ depth: Int, _ a: Floats, _ b: Floats, _ bStride: Int, _ fetchOffset: Int,
    _ c: MutableFloats, _ adding: Bool
  ) {
    let width = Vector.width
    var low: Four = (Vector(), Vector(), Vector(), Vector())
    var high: Four = (Vector(), Vector(), Vector(), Vector())
    @inline(__always) func add(_ b: Floats, _ factor: Vector, _ sums: inout Four) {
      sums.0 = sums.0.addingProduct(factor, b[vector: 0])
      sums.1 = sums.1.addingProduct(factor, b[vector: width])
      sums.2 = sums.2.addingProduct(factor, b[vector: 2 &* width])
      sums.3 = sums.3.addingProduct(factor, b[vector: 3 &* width])
    }
    @inline(__always) func fetch(_ b: Floats) {
      var line = 0
      while line < tileColumns {
        cprocessor_fetch(b + line)
        line += 16
      }
    }
    var row = b
    for k in 0..<depth {
      let factor = Vector(repeating: a[k])
      fetch(row + fetchOffset)
      add(row, factor, &low)
      add(row + 4 &* width, factor, &high)
      row += bStride
    }
    @inline(__always) func store(_ sums: Four, _ c: MutableFloats) {
      c[vector: 0] = adding ? sums.0 + c[vector: 0] : sums.0
      c[vector: width] = adding ? sums.1 + c[vector: width] : sums.1
      c[vector: 2 &* width] = adding ? sums.2 + c[vector: 2 &* width] : sums.2
      c[vector: 3 &* width] = adding ? sums.3 + c[vector: 3 &* width] : sums.3
    }
    store(low, c)
    store(high, c + 4 &* width)
  }
}
