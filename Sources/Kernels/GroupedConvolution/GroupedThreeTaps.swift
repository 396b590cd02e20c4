/// Rows of depthwise 3x3 convolutions: eight channels keep their nine weights in registers along
/// the row.
enum ThreeTaps {
  /// Row `i` of the convolution of `image`, or with `flipped`, at stride 1, that with the kernel
  /// turned round, whose image has the shape of the output.
  @inline(never)
  static func row(
    _ i: Int, of image: Floats, shape: GroupedConvolutionShape, weights: Floats, flipped: Bool,
    adding: Bool, into row: MutableFloats
  ) {
    let channels = shape.channels
    let (height, width, columns) =
      flipped
      ? (shape.outputHeight, shape.outputWidth, shape.width)
      : (shape.height, shape.width, shape.outputWidth)
    let rows = shape.taps(of: i, size: height)
    let inner = shape.inner(size: width, outputs: columns)
    let top = i * shape.stride - shape.padding
    var c = 0
    while c < channels {
      let count = min(8, channels - c)
      func weight(_ r: Int, _ q: Int) -> Vector8 {
        let tap = flipped ? 8 - (r * 3 + q) : r * 3 + q
        return Vector8(weights + (tap * channels + c), count: count)
      }
      func border(_ j: Int) {
        var sum = Vector8()
        for r in rows {
          for q in shape.taps(of: j, size: width) {
            let x = j * shape.stride + q - shape.padding
            sum = sum.addingProduct(
              Vector8(image + (((top + r) * width + x) * channels + c), count: count), weight(r, q))
          }
        }
        let target = row + (j * channels + c)
        if adding { sum += Vector8(target, count: count) }
        sum.store(target, count: count)
      }
      for j in 0..<inner.lowerBound { border(j) }
      if rows.count == 3 && count == 8 && !inner.isEmpty {
        whole(
          image + ((top * width + inner.lowerBound * shape.stride - shape.padding) * channels + c),
          rowStride: width * channels, channels: channels, step: shape.stride * channels,
          weights: weights + c, flipped: flipped, columns: inner.count, adding: adding,
          into: row + (inner.lowerBound * channels + c))
      } else {
        for j in inner { border(j) }
      }
      for j in inner.upperBound..<columns { border(j) }
      c += 8
    }
  }

  /// Outputs all of whose taps lie on the image.
  @inline(__always)
  private static func whole(
    _ source: Floats, rowStride: Int, channels: Int, step: Int, weights: Floats, flipped: Bool,
    columns: Int, adding: Bool, into target: MutableFloats
  ) {
    @inline(__always) func weight(_ tap: Int) -> Vector8 {
      weights[vector: (flipped ? 8 - tap : tap) * channels]
    }
    let (w0, w1, w2) = (weight(0), weight(1), weight(2))
    let (w3, w4, w5) = (weight(3), weight(4), weight(5))
    let (w6, w7, w8) = (weight(6), weight(7), weight(8))
    var (a, b, d, to) = (source, source + rowStride, source + 2 * rowStride, target)
    for _ in 0..<columns {
      var first = a[vector: 0] * w0
      var second = b[vector: 0] * w3
      var third = d[vector: 0] * w6
      first = first.addingProduct(a[vector: channels], w1)
      second = second.addingProduct(b[vector: channels], w4)
      third = third.addingProduct(d[vector: channels], w7)
      first = first.addingProduct(a[vector: 2 &* channels], w2)
      second = second.addingProduct(b[vector: 2 &* channels], w5)
      third = third.addingProduct(d[vector: 2 &* channels], w8)
      var sum = first + second + third
      if adding { sum += to[vector: 0] }
      to[vector: 0] = sum
      a += step
      b += step
      d += step
      to += channels
    }
  }
}
