/// Sums, copies and multiples of dense blocks of floats.
package enum ElementwiseKernel {
  /// output = a + b over a [P,C] map; `output` may be `a` or `b`.
  ///
  /// `outputSums` [2][C], if given, receives the sums and sums of squares of the output.
  package static func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, pixels: Int, channels: Int,
    into output: UnsafeMutablePointer<Float>, outputSums: UnsafeMutablePointer<Double>? = nil
  ) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    outputSums?.update(repeating: 0, count: 2 * channels)
    AddPass(channels: channels, a: a, b: b, output: output, sums: outputSums)
      .run(pixels: pixels, channels: channels)
  }

  /// Adds `values` [count] to `sums`.
  package static func add(
    _ values: UnsafePointer<Float>, count: Int, addingTo sums: UnsafeMutablePointer<Float>
  ) {
    var i = 0
    while i + 8 <= count {
      storeEight(loadEight(sums + i) + loadEight(values + i), sums + i)
      i += 8
    }
    while i < count {
      sums[i] += values[i]
      i += 1
    }
  }

  /// Adds `factor` * `values` [count] to `sums`, each rounded once.
  package static func add(
    _ values: UnsafePointer<Float>, times factor: Float, count: Int,
    addingTo sums: UnsafeMutablePointer<Float>
  ) {
    let factors = SIMD8<Float>(repeating: factor)
    var i = 0
    while i + 8 <= count {
      storeEight(loadEight(sums + i).addingProduct(loadEight(values + i), factors), sums + i)
      i += 8
    }
    while i < count {
      sums[i].addProduct(values[i], factor)
      i += 1
    }
  }

  /// output = `factor` * `values` [count]; `output` may be `values`.
  package static func scale(
    _ values: UnsafePointer<Float>, by factor: Float, count: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    var i = 0
    while i + 8 <= count {
      storeEight(loadEight(values + i) * factor, output + i)
      i += 8
    }
    while i < count {
      output[i] = values[i] * factor
      i += 1
    }
  }

  /// Copies `values` [count]; the two blocks must not overlap.
  package static func copy(
    _ values: UnsafePointer<Float>, count: Int, into output: UnsafeMutablePointer<Float>
  ) {
    output.update(from: values, count: count)
  }

  /// Sets `count` floats to zero.
  package static func zero(_ values: UnsafeMutablePointer<Float>, count: Int) {
    values.update(repeating: 0, count: count)
  }
}

private struct AddPass: ChannelGroupPass {
  let channels: Int
  let a: UnsafePointer<Float>
  let b: UnsafePointer<Float>
  let output: UnsafeMutablePointer<Float>
  let sums: UnsafeMutablePointer<Double>?

  @inline(__always)
  func visit(pixel: Int, pixels: Int, channel: Int, count: Int) {
    var sum = Lanes(0)
    var squares = Lanes(0)
    var at = pixel * channels + channel
    for _ in 0..<pixels {
      let y = Lanes(a + at, count: count) + Lanes(b + at, count: count)
      y.store(output + at, count: count)
      sum = sum + y
      squares = squares.addingProduct(y, y)
      at += channels
    }
    if let sums {
      sum.fold(sums + channel, count: count)
      squares.fold(sums + channels + channel, count: count)
    }
  }
}
