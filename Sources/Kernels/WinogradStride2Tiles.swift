/// The 4x4 output tiles of a convolution of stride 2, their 9x9 windows of the input, and the
/// transforms that carry both to and from the 81 planes of products.
struct WinogradStride2Tiles {
  let height, width, outputHeight, outputWidth, across, perImage: Int

  init(_ shape: ConvolutionShape) {
    height = shape.height
    width = shape.width
    outputHeight = shape.outputHeight
    outputWidth = shape.outputWidth
    across = (outputWidth + 3) / 4
    perImage = (outputHeight + 3) / 4 * across
  }

  /// Where a tile begins: its image and its first output pixel.
  @inline(__always)
  private func place(_ tile: Int) -> (image: Int, y: Int, x: Int) {
    let inImage = tile % perImage
    return (tile / perImage, inImage / across * 4, inImage % across * 4)
  }

  /// Writes the transformed windows of `tiles`, `planeStride` floats between the 81 planes, `stride`
  /// between tiles; `work` is scratch of 648 floats, here and below.
  @inline(never)
  func transformInput(
    _ input: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, stride: Int, work: MutableFloats
  ) {
    let rowStride = width * channels
    for tile in tiles {
      let (image, top, left) = place(tile)
      let (y0, x0) = (2 * top - 1, 2 * left - 1)
      let corner = input + ((image * height + y0) * rowStride + x0 * channels)
      let target = planes + (tile - tiles.lowerBound) * stride
      let inside = max(0, -y0)..<min(9, height - y0)
      let isInside = inside.count == 9
      var c = 0
      while c < channels {
        for j in 0..<9 {
          let q = work + j * 72
          if x0 + j < 0 || x0 + j >= width {
            q.zero(72)
            continue
          }
          let p = corner + (j * channels + c)
          if isInside {
            WinogradStride2.input(
              { p[vector8: $0 &* rowStride] }, { q[vector8: $0 &* 8] = $1 })
          } else {
            WinogradStride2.input(
              { inside.contains($0) ? p[vector8: $0 &* rowStride] : Vector8() },
              { q[vector8: $0 &* 8] = $1 })
          }
        }
        for i in 0..<9 {
          let (q, to) = (work + i * 8, target + (i * 9 * planeStride + c))
          WinogradStride2.input(
            { q[vector8: $0 &* 72] }, { to[vector8: $0 &* planeStride] = $1 })
        }
        c += 8
      }
    }
  }

  /// Adds the windows of gradients of `tiles`, from planes laid out as `transformInput` does.
  @inline(never)
  func scatterInputGradient(
    _ planes: Floats, planeStride: Int, stride: Int, channels: Int, tiles: Range<Int>,
    addingTo inputGradient: MutableFloats, work: MutableFloats
  ) {
    let rowStride = width * channels
    for tile in tiles {
      let (image, top, left) = place(tile)
      let (y0, x0) = (2 * top - 1, 2 * left - 1)
      let corner = inputGradient + ((image * height + y0) * rowStride + x0 * channels)
      let source = planes + (tile - tiles.lowerBound) * stride
      let (firstColumn, endColumn) = (max(0, -x0), min(9, width - x0))
      var c = 0
      while c < channels {
        for j in 0..<9 {
          let (p, q) = (source + (j * planeStride + c), work + j * 8)
          WinogradStride2.inputAdjoint(
            { p[vector8: $0 &* 9 &* planeStride] }, { q[vector8: $0 &* 72] = $1 })
        }
        for i in max(0, -y0)..<min(9, height - y0) {
          let (q, to) = (work + i * 72, corner + (i * rowStride + c))
          WinogradStride2.inputAdjoint(
            { q[vector8: $0 &* 8] },
            { if $0 >= firstColumn && $0 < endColumn { to[vector8: $0 &* channels] += $1 } })
        }
        c += 8
      }
    }
  }

  /// Writes the transformed output gradients of `tiles`: eight channels from `k` on of a tile go to
  /// `tile * tileStride + k / 16 * panelStride + k % 16` of each plane. Rows of [K] floats are
  /// panels 16 floats apart.
  @inline(never)
  func transformGradient(
    _ gradient: Floats, channels: Int, tiles: Range<Int>, into planes: MutableFloats,
    planeStride: Int, tileStride: Int, panelStride: Int, work: MutableFloats
  ) {
    let rowStride = outputWidth * channels
    let zero = Vector8()
    for tile in tiles {
      let (image, top, left) = place(tile)
      let (rows, columns) = (outputHeight - top, outputWidth - left)
      let corner = gradient + ((image * outputHeight + top) * rowStride + left * channels)
      let target = planes + (tile - tiles.lowerBound) * tileStride
      var k = 0
      while k < channels {
        for j in 0..<4 {
          let q = work + j * 72
          if j >= columns {
            q.zero(72)
            continue
          }
          let p = corner + (j * channels + k)
          WinogradStride2.outputAdjoint(
            (
              p[vector8: 0], rows > 1 ? p[vector8: rowStride] : zero,
              rows > 2 ? p[vector8: 2 * rowStride] : zero,
              rows > 3 ? p[vector8: 3 * rowStride] : zero
            ), { q[vector8: $0 &* 8] = $1 })
        }
        let panel = target + ((k >> 4) * panelStride + (k & 8))
        for i in 0..<9 {
          let to = panel + i * 9 * planeStride
          WinogradStride2.outputAdjoint(
            Floats(work + i * 8).four(stride: 72), { to[vector8: $0 &* planeStride] = $1 })
        }
        k += 8
      }
    }
  }

  /// Writes the 4x4 outputs of `tiles` for output channels `channels` of `channelCount`, and adds
  /// their sums and sums of squares to `sums` [2][stride] if asked for.
  @inline(never)
  func transformOutput(
    _ planes: Floats, planeStride: Int, stride: Int, tiles: Range<Int>, channels: Range<Int>,
    channelCount: Int, into output: MutableFloats, sums: MutableFloats?, work: MutableFloats
  ) {
    let rowStride = outputWidth * channelCount
    for tile in tiles {
      let (image, top, left) = place(tile)
      let (rows, columns) = (min(4, outputHeight - top), outputWidth - left)
      let corner =
        output
        + ((image * outputHeight + top) * rowStride + left * channelCount + channels.lowerBound)
      let source = planes + (tile - tiles.lowerBound) * stride
      var k = 0
      while k < channels.count {
        for j in 0..<9 {
          let (p, q) = (source + (j * planeStride + k), work + j * 8)
          let column = WinogradStride2.output { p[vector8: $0 &* 9 &* planeStride] }
          q[vector8: 0] = column.0
          q[vector8: 72] = column.1
          q[vector8: 144] = column.2
          q[vector8: 216] = column.3
        }
        var (sum, squares) = (Vector8(), Vector8())
        @inline(__always) func put(_ v: Vector8, _ p: MutableFloats) {
          sum += v
          squares = squares.addingProduct(v, v)
          p[vector8: 0] = v
        }
        for i in 0..<rows {
          let q = work + i * 72
          let pixels = WinogradStride2.output { q[vector8: $0 &* 8] }
          let target = corner + (i * rowStride + k)
          put(pixels.0, target)
          if columns > 1 { put(pixels.1, target + channelCount) }
          if columns > 2 { put(pixels.2, target + 2 * channelCount) }
          if columns > 3 { put(pixels.3, target + 3 * channelCount) }
        }
        if let sums {
          sums[vector8: k] += sum
          sums[vector8: stride + k] += squares
        }
        k += 8
      }
    }
  }
}
