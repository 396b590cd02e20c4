/// The weight gradient of one image's rows of outputs, added to Double sums.
struct GroupedWeightGradient {
  let shape: GroupedConvolutionShape
  let gradient, image: Floats
  let sums: UnsafeMutablePointer<Double>

  @inline(__always)
  func add(outputRows: Range<Int>) {
    let channels = shape.channels
    var c = 0
    while c < channels {
      for r in 0..<shape.kernel {
        if shape.kernel == 3 && channels - c >= 8 {
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
    let isPair = shape.groupWidth == 2
    let inner = shape.inner(size: shape.width, outputs: shape.outputWidth)
    // With what the input meets, and for pairs with what the channel beside meets.
    var (own, beside) = (ThreeSums(), ThreeSums())
    for i in outputRows {
      let y = i * stride + r - shape.padding
      if y < 0 || y >= shape.height { continue }
      let row = image + (y * shape.width * channels + c)
      let dy = gradient + (i * shape.outputWidth * channels + c)
      func border(_ j: Int) {
        let value = dy[vector: j * channels]
        for q in shape.taps(of: j, size: shape.width) {
          let x = row[vector: (j * stride + q - shape.padding) * channels]
          own.add(x, value, tap: q)
          if isPair { beside.add(x, swapped(value), tap: q) }
        }
      }
      for j in 0..<inner.lowerBound { border(j) }
      // Sums of their own, which no closure captures, stay in registers.
      var (s, t) = (ThreeSums(), ThreeSums())
      var from = row + (inner.lowerBound * stride - shape.padding) * channels
      var at = dy + inner.lowerBound * channels
      for _ in inner {
        let value = at[vector: 0]
        let (x0, x1) = (from[vector: 0], from[vector: channels])
        let x2 = from[vector: 2 &* channels]
        s.add(x0, x1, x2, value)
        if isPair { t.add(x0, x1, x2, swapped(value)) }
        from += stride &* channels
        at += channels
      }
      own.add(s)
      beside.add(t)
      for j in inner.upperBound..<shape.outputWidth { border(j) }
    }
    for q in 0..<3 {
      fold(own[q], tap: r * 3 + q, plane: 0, channel: c, count: 8)
      if isPair { fold(swapped(beside[q]), tap: r * 3 + q, plane: 1, channel: c, count: 8) }
    }
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

/// The sums of three neighbouring taps.
private struct ThreeSums {
  private var s0 = Vector8(repeating: 0)
  private var s1 = Vector8(repeating: 0)
  private var s2 = Vector8(repeating: 0)

  @inline(__always)
  mutating func add(_ x0: Vector8, _ x1: Vector8, _ x2: Vector8, _ value: Vector8) {
    s0 = s0.addingProduct(x0, value)
    s1 = s1.addingProduct(x1, value)
    s2 = s2.addingProduct(x2, value)
  }

  @inline(__always)
  mutating func add(_ x: Vector8, _ value: Vector8, tap: Int) {
    switch tap {
    case 0: s0 = s0.addingProduct(x, value)
    case 1: s1 = s1.addingProduct(x, value)
    default: s2 = s2.addingProduct(x, value)
    }
  }

  @inline(__always)
  mutating func add(_ other: ThreeSums) {
    s0 += other.s0
    s1 += other.s1
    s2 += other.s2
  }

  subscript(tap: Int) -> Vector8 { tap == 0 ? s0 : tap == 1 ? s1 : s2 }
}
