/// The 4x4 output tiles of a batch of images [rows, height, width, channels] and the transforms that
/// carry them to and from the 36 planes of products.
struct WinogradTiles {
  let height, width, across, perImage: Int

  init(height: Int, width: Int) {
    self.height = height
    self.width = width
    across = (width + 3) / 4
    perImage = (height + 3) / 4 * across
  }

  /// Where a tile begins: its image and its first output pixel.
  @inline(__always)
  private func place(_ tile: Int) -> (image: Int, y: Int, x: Int) {
    let inImage = tile % perImage
    return (tile / perImage, inImage / across * 4, inImage % across * 4)
  }

  /// Writes B^T d B of the 6x6 inputs of each tile of `tiles`, `planeStride` floats between the 36
  /// planes, `stride` between tiles; `work` is scratch of 288 floats, `zeros` a row of zeros
  /// [width x channels].
  @inline(never)
  func transformInput(
    _ input: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, stride: Int, work: MutableFloats, zeros: Floats
  ) {
    let rowStride = width * channels
    for tile in tiles {
      let (image, top, left) = place(tile)
      let (y0, x0) = (top - 1, left - 1)
      let source = input + image * height * rowStride
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
            (work + j * 48).store(column, stride: 8)
          }
        } else {
          for j in 0..<6 {
            if x0 + j >= 0 && x0 + j < width {
              let q = (x0 + j) * channels + c
              let column = Winograd.input(
                (
                  r0[vector8: q], r1[vector8: q], r2[vector8: q], r3[vector8: q], r4[vector8: q],
                  r5[vector8: q]
                ))
              (work + j * 48).store(column, stride: 8)
            } else {
              (work + j * 48).zero(48)
            }
          }
        }
        for i in 0..<6 {
          let products = Winograd.input(Floats(work + i * 8).six(stride: 48))
          (target + c + i * 6 * planeStride).store(products, stride: planeStride)
        }
        c += 8
      }
    }
  }

  /// Writes A dy A^T of the 4x4 output gradients of each tile as panels [channels/16][tile][16],
  /// `panelStride` floats apart, in each of the 36 planes.
  @inline(never)
  func transformGradient(
    _ gradient: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, panelStride: Int, work: MutableFloats
  ) {
    let rowStride = width * channels
    for tile in tiles {
      let (image, top, left) = place(tile)
      let (rows, columns) = (height - top, width - left)
      let corner = gradient + ((image * height + top) * rowStride + left * channels)
      let target = planes + (tile - tiles.lowerBound) * 16
      var k = 0
      while k < channels {
        for j in 0..<4 {
          if j < columns {
            let p = corner + j * channels + k
            let zero = Vector8()
            let column = Winograd.outputAdjoint(
              (
                p[vector8: 0], rows > 1 ? p[vector8: rowStride] : zero,
                rows > 2 ? p[vector8: 2 * rowStride] : zero,
                rows > 3 ? p[vector8: 3 * rowStride] : zero
              ))
            (work + j * 48).store(column, stride: 8)
          } else {
            (work + j * 48).zero(48)
          }
        }
        let panel = target + (k >> 4) * panelStride + (k & 8)
        for i in 0..<6 {
          let products = Winograd.outputAdjoint(Floats(work + i * 8).four(stride: 48))
          (panel + i * 6 * planeStride).store(products, stride: planeStride)
        }
        k += 8
      }
    }
  }

  /// What the output transform does with a pixel.
  struct OutputUse {
    var adds = false
    var sums = false
  }

  /// Writes A^T m A, the 4x4 outputs of each tile, for output channels `channels` of `channelCount`.
  @inline(never)
  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, into output: MutableFloats, work: MutableFloats
  ) {
    outputCore(
      OutputUse(), planes, planeStride, stride, tiles, channels, channelCount, output, work, work)
  }

  /// As `transformOutput`, adding to what is there.
  @inline(never)
  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, addingTo output: MutableFloats, work: MutableFloats
  ) {
    outputCore(
      OutputUse(adds: true), planes, planeStride, stride, tiles, channels, channelCount, output,
      work, work)
  }

  /// As `transformOutput`, adding the sums and the sums of squares of the outputs to `sums`
  /// [2][stride].
  @inline(never)
  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, into output: MutableFloats, sums: MutableFloats, work: MutableFloats
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
      let (image, top, left) = place(tile)
      let (rows, columns) = (min(4, height - top), width - left)
      let corner =
        output + ((image * height + top) * rowStride + left * channelCount + channels.lowerBound)
      let source = planes + (tile - tiles.lowerBound) * stride
      var k = 0
      while k < channels.count {
        for j in 0..<6 {
          let column = Winograd.output(
            (source + j * planeStride + k).six(stride: 6 * planeStride))
          let q = work + j * 8
          q[vector8: 0] = column.0
          q[vector8: 48] = column.1
          q[vector8: 96] = column.2
          q[vector8: 144] = column.3
        }
        // A tile is summed by itself first: two short chains round less than a long one.
        var (sum, squares) = (Vector8(), Vector8())
        @inline(__always) func put(_ v: Vector8, _ p: MutableFloats) {
          if use.sums {
            sum += v
            squares = squares.addingProduct(v, v)
          }
          p[vector8: 0] = use.adds ? p[vector8: 0] + v : v
        }
        for i in 0..<rows {
          let pixels = Winograd.output(Floats(work + i * 48).six(stride: 8))
          let target = corner + (i * rowStride + k)
          put(pixels.0, target)
          if columns > 1 { put(pixels.1, target + channelCount) }
          if columns > 2 { put(pixels.2, target + 2 * channelCount) }
          if columns > 3 { put(pixels.3, target + 3 * channelCount) }
        }
        if use.sums {
          sums[vector8: k] += sum
          sums[vector8: stride + k] += squares
        }
        k += 8
      }
    }
  }
}
