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
    shape.forEachOutput { pixel, n, row, column in
      let rows = shape.taps(row, size: shape.height)
      let columns = shape.taps(column, size: shape.width)
      var c = 0
      while c < channels {
        let count = Swift.min(8, channels - c)
        let whole = count == 8
        let first = shape.pixel(n, row, column, rows.lowerBound, columns.lowerBound) * channels + c
        var best = whole ? Vector8(input + first, count: 8) : Vector8(input + first, count: count)
        var winner = SIMD8<Int32>(
          repeating: Int32(
            truncatingIfNeeded: rows.lowerBound * shape.window + columns.lowerBound))
        for r in rows {
          for k in columns {
            let source = input + shape.pixel(n, row, column, r, k) * channels + c
            let value = whole ? Vector8(source, count: 8) : Vector8(source, count: count)
            let wins = (value .> best) .| (value .!= value)
            best.replace(with: value, where: wins)
            let tap = SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: r * shape.window + k))
            winner.replace(with: tap, where: wins)
          }
        }
        let target = output + (pixel * shape.outputStride + c)
        let at = pixel * channels + c
        if whole {
          best.store(target, count: 8)
          UnsafeMutableRawPointer(winners + at).storeBytes(
            of: SIMD8<UInt8>(truncatingIfNeeded: winner), as: SIMD8<UInt8>.self)
        } else {
          for i in 0..<count {
            target[i] = best[i]
            winners[at + i] = UInt8(truncatingIfNeeded: winner[i])
          }
        }
        c += 8
      }
    }
  }

  /// Collects, for each input pixel, the gradients [N,OH,OW,C] of the windows that it won.
  package static func maxBackward(
    _ outputGradient: UnsafePointer<Float>, winners: UnsafePointer<UInt8>, shape: PoolingShape,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false
  ) {
    let channels = shape.channels
    let (outputHeight, outputWidth) = (shape.outputHeight, shape.outputWidth)
    shape.forEachInput { pixel, n, y, x in
      let rows = shape.windows(over: y, count: outputHeight)
      let columns = shape.windows(over: x, count: outputWidth)
      let target = inputGradient + pixel * channels
      var c = 0
      while c < channels {
        let count = Swift.min(8, channels - c)
        var sum = SIMD8<Float>()
        if addingToInput {
          sum = Vector8(target + c, count: count)
        }
        for row in rows {
          let tapRow = (y + shape.padding - row * shape.stride) * shape.window
          for column in columns {
            let tap = tapRow + x + shape.padding - column * shape.stride
            let window = (n * outputHeight + row) * outputWidth + column
            let source = outputGradient + (window * shape.outputStride + c)
            let winner = winners + (window * channels + c)
            if count == 8 {
              let won = SIMD8<Int32>(
                truncatingIfNeeded: UnsafeRawPointer(winner).loadUnaligned(as: SIMD8<UInt8>.self))
              let isMine = won .== SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: tap))
              let gradient = Vector8(source, count: 8)
              sum += SIMD8<Float>(repeating: 0).replacing(with: gradient, where: isMine)
            } else {
              for i in 0..<count where Int(winner[i]) == tap { sum[i] += source[i] }
            }
          }
        }
        if count == 8 {
          sum.store(target + c, count: 8)
        } else {
          for i in 0..<count { target[c + i] = sum[i] }
        }
        c += 8
      }
    }
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
