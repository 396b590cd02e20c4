/// Maximum and global average pooling, NHWC, with the semantics of torch's pooling layers.
package enum PoolingKernel {
  /// The maximum of each window; padding never wins, the first of equal values does, NaN spreads.
  ///
  /// `winners` [N,OH,OW,C] receives the tap (row * window + column) that won, for `maxBackward`.
  package static func max(
    _ input: UnsafePointer<Float>, shape: PoolingShape, into output: UnsafeMutablePointer<Float>,
    winners: UnsafeMutablePointer<UInt8>
  ) {
    let channels = shape.channels
    shape.forEachOutput { pixel, taps in
      let target = output + pixel &* shape.outputStride
      let won = winners + pixel &* channels
      forEachEight(channels) { c, count in
        var best = Vector8(input + (taps[0].pixel &* channels &+ c), count: count)
        var winner = number(of: taps[0])
        var i = 1
        while i < taps.count {
          let value = Vector8(input + (taps[i].pixel &* channels &+ c), count: count)
          let wins = (value .> best) .| (value .!= value)
          best.replace(with: value, where: wins)
          winner.replace(with: number(of: taps[i]), where: wins)
          i &+= 1
        }
        best.store(target + c, count: count)
        if count == 8 {
          UnsafeMutableRawPointer(won + c).storeBytes(
            of: SIMD8<UInt8>(truncatingIfNeeded: winner), as: SIMD8<UInt8>.self)
        } else {
          for i in 0..<count { won[c + i] = UInt8(truncatingIfNeeded: winner[i]) }
        }
      }
    }
  }

  /// Collects, for each input pixel, the gradients [N,OH,OW,C] of the windows that it won.
  package static func maxBackward(
    _ outputGradient: UnsafePointer<Float>, winners: UnsafePointer<UInt8>, shape: PoolingShape,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false
  ) {
    let channels = shape.channels
    shape.forEachInput { pixel, _, taps in
      let target = inputGradient + pixel &* channels
      forEachEight(channels) { c, count in
        var sum = addingToInput ? Vector8(target + c, count: count) : Vector8(repeating: 0)
        var i = 0
        while i < taps.count {
          let window = taps[i].pixel
          let source = outputGradient + (window &* shape.outputStride &+ c)
          let winner = winners + (window &* channels &+ c)
          if count == 8 {
            let won = SIMD8<Int32>(
              truncatingIfNeeded: UnsafeRawPointer(winner).loadUnaligned(as: SIMD8<UInt8>.self))
            let gradient = Vector8(source, count: 8)
            sum += Vector8(repeating: 0).replacing(
              with: gradient, where: won .== number(of: taps[i]))
          } else {
            for lane in 0..<count where Int(winner[lane]) == taps[i].number {
              sum[lane] += source[lane]
            }
          }
          i &+= 1
        }
        sum.store(target + c, count: count)
      }
    }
  }

  @inline(__always)
  private static func number(of tap: WindowTap) -> SIMD8<Int32> {
    SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: tap.number))
  }

  /// The mean over all pixels: [N,P,C] to [N,C].
  package static func globalAverage(
    _ input: UnsafePointer<Float>, batch: Int, pixels: Int, channels: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    for n in 0..<batch {
      ColumnSums.write(
        input + n * pixels * channels, rows: pixels, columns: channels,
        scale: 1 / Double(pixels), into: output + n * channels)
    }
  }

  /// Spreads the gradient [N,C] of each mean evenly over its pixels [N,P,C].
  package static func globalAverageBackward(
    _ outputGradient: UnsafePointer<Float>, batch: Int, pixels: Int, channels: Int,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false
  ) {
    checkMap(pixels: pixels, channels: channels, activation: .identity, slopes: nil)
    let share = Vector8(repeating: 1 / Float(pixels))
    for n in 0..<batch {
      for pixel in 0..<pixels {
        let row = inputGradient + (n * pixels + pixel) * channels
        var c = 0
        while c < channels {
          let count = Swift.min(8, channels - c)
          let value = Vector8(outputGradient + n * channels + c, count: count) * share
          let target = row + c
          (addingToInput ? Vector8(target, count: count) + value : value)
            .store(target, count: count)
          c += 8
        }
      }
    }
  }
}
