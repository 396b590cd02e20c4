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

  /// Floats of scratch that a transform takes for one tile, in registers of any width: what lies
  /// between its two passes, and as much of the tile with which this one is a pair.
  package static var workCount: Int { 2 * 9 * 9 * 16 }

  /// Floats between the columns of a tile in scratch.
  @inline(__always) private static var line: Int { 9 &* Vector.width }

  /// Writes the transformed windows of `tiles`: in each of the 81 planes, which are `planeStride`
  /// floats apart, a row of factors along the channels, `stride` floats between tiles; `work` is
  /// scratch of `workCount` floats, here and below.
  @inline(never)
  package func transformInput(
    _ input: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, stride: Int,
    work: UnsafeMutablePointer<Float>
  ) {
    for tile in tiles {
      let window = Window(input, tile, self, channels)
      let target = planes + (tile - tiles.lowerBound) * stride
      var c = 0
      while c < channels {
        window.transform(from: c, work) { i, j, value in
          Factor.store(value, in: target + (i &* 9 &+ j) &* planeStride, from: c)
        }
        c += Vector.width
      }
    }
  }

  /// As `transformInput`, with factors along the tiles: a row of each plane holds as many tiles as
  /// a factor has values, zeros behind the last, and a factor for each channel.
  @inline(never)
  package func transformInputAlongTiles(
    _ input: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, stride: Int,
    work: UnsafeMutablePointer<Float>
  ) {
    for tile in Swift.stride(from: tiles.lowerBound, to: tiles.upperBound, by: Factor.values) {
      let window = Window(input, tile, self, channels)
      let next =
        Factor.values == 1
        ? window : Window(input, min(tile + 2, tiles.upperBound) - 1, self, channels)
      let isPair = tile + 1 < tiles.upperBound
      let target = planes + (tile - tiles.lowerBound) / Factor.values * stride
      var c = 0
      while c < channels {
        WinogradPairs.write(
          side: 9, to: target + c, planeStride: planeStride, isPair: isPair,
          held: work + 9 &* Self.line
        ) { isOdd, put in
          (isOdd ? next : window).transform(from: c, work, put)
        }
        c += Vector.width
      }
    }
  }

  /// The 9x9 window of a tile, which may reach beyond the image.
  private struct Window {
    let channels, rowStride, width, x0: Int
    let inside: Range<Int>
    let corner: Floats

    @inline(__always)
    init(_ input: Floats, _ tile: Int, _ tiles: WinogradStride2Tiles, _ channels: Int) {
      let place = tiles.grid.place(tile)
      let y0 = 2 * place.top - 1
      x0 = 2 * place.left - 1
      self.channels = channels
      width = tiles.width
      rowStride = width * channels
      corner = input + ((place.image * tiles.height + y0) * rowStride + x0 * channels)
      inside = max(0, -y0)..<min(9, tiles.height - y0)
    }

    /// Calls `put` with the row, the column and the product of each plane, of a vector of channels
    /// from `c` on.
    @inline(__always)
    func transform(
      from c: Int, _ work: MutableFloats, _ put: (_ i: Int, _ j: Int, Vector) -> Void
    ) {
      let isInside = inside.count == 9
      for j in 0..<9 {
        let q = work + j &* line
        if x0 + j < 0 || x0 + j >= width {
          q.zero(line)
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
        let q = work + i &* Vector.width
        WinogradStride2.input({ q[vector: $0 &* line] }, { put(i, $0, $1) })
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

  /// Writes the transformed output gradients of `tiles`, in each of the 81 planes a row of factors
  /// along the channels, `stride` floats between tiles.
  @inline(never)
  package func transformGradient(
    _ gradient: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, stride: Int,
    work: UnsafeMutablePointer<Float>
  ) {
    for tile in tiles {
      let outputs = Outputs(gradient, tile, self, channels)
      let target = planes + (tile - tiles.lowerBound) * stride
      var k = 0
      while k < channels {
        outputs.transform(from: k, work) { i, j, value in
          Factor.store(value, in: target + (i &* 9 &+ j) &* planeStride, from: k)
        }
        k += Vector.width
      }
    }
  }

  /// Writes the transformed output gradients of `tiles` as panels [channels/16][tiles/values][16]
  /// of factors along the tiles, `panelStride` floats apart, in each of the 81 planes.
  @inline(never)
  package func transformGradientAlongTiles(
    _ gradient: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, panelStride: Int,
    work: UnsafeMutablePointer<Float>
  ) {
    for tile in Swift.stride(from: tiles.lowerBound, to: tiles.upperBound, by: Factor.values) {
      let outputs = Outputs(gradient, tile, self, channels)
      let next =
        Factor.values == 1
        ? outputs : Outputs(gradient, min(tile + 2, tiles.upperBound) - 1, self, channels)
      let isPair = tile + 1 < tiles.upperBound
      let target = planes + (tile - tiles.lowerBound) / Factor.values * 16
      var k = 0
      while k < channels {
        WinogradPairs.write(
          side: 9, to: target + ((k >> 4) * panelStride + (k & 15)), planeStride: planeStride,
          isPair: isPair, held: work + 9 &* Self.line
        ) { isOdd, put in
          (isOdd ? next : outputs).transform(from: k, work, put)
        }
        k += Vector.width
      }
    }
  }

  /// The gradients of up to 4x4 outputs of a tile.
  private struct Outputs {
    let rows, columns, channels, rowStride: Int
    let corner: Floats

    @inline(__always)
    init(_ gradient: Floats, _ tile: Int, _ tiles: WinogradStride2Tiles, _ channels: Int) {
      let place = tiles.grid.place(tile)
      (rows, columns) = (place.rows, place.columns)
      self.channels = channels
      rowStride = tiles.outputWidth * channels
      corner =
        gradient
        + ((place.image * tiles.outputHeight + place.top) * rowStride + place.left * channels)
    }

    /// Calls `put` with the row, the column and the product of each plane, of a vector of channels
    /// from `k` on.
    @inline(__always)
    func transform(
      from k: Int, _ work: MutableFloats, _ put: (_ i: Int, _ j: Int, Vector) -> Void
    ) {
      let zero = Vector()
      for j in 0..<4 {
        let q = work + j &* line
        if j >= columns {
          q.zero(line)
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
      for i in 0..<9 {
        WinogradStride2.outputAdjoint(
          Floats(work + i &* Vector.width).four(stride: line), { put(i, $0, $1) })
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
