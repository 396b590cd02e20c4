/// The output tiles of a convolution of stride 2, their 9x9 windows of the input, and the
/// transforms that carry both to and from the 81 planes of products. Products 4 and 8 along a side
/// are for the fourth output alone: tiles with a side of 3 do not use them.
package struct WinogradStride2Tiles: Sendable {
  let height, width: Int
  let grid: TileGrid

  /// Tiles of `images` inputs [height, width], the padding 1 on each side not counted.
  package init(height: Int, width: Int, images: Int) {
    self.height = height
    self.width = width
    grid = TileGrid(height: (height + 1) / 2, width: (width + 1) / 2, images: images)
  }

  private var outputHeight: Int { (height + 1) / 2 }
  private var outputWidth: Int { (width + 1) / 2 }

  /// Floats of scratch that a transform takes for one tile, in registers of any width.
  package static var workCount: Int { 9 * 9 * 16 }

  /// Floats between the columns of a tile in scratch.
  @inline(__always) private static var line: Int { 9 &* Vector.width }

  /// Writes the transformed windows of `tiles`, `planeStride` floats between the 81 planes,
  /// `stride` between tiles; `work` is scratch of `workCount` floats, here and below.
  @inline(never)
  package func transformInput(
    _ input: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, stride: Int,
    work: UnsafeMutablePointer<Float>
  ) {
    let rowStride = width * channels
    for tile in tiles {
      let place = grid.place(tile)
      let (y0, x0) = (2 * place.top - 1, 2 * place.left - 1)
      let corner = input + ((place.image * height + y0) * rowStride + x0 * channels)
      let target = planes + (tile - tiles.lowerBound) * stride
      let inside = max(0, -y0)..<min(9, height - y0)
      let isInside = inside.count == 9
      var c = 0
      while c < channels {
        for j in 0..<9 {
          let q = work + j &* Self.line
          if x0 + j < 0 || x0 + j >= width {
            q.zero(Self.line)
            continue
          }
          let p = corner + (j * channels + c)
          if isInside {
            WinogradStride2.input(
              { p[vector: $0 &* rowStride] }, { q[vector: $0 &* Vector.width] = $1 })
          } else {
            WinogradStride2.input(
              { inside.contains($0) ? p[vector: $0 &* rowStride] : Vector() },
              { q[vector: $0 &* Vector.width] = $1 })
          }
        }
        for i in 0..<9 {
          let (q, to) = (work + i &* Vector.width, target + (i * 9 * planeStride + c))
          WinogradStride2.input(
            { q[vector: $0 &* Self.line] }, { to[vector: $0 &* planeStride] = $1 })
        }
        c += Vector.width
      }
    }
  }

  /// Adds the windows of gradients of `tiles`, channels `channels` of `channelCount`, from
  /// planes laid out as `transformInput` does.
  @inline(never)
  package func scatterInputGradient(
    _ planes: UnsafePointer<Float>, planeStride: Int, stride: Int, tiles: Range<Int>,
    channels: Range<Int>, channelCount: Int, addingTo inputGradient: UnsafeMutablePointer<Float>,
    work: UnsafeMutablePointer<Float>
  ) {
    let rowStride = width * channelCount
    for tile in tiles {
      let place = grid.place(tile)
      let (y0, x0) = (2 * place.top - 1, 2 * place.left - 1)
      let (isHigh, isWide) = (place.rows == 4, place.columns == 4)
      let corner =
        inputGradient
        + ((place.image * height + y0) * rowStride + x0 * channelCount + channels.lowerBound)
      let source = planes + (tile - tiles.lowerBound) * stride
      let (firstColumn, endColumn) = (max(0, -x0), min(isWide ? 9 : 7, width - x0))
      var c = 0
      while c < channels.count {
        for j in 0..<9 {
          let (p, q) = (source + (j * planeStride + c), work + j &* Vector.width)
          if !isWide && (j == 4 || j == 8) {
            for i in 0..<9 { q[vector: i &* Self.line] = Vector() }
          } else if isHigh {
            WinogradStride2.inputAdjoint(
              { p[vector: $0 &* 9 &* planeStride] }, { q[vector: $0 &* Self.line] = $1 })
          } else {
            WinogradStride2.inputAdjoint(
              { $0 == 4 || $0 == 8 ? Vector() : p[vector: $0 &* 9 &* planeStride] },
              { q[vector: $0 &* Self.line] = $1 })
          }
        }
        for i in max(0, -y0)..<min(isHigh ? 9 : 7, height - y0) {
          let (q, to) = (work + i &* Self.line, corner + (i * rowStride + c))
          WinogradStride2.inputAdjoint(
            { q[vector: $0 &* Vector.width] },
            { if $0 >= firstColumn && $0 < endColumn { to[vector: $0 &* channelCount] += $1 } })
        }
        c += Vector.width
      }
    }
  }

  /// Writes the transformed output gradients of `tiles`: the channels from `k` on of a tile go to
  /// `tile * tileStride + k / 16 * panelStride + k % 16` of each plane. Rows of [K] floats are
  /// panels 16 floats apart.
  @inline(never)
  package func transformGradient(
    _ gradient: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, tileStride: Int,
    panelStride: Int, work: UnsafeMutablePointer<Float>
  ) {
    let rowStride = outputWidth * channels
    let zero = Vector()
    for tile in tiles {
      let place = grid.place(tile)
      let (rows, columns) = (place.rows, place.columns)
      let corner =
        gradient + ((place.image * outputHeight + place.top) * rowStride + place.left * channels)
      let target = planes + (tile - tiles.lowerBound) * tileStride
      var k = 0
      while k < channels {
        for j in 0..<4 {
          let q = work + j &* Self.line
          if j >= columns {
            q.zero(Self.line)
            continue
          }
          let p = corner + (j * channels + k)
          WinogradStride2.outputAdjoint(
            (
              p[vector: 0], rows > 1 ? p[vector: rowStride] : zero,
              rows > 2 ? p[vector: 2 * rowStride] : zero,
              rows > 3 ? p[vector: 3 * rowStride] : zero
            ), { q[vector: $0 &* Vector.width] = $1 })
        }
        let panel = target + ((k >> 4) * panelStride + (k & 15))
        for i in 0..<9 {
          let to = panel + i * 9 * planeStride
          WinogradStride2.outputAdjoint(
            Floats(work + i &* Vector.width).four(stride: Self.line),
            { to[vector: $0 &* planeStride] = $1 })
        }
        k += Vector.width
      }
    }
  }

  /// Writes the outputs of `tiles` for output channels `channels` of `channelCount`, and adds
  /// their sums and sums of squares to `sums` [2][stride] if asked for.
  @inline(never)
  package func transformOutput(
    _ planes: UnsafePointer<Float>, planeStride: Int, stride: Int, tiles: Range<Int>,
    channels: Range<Int>,
    channelCount: Int, into output: UnsafeMutablePointer<Float>,
    sums: UnsafeMutablePointer<Float>?, work: UnsafeMutablePointer<Float>
  ) {
    let rowStride = outputWidth * channelCount
    for tile in tiles {
      let place = grid.place(tile)
      let (rows, columns) = (place.rows, place.columns)
      let corner =
        output
        + ((place.image * outputHeight + place.top) * rowStride + place.left * channelCount
          + channels.lowerBound)
      let source = planes + (tile - tiles.lowerBound) * stride
      var k = 0
      while k < channels.count {
        for j in 0..<9 {
          let (p, q) = (source + (j * planeStride + k), work + j &* Vector.width)
          let column = WinogradStride2.output { p[vector: $0 &* 9 &* planeStride] }
          q[vector: 0] = column.0
          q[vector: Self.line] = column.1
          q[vector: 2 &* Self.line] = column.2
          q[vector: 3 &* Self.line] = column.3
        }
        var (sum, squares) = (Vector(), Vector())
        @inline(__always) func put(_ v: Vector, _ p: MutableFloats) {
          sum += v
          squares = squares.addingProduct(v, v)
          p[vector: 0] = v
        }
        for i in 0..<rows {
          let q = work + i &* Self.line
          let pixels = WinogradStride2.output { q[vector: $0 &* Vector.width] }
          let target = corner + (i * rowStride + k)
          put(pixels.0, target)
          if columns > 1 { put(pixels.1, target + channelCount) }
          if columns > 2 { put(pixels.2, target + 2 * channelCount) }
          if columns > 3 { put(pixels.3, target + 3 * channelCount) }
        }
        if let sums {
          sums[vector: k] += sum
          sums[vector: stride + k] += squares
        }
        k += Vector.width
      }
    }
  }
}
