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

  /// Floats of scratch that a transform takes for one tile, in registers of any width.
  package static var workCount: Int { 6 * 6 * 16 }

  /// Floats between the columns of a tile in scratch.
  @inline(__always) private static var line: Int { 6 &* Vector.width }

  /// Writes B^T d B of the 6x6 inputs of each tile of `tiles`, `planeStride` floats between the 36
  /// planes, `stride` between tiles; `work` is scratch of `workCount` floats, `zeros` a row of
  /// zeros [width x channels].
  @inline(never)
  package func transformInput(
    _ input: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, stride: Int,
    work: UnsafeMutablePointer<Float>, zeros: UnsafePointer<Float>
  ) {
    let rowStride = width * channels
    for tile in tiles {
      let place = grid.place(tile)
      let (y0, x0) = (place.top - 1, place.left - 1)
      let source = input + place.image * height * rowStride
      let target = planes + (tile - tiles.lowerBound) * stride
      let isInside = y0 >= 0 && y0 + 6 <= height && x0 >= 0 && x0 + 6 <= width

      // Rows outside the image are read from the row of zeros.
      @inline(__always) func row(_ i: Int) -> Floats {
        y0 + i >= 0 && y0 + i < height ? source + (y0 + i) * rowStride : zeros
      }
      let (r0, r1, r2, r3, r4, r5) = (row(0), row(1), row(2), row(3), row(4), row(5))
      let corner = source + (y0 * rowStride + x0 * channels)
      var c = 0
      while c < channels {
        if isInside {
          for j in 0..<6 {
            let column = Winograd.input((corner + j * channels + c).six(stride: rowStride))
            (work + j &* Self.line).store(column, stride: Vector.width)
          }
        } else {
          for j in 0..<6 {
            if x0 + j >= 0 && x0 + j < width {
              let q = (x0 + j) * channels + c
              let column = Winograd.input(
                (
                  r0[vector: q], r1[vector: q], r2[vector: q], r3[vector: q], r4[vector: q],
                  r5[vector: q]
                ))
              (work + j &* Self.line).store(column, stride: Vector.width)
            } else {
              (work + j &* Self.line).zero(Self.line)
            }
          }
        }
        for i in 0..<6 {
          let products = Winograd.input(Floats(work + i &* Vector.width).six(stride: Self.line))
          (target + c + i * 6 * planeStride).store(products, stride: planeStride)
        }
        c += Vector.width
      }
    }
  }

  /// Writes A dy A^T of the output gradients of each tile, zeros for what it lacks of 4x4, as
  /// panels [channels/16][tile][16], `panelStride` floats apart, in each of the 36 planes.
  @inline(never)
  package func transformGradient(
    _ gradient: UnsafePointer<Float>, channels: Int, tiles: Range<Int>,
    into planes: UnsafeMutablePointer<Float>, planeStride: Int, panelStride: Int,
    work: UnsafeMutablePointer<Float>
  ) {
    let rowStride = width * channels
    for tile in tiles {
      let place = grid.place(tile)
      let (rows, columns) = (place.rows, place.columns)
      let corner =
        gradient + ((place.image * height + place.top) * rowStride + place.left * channels)
      let target = planes + (tile - tiles.lowerBound) * 16
      var k = 0
      while k < channels {
        for j in 0..<4 {
          if j < columns {
            let p = corner + j * channels + k
            let zero = Vector()
            let column = Winograd.outputAdjoint(
              (
                p[vector: 0], rows > 1 ? p[vector: rowStride] : zero,
                rows > 2 ? p[vector: 2 * rowStride] : zero,
                rows > 3 ? p[vector: 3 * rowStride] : zero
              ))
            (work + j &* Self.line).store(column, stride: Vector.width)
          } else {
            (work + j &* Self.line).zero(Self.line)
          }
        }
        let panel = target + (k >> 4) * panelStride + (k & 15)
        for i in 0..<6 {
          let products = Winograd.outputAdjoint(
            Floats(work + i &* Vector.width).four(stride: Self.line))
          (panel + i * 6 * planeStride).store(products, stride: planeStride)
        }
        k += Vector.width
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
