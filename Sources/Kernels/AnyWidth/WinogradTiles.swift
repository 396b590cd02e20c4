/// The output tiles of a batch of images [rows, height, width, channels] and the transforms that
/// carry them to and from the 36 planes of products. The sixth products along a side are for the
/// fourth output alone: tiles with a side of 3 do not use them.
package struct WinogradTiles: Sendable {
  let height, width: Int
  let grid: TileGrid

  package init(height: Int, width: Int, images: Int) {
    self.height = height
    self.width = width
    grid = TileGrid(height: height, width: width, images: images)
  }

  /// Floats of scratch that a transform takes for one tile, in registers of any width: what lies
  /// between its two passes, and as much of the tile with which this one is a pair.
  package static var workCount: Int { 2 * 6 * 6 * 16 }

  /// Floats between the columns of a tile in scratch.
  @inline(__always) private static var line: Int { 6 &* Vector.width }

  /// Writes B^T d B of the 6x6 inputs of each tile of `tiles`: in each of the 36 planes, which are
  /// `planeStride` floats apart, a row of factors along the channels, `stride` floats between
  /// tiles.
  ///
  /// `work` is scratch of `workCount` floats, `zeros` a row of zeros [width x channels].
  @inline(never)
  package func transformInput(
    _ input: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, stride: Int,
    work: UnsafeMutablePointer<Float>, zeros: UnsafePointer<Float>
  ) {
    for tile in tiles {
      let window = Window(input, tile, self, channels, zeros)
      let target = planes + (tile - tiles.lowerBound) * stride
      var c = 0
      while c < channels {
        window.transform(from: c, work) { i, products in
          let row = target + i * 6 * planeStride
          Factor.store(products.0, in: row, from: c)
          Factor.store(products.1, in: row + planeStride, from: c)
          Factor.store(products.2, in: row + 2 * planeStride, from: c)
          Factor.store(products.3, in: row + 3 * planeStride, from: c)
          Factor.store(products.4, in: row + 4 * planeStride, from: c)
          Factor.store(products.5, in: row + 5 * planeStride, from: c)
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
    work: UnsafeMutablePointer<Float>, zeros: UnsafePointer<Float>
  ) {
    for tile in Swift.stride(from: tiles.lowerBound, to: tiles.upperBound, by: Factor.values) {
      let window = Window(input, tile, self, channels, zeros)
      let next =
        Factor.values == 1
        ? window : Window(input, min(tile + 2, tiles.upperBound) - 1, self, channels, zeros)
      let isPair = tile + 1 < tiles.upperBound
      let target = planes + (tile - tiles.lowerBound) / Factor.values * stride
      var c = 0
      while c < channels {
        WinogradPairs.write(
          to: target + c, planeStride: planeStride, isPair: isPair,
          held: work + 6 &* Self.line
        ) { isOdd, put in
          (isOdd ? next : window).transform(from: c, work, put)
        }
        c += Vector.width
      }
    }
  }

  /// The 6x6 inputs of a tile, which may reach beyond the image.
  private struct Window {
    let tiles: WinogradTiles
    let channels, rowStride: Int
    let y0, x0: Int
    let source, zeros: Floats

    @inline(__always)
    init(
      _ input: Floats, _ tile: Int, _ tiles: WinogradTiles, _ channels: Int, _ zeros: Floats
    ) {
      let place = tiles.grid.place(tile)
      self.tiles = tiles
      self.channels = channels
      self.zeros = zeros
      rowStride = tiles.width * channels
      (y0, x0) = (place.top - 1, place.left - 1)
      source = input + place.image * tiles.height * rowStride
    }

    /// Calls `put` with the number and the six products of each row of B^T d B, of a vector of
    /// channels from `c` on.
    @inline(__always)
    func transform(
      from c: Int, _ work: MutableFloats, _ put: (_ row: Int, Winograd.Six) -> Void
    ) {
      let (height, width) = (tiles.height, tiles.width)
      if y0 >= 0 && y0 + 6 <= height && x0 >= 0 && x0 + 6 <= width {
        let corner = source + (y0 * rowStride + x0 * channels)
        for j in 0..<6 {
          let column = Winograd.input((corner + j * channels + c).six(stride: rowStride))
          (work + j &* line).store(column, stride: Vector.width)
        }
      } else {
        // Rows outside the image are read from the row of zeros.
        @inline(__always) func row(_ i: Int) -> Floats {
          y0 + i >= 0 && y0 + i < height ? source + (y0 + i) * rowStride : zeros
        }
        let (r0, r1, r2, r3, r4, r5) = (row(0), row(1), row(2), row(3), row(4), row(5))
        for j in 0..<6 {
          if x0 + j >= 0 && x0 + j < width {
            let q = (x0 + j) * channels + c
            let column = Winograd.input(
              (
                r0[vector: q], r1[vector: q], r2[vector: q], r3[vector: q], r4[vector: q],
                r5[vector: q]
              ))
            (work + j &* line).store(column, stride: Vector.width)
          } else {
            (work + j &* line).zero(line)
          }
        }
      }
      for i in 0..<6 { put(i, Winograd.input(Floats(work + i &* Vector.width).six(stride: line))) }
    }
  }

  /// Writes A dy A^T of the output gradients of each tile, zeros for what it lacks of 4x4, as
  /// panels [channels/16][tiles/values][16] of factors along the tiles, `panelStride` floats apart,
  /// in each of the 36 planes.
  @inline(never)
  package func transformGradient(
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
          to: target + ((k >> 4) * panelStride + (k & 15)), planeStride: planeStride,
          isPair: isPair, held: work + 6 &* Self.line
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
    init(_ gradient: Floats, _ tile: Int, _ tiles: WinogradTiles, _ channels: Int) {
      let place = tiles.grid.place(tile)
      (rows, columns) = (place.rows, place.columns)
      self.channels = channels
      rowStride = tiles.width * channels
      corner =
        gradient
        + ((place.image * tiles.height + place.top) * rowStride + place.left * channels)
    }

    /// Calls `put` with the number and the six products of each row of A dy A^T, of a vector of
    /// channels from `k` on.
    @inline(__always)
    func transform(
      from k: Int, _ work: MutableFloats, _ put: (_ row: Int, Winograd.Six) -> Void
    ) {
      let zero = Vector()
      for j in 0..<4 {
        if j < columns {
          let p = corner + j * channels + k
          let column = Winograd.outputAdjoint(
            (
              p[vector: 0], rows > 1 ? p[vector: rowStride] : zero,
              rows > 2 ? p[vector: 2 * rowStride] : zero,
              rows > 3 ? p[vector: 3 * rowStride] : zero
            ))
          (work + j &* line).store(column, stride: Vector.width)
        } else {
          (work + j &* line).zero(line)
        }
      }
      for i in 0..<6 {
        put(i, Winograd.outputAdjoint(Floats(work + i &* Vector.width).four(stride: line)))
      }
    }
  }

  /// What the output transform does with a pixel.
  private struct OutputUse {
    var adds = false
    var sums = false
  }

  /// Writes A^T m A, the outputs of each tile, for output channels `channels` of `channelCount`.
  @inline(never)
  package func transformOutput(
    _ planes: UnsafePointer<Float>, planeStride: Int, stride: Int, tiles: Range<Int>,
    channels: Range<Int>,
    channelCount: Int, into output: UnsafeMutablePointer<Float>,
    work: UnsafeMutablePointer<Float>
  ) {
    outputCore(
      OutputUse(), planes, planeStride, stride, tiles, channels, channelCount, output, work, work)
  }

  /// As `transformOutput`, adding to what is there.
  @inline(never)
  package func transformOutput(
    _ planes: UnsafePointer<Float>, planeStride: Int, stride: Int, tiles: Range<Int>,
    channels: Range<Int>,
    channelCount: Int, addingTo output: UnsafeMutablePointer<Float>,
    work: UnsafeMutablePointer<Float>
  ) {
    outputCore(
      OutputUse(adds: true), planes, planeStride, stride, tiles, channels, channelCount, output,
      work, work)
  }

  /// As `transformOutput`, adding the sums and the sums of squares of the outputs to `sums`
  /// [2][stride].
  @inline(never)
  package func transformOutput(
    _ planes: UnsafePointer<Float>, planeStride: Int, stride: Int, tiles: Range<Int>,
    channels: Range<Int>,
    channelCount: Int, into output: UnsafeMutablePointer<Float>,
    sums: UnsafeMutablePointer<Float>, work: UnsafeMutablePointer<Float>
  ) {
    outputCore(
      OutputUse(sums: true), planes, planeStride, stride, tiles, channels, channelCount, output,
      work, sums)
  }

  @inline(__always)
  private func outputCore(
    _ use: OutputUse, _ planes: Floats, _ planeStride: Int, _ stride: Int, _ tiles: Range<Int>,
    _ channels: Range<Int>, _ channelCount: Int, _ output: MutableFloats, _ work: MutableFloats,
    _ sums: MutableFloats
  ) {
    let rowStride = width * channelCount
    for tile in tiles {
      let place = grid.place(tile)
      let (rows, columns) = (place.rows, place.columns)
      let corner =
        output
        + ((place.image * height + place.top) * rowStride + place.left * channelCount
          + channels.lowerBound)
      let source = planes + (tile - tiles.lowerBound) * stride
      var k = 0
      while k < channels.count {
        for j in 0..<6 {
          let column = Winograd.output(
            (source + j * planeStride + k).six(stride: 6 * planeStride))
          let q = work + j &* Vector.width
          q[vector: 0] = column.0
          q[vector: Self.line] = column.1
          q[vector: 2 &* Self.line] = column.2
          q[vector: 3 &* Self.line] = column.3
        }
        // A tile is summed by itself first: two short chains round less than a long one.
        var (sum, squares) = (Vector(), Vector())
        @inline(__always) func put(_ v: Vector, _ p: MutableFloats) {
          if use.sums {
            sum += v
            squares = squares.addingProduct(v, v)
          }
          p[vector: 0] = use.adds ? p[vector: 0] + v : v
        }
        for i in 0..<rows {
          let pixels = Winograd.output(Floats(work + i &* Self.line).six(stride: Vector.width))
          let target = corner + (i * rowStride + k)
          put(pixels.0, target)
          if columns > 1 { put(pixels.1, target + channelCount) }
          if columns > 2 { put(pixels.2, target + 2 * channelCount) }
          if columns > 3 { put(pixels.3, target + 3 * channelCount) }
        }
        if use.sums {
          sums[vector: k] += sum
          sums[vector: stride + k] += squares
        }
        k += Vector.width
      }
    }
  }
}
