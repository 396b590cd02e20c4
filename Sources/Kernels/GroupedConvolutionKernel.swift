private import Preconditions

/// Convolution without bias over groups of one or two channels of NHWC images, and its gradients.
///
/// Channels are the unit stride, eight of them a vector; the other channel of a pair is a swap of
/// neighbours in the same vector. Sums are taken tap by tap in a fixed order: results depend on
/// shape and rows alone.
package enum GroupedConvolutionKernel {
  /// Doubles of scratch that `backwardWeights` needs.
  package static func scratchCount(_ shape: GroupedConvolutionShape) -> Int { shape.weightCount }

  /// y[n, i, j, k] = sum over r, q and the channels c of k's group of
  /// x[n, i stride + r - padding, j stride + q - padding, c] w[k, c, r, q].
  ///
  /// `input` [rows, height, width, C], `weights` in the order of `GroupedWeights`, `output` [rows,
  /// outputHeight, outputWidth, C]. `statistics` [2][C], if asked for, is overwritten with the
  /// sums and the sums of squares of each channel of the output.
  package static func forward(
    _ input: UnsafePointer<Float>, rows: Int, weights: UnsafePointer<Float>,
    shape: GroupedConvolutionShape, into output: UnsafeMutablePointer<Float>,
    statistics: UnsafeMutablePointer<Double>? = nil
  ) {
    require(rows > 0, "grouped convolution: \(rows) images")
    let (width, channels) = (shape.outputWidth, shape.channels)
    statistics?.update(repeating: 0, count: 2 * channels)
    for n in 0..<rows {
      let image = input + n * shape.inputCount
      for i in 0..<shape.outputHeight {
        let row = output + ((n * shape.outputHeight + i) * width * channels)
        if shape.kernel == 3 && shape.groupWidth == 1 {
          ThreeTaps.row(
            i, of: image, shape: shape, weights: weights, flipped: false, adding: false, into: row)
        } else {
          anyRow(i, of: image, shape: shape, weights: weights, into: row)
        }
        if let statistics {
          ConvolutionStatistics.accumulate(
            row, rows: width, columns: channels, addingTo: statistics)
        }
      }
    }
  }

  /// The gradient of the input [rows, height, width, C] from that of the output; added to what is
  /// there when `adding`.
  package static func backwardInput(
    _ outputGradient: UnsafePointer<Float>, rows: Int, weights: UnsafePointer<Float>,
    shape: GroupedConvolutionShape, into inputGradient: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    require(rows > 0, "grouped convolution: \(rows) images")
    // At stride 1 the gradient is a convolution with the kernel turned round.
    let isTurned =
      shape.kernel == 3 && shape.groupWidth == 1 && shape.stride == 1 && shape.padding == 1
    for n in 0..<rows {
      let image = outputGradient + n * shape.outputCount
      for y in 0..<shape.height {
        let row = inputGradient + (n * shape.height + y) * shape.width * shape.channels
        if isTurned {
          ThreeTaps.row(
            y, of: image, shape: shape, weights: weights, flipped: true, adding: adding, into: row)
        } else {
          anyInputRow(y, of: image, shape: shape, weights: weights, adding: adding, into: row)
        }
      }
    }
  }

  /// The gradient of the weights, in their order, from that of the output and the input; `scratch`
  /// holds `scratchCount` doubles.
  package static func backwardWeights(
    _ outputGradient: UnsafePointer<Float>, input: UnsafePointer<Float>, rows: Int,
    shape: GroupedConvolutionShape, into weightGradient: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Double>
  ) {
    require(rows > 0, "grouped convolution: \(rows) images")
    scratch.update(repeating: 0, count: shape.weightCount)
    // A Float sum takes about 512 products before it goes to Double.
    let band = max(1, 512 / shape.outputWidth)
    for n in 0..<rows {
      let gradient = outputGradient + n * shape.outputCount
      let image = input + n * shape.inputCount
      var first = 0
      while first < shape.outputHeight {
        let last = min(first + band, shape.outputHeight)
        GroupedWeightGradient(shape: shape, gradient: gradient, image: image, sums: scratch)
          .add(outputRows: first..<last)
        first = last
      }
    }
    for i in 0..<shape.weightCount { weightGradient[i] = Float(scratch[i]) }
  }

  /// One row of the output, for any kernel and both widths of groups.
  @inline(never)
  private static func anyRow(
    _ i: Int, of image: Floats, shape: GroupedConvolutionShape, weights: Floats,
    into row: MutableFloats
  ) {
    let channels = shape.channels
    let plane = shape.taps * channels
    let taps = shape.taps(of: i, size: shape.height)
    var c = 0
    while c < channels {
      let count = min(8, channels - c)
      for j in 0..<shape.outputWidth {
        var (sum, other) = (Vector8(), Vector8())
        for r in taps {
          let y = i * shape.stride + r - shape.padding
          for q in shape.taps(of: j, size: shape.width) {
            let x = j * shape.stride + q - shape.padding
            let value = Vector8(image + ((y * shape.width + x) * channels + c), count: count)
            let at = weights + ((r * shape.kernel + q) * channels + c)
            sum = sum.addingProduct(value, Vector8(at, count: count))
            if shape.groupWidth == 2 {
              other = other.addingProduct(swapped(value), Vector8(at + plane, count: count))
            }
          }
        }
        (sum + other).store(row + (j * channels + c), count: count)
      }
      c += 8
    }
  }

  /// One row of the input's gradient, for any kernel, stride and both widths of groups.
  @inline(never)
  private static func anyInputRow(
    _ y: Int, of image: Floats, shape: GroupedConvolutionShape, weights: Floats, adding: Bool,
    into row: MutableFloats
  ) {
    let (channels, stride) = (shape.channels, shape.stride)
    let plane = shape.taps * channels
    var c = 0
    while c < channels {
      let count = min(8, channels - c)
      for x in 0..<shape.width {
        var (sum, other) = (Vector8(), Vector8())
        var r = (y + shape.padding) % stride
        while r < shape.kernel && r <= y + shape.padding {
          let i = (y + shape.padding - r) / stride
          var q = (x + shape.padding) % stride
          while i < shape.outputHeight && q < shape.kernel && q <= x + shape.padding {
            let j = (x + shape.padding - q) / stride
            if j < shape.outputWidth {
              let gradient = Vector8(
                image + ((i * shape.outputWidth + j) * channels + c), count: count)
              let at = weights + ((r * shape.kernel + q) * channels + c)
              sum = sum.addingProduct(gradient, Vector8(at, count: count))
              if shape.groupWidth == 2 {
                other = other.addingProduct(gradient, Vector8(at + plane, count: count))
              }
            }
            q += stride
          }
          r += stride
        }
        var result = sum + swapped(other)
        let target = row + (x * channels + c)
        if adding { result += Vector8(target, count: count) }
        result.store(target, count: count)
      }
      c += 8
    }
  }
}

/// The lanes with neighbours swapped.
@inline(__always)
private func swapped(_ v: Vector8) -> Vector8 {
  Vector8(v[1], v[0], v[3], v[2], v[5], v[4], v[7], v[6])
}

/// Rows of depthwise 3x3 convolutions: eight channels keep their nine weights in registers along
/// the row.
private enum ThreeTaps {
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

/// The weight gradient of one image's rows of outputs, added to Double sums.
private struct GroupedWeightGradient {
  let shape: GroupedConvolutionShape
  let gradient, image: Floats
  let sums: UnsafeMutablePointer<Double>

  @inline(__always)
  func add(outputRows: Range<Int>) {
    let channels = shape.channels
    var c = 0
    while c < channels {
      for r in 0..<shape.kernel {
        if shape.kernel == 3 && shape.groupWidth == 1 && channels - c >= 8 {
          addThree(r, channel: c, outputRows)
        } else {
          for q in 0..<shape.kernel { addOne(r, q, channel: c, outputRows) }
        }
      }
      c += 8
    }
  }

  /// The three taps of kernel row `r`, which share the output's gradient.
  @inline(never)
  private func addThree(_ r: Int, channel c: Int, _ outputRows: Range<Int>) {
    let (channels, stride) = (shape.channels, shape.stride)
    let inner = shape.inner(size: shape.width, outputs: shape.outputWidth)
    var (s0, s1, s2) = (Vector8(), Vector8(), Vector8())
    for i in outputRows {
      let y = i * stride + r - shape.padding
      if y < 0 || y >= shape.height { continue }
      let row = image + (y * shape.width * channels + c)
      let dy = gradient + (i * shape.outputWidth * channels + c)
      func border(_ j: Int) {
        let value = dy[vector: j * channels]
        for q in shape.taps(of: j, size: shape.width) {
          let x = row[vector: (j * stride + q - shape.padding) * channels]
          switch q {
          case 0: s0 = s0.addingProduct(x, value)
          case 1: s1 = s1.addingProduct(x, value)
          default: s2 = s2.addingProduct(x, value)
          }
        }
      }
      for j in 0..<inner.lowerBound { border(j) }
      // Sums of their own, which no closure captures, stay in registers.
      var (t0, t1, t2) = (Vector8(), Vector8(), Vector8())
      var from = row + (inner.lowerBound * stride - shape.padding) * channels
      var at = dy + inner.lowerBound * channels
      for _ in inner {
        let value = at[vector: 0]
        t0 = t0.addingProduct(from[vector: 0], value)
        t1 = t1.addingProduct(from[vector: channels], value)
        t2 = t2.addingProduct(from[vector: 2 &* channels], value)
        from += stride &* channels
        at += channels
      }
      s0 += t0
      s1 += t1
      s2 += t2
      for j in inner.upperBound..<shape.outputWidth { border(j) }
    }
    fold(s0, tap: r * 3, plane: 0, channel: c, count: 8)
    fold(s1, tap: r * 3 + 1, plane: 0, channel: c, count: 8)
    fold(s2, tap: r * 3 + 2, plane: 0, channel: c, count: 8)
  }

  @inline(never)
  private func addOne(_ r: Int, _ q: Int, channel c: Int, _ outputRows: Range<Int>) {
    let (channels, stride) = (shape.channels, shape.stride)
    let count = min(8, channels - c)
    var (sum, other) = (Vector8(), Vector8())
    for i in outputRows {
      let y = i * stride + r - shape.padding
      if y < 0 || y >= shape.height { continue }
      for j in 0..<shape.outputWidth {
        let x = j * stride + q - shape.padding
        if x < 0 || x >= shape.width { continue }
        let value = Vector8(image + ((y * shape.width + x) * channels + c), count: count)
        let dy = Vector8(gradient + ((i * shape.outputWidth + j) * channels + c), count: count)
        sum = sum.addingProduct(value, dy)
        if shape.groupWidth == 2 { other = other.addingProduct(swapped(value), dy) }
      }
    }
    let tap = r * shape.kernel + q
    fold(sum, tap: tap, plane: 0, channel: c, count: count)
    if shape.groupWidth == 2 { fold(other, tap: tap, plane: 1, channel: c, count: count) }
  }

  @inline(__always)
  private func fold(_ sum: Vector8, tap: Int, plane: Int, channel: Int, count: Int) {
    let target = sums + ((plane * shape.taps + tap) * shape.channels + channel)
    if count == 8 {
      let raw = UnsafeMutableRawPointer(target)
      let total = raw.loadUnaligned(as: SIMD8<Double>.self) + SIMD8<Double>(sum)
      raw.storeBytes(of: total, as: SIMD8<Double>.self)
    } else {
      for lane in 0..<count { target[lane] += Double(sum[lane]) }
    }
  }
}
