/// Winograd's F(4, 7) in one dimension, by Toom and Cook with ten points 0, +-p for four p,
/// infinity: y = A^T ((G g) * (B^T d)), and the adjoints of A^T for the gradients.
///
/// The points were chosen for the least error in Float by a random search: 1e-6 of the root mean
/// square, that of F(4x4, 3x3). G and B^T are matrices of `WinogradRowFactors`.
package enum WinogradRow {
  typealias Four = (Vector, Vector, Vector, Vector)

  @inline(__always) static var p1: Float { 0.35 }
  @inline(__always) static var p2: Float { 0.85 }
  @inline(__always) static var p3: Float { 1.2 }
  @inline(__always) static var p4: Float { 2.4 }

  /// A^T m: ten products, `plane` floats apart, to four outputs.
  @inline(__always)
  private static func output(_ m: Floats, plane: Int) -> Four {
    @inline(__always) func pair(_ i: Int) -> (sum: Vector, difference: Vector) {
      let (plus, minus) = (m[vector: i &* plane], m[vector: (i &+ 1) &* plane])
      return (plus + minus, plus - minus)
    }
    let (a, b, c, d) = (pair(1), pair(3), pair(5), pair(7))
    let even = m[vector: 0] + ((a.sum + b.sum) + (c.sum + d.sum))
    let odd = a.difference.scaled(p1).adding(b.difference, times: p2)
      .adding(c.difference, times: p3).adding(d.difference, times: p4)
    let square = a.sum.scaled(p1 * p1).adding(b.sum, times: p2 * p2)
      .adding(c.sum, times: p3 * p3).adding(d.sum, times: p4 * p4)
    let cube = m[vector: 9 &* plane].adding(a.difference, times: p1 * p1 * p1)
      .adding(b.difference, times: p2 * p2 * p2).adding(c.difference, times: p3 * p3 * p3)
      .adding(d.difference, times: p4 * p4 * p4)
    return (even, odd, square, cube)
  }

  /// A y: four output gradients to ten, which `store` takes with their number.
  @inline(__always)
  private static func outputAdjoint(_ y: Four, _ store: (Int, Vector) -> Void) {
    @inline(__always) func pair(_ i: Int, _ p: Float) {
      let even = y.0.adding(y.2, times: p * p)
      let odd = y.1.adding(y.3, times: p * p).scaled(p)
      store(i, even + odd)
      store(i + 1, even - odd)
    }
    store(0, y.0)
    pair(1, p1)
    pair(3, p2)
    pair(5, p3)
    pair(7, p4)
    store(9, y.3)
  }

  /// Writes up to four outputs of `rows` rows of one column of tiles: [rows][columns][channels],
  /// rows `rowStride` floats apart, from ten planes of products, `plane` floats apart, of rows
  /// `stride` floats apart; `channels` is a multiple of the width.
  ///
  /// `sums` [2][channels], if given, has the sums and the sums of squares added.
  @inline(never)
  package static func writeOutputs(
    _ products: UnsafePointer<Float>, plane: Int, stride: Int, rows: Int, columns: Int,
    channels: Int,
    into output: UnsafeMutablePointer<Float>, rowStride: Int, sums: UnsafeMutablePointer<Float>?
  ) {
    for row in 0..<rows {
      let source = products + row &* stride
      let target = output + row &* rowStride
      var c = 0
      while c < channels {
        let y = Self.output(source + c, plane: plane)
        let place = target + c
        place[vector: 0] = y.0
        if columns > 1 { place[vector: channels] = y.1 }
        if columns > 2 { place[vector: 2 &* channels] = y.2 }
        if columns > 3 { place[vector: 3 &* channels] = y.3 }
        if let sums {
          var (sum, squares) = (sums[vector: c] + y.0, sums[vector: channels + c])
          squares = squares.addingProduct(y.0, y.0)
          if columns > 1 { (sum, squares) = (sum + y.1, squares.addingProduct(y.1, y.1)) }
          if columns > 2 { (sum, squares) = (sum + y.2, squares.addingProduct(y.2, y.2)) }
          if columns > 3 { (sum, squares) = (sum + y.3, squares.addingProduct(y.3, y.3)) }
          sums[vector: c] = sum
          sums[vector: channels + c] = squares
        }
        c += Vector.width
      }
    }
  }

  /// Writes the transformed gradients of `rows` rows of one column of tiles as [10] planes, each
  /// panels [channels/16][rows][16], panels `panelStride` floats apart.
  @inline(never)
  package static func transformGradients(
    _ gradient: UnsafePointer<Float>, rowStride: Int, rows: Int, columns: Int, channels: Int,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, panelStride: Int
  ) {
    let zero = Vector(repeating: 0)
    for row in 0..<rows {
      let source = gradient + row &* rowStride
      var c = 0
      while c < channels {
        let from = source + c
        let y: Four = (
          from[vector: 0], columns > 1 ? from[vector: channels] : zero,
          columns > 2 ? from[vector: 2 &* channels] : zero,
          columns > 3 ? from[vector: 3 &* channels] : zero
        )
        let target = planes + ((c >> 4) &* panelStride &+ row &* 16 &+ (c & 15))
        outputAdjoint(y) { i, value in target[vector: i &* planeStride] = value }
        c += Vector.width
      }
    }
  }

  /// Writes sum over j of matrix[i][j] * column j to plane i, for ten columns and planes of `count`
  /// floats, a multiple of the width.
  @inline(never)
  package static func transformInputs(
    _ columns: UnsafePointer<Float>, columnStride: Int, matrix: UnsafePointer<Float>, count: Int,
    into planes: UnsafeMutablePointer<Float>,
    planeStride: Int
  ) {
    for i in 0..<10 {
      let row = matrix + 10 * i
      let target = planes + i * planeStride
      var at = 0
      while at < count {
        let source = columns + at
        var sum = source[vector: 0].scaled(row[0])
        for j in 1..<10 { sum = sum.adding(source[vector: j &* columnStride], times: row[j]) }
        target[vector: at] = sum
        at += Vector.width
      }
    }
  }
}
