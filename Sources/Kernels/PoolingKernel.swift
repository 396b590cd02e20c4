private import Preconditions

/// The geometry of a pooling from [N,H,W,C] to [N,OH,OW,C], sizes rounded down.
package struct PoolingShape: Sendable {
  package let batch, height, width, channels: Int
  package let window, stride, padding: Int

  /// A square window; traps when it is empty, larger than the padded map or mostly padding.
  package init(
    batch: Int, height: Int, width: Int, channels: Int, window: Int, stride: Int, padding: Int = 0
  ) {
    require(
      window > 0 && window <= 15 && stride > 0 && padding >= 0 && 2 * padding <= window,
      "pooling window \(window), stride \(stride), padding \(padding): out of range")
    require(
      batch > 0 && channels > 0 && height + 2 * padding >= window
        && width + 2 * padding >= window,
      "pooling window \(window) does not fit the map \(batch)x\(height)x\(width)x\(channels)")
    self.batch = batch
    self.height = height
    self.width = width
    self.channels = channels
    self.window = window
    self.stride = stride
    self.padding = padding
  }

  package var outputHeight: Int { (height + 2 * padding - window) / stride + 1 }
  package var outputWidth: Int { (width + 2 * padding - window) / stride + 1 }
  package var inputCount: Int { batch * height * width * channels }
  package var outputCount: Int { batch * outputHeight * outputWidth * channels }

  /// The taps of output row or column `index` that lie on a map of `size`.
  @inline(__always)
  fileprivate func taps(_ index: Int, size: Int) -> Range<Int> {
    let start = index * stride - padding
    return max(0, -start)..<min(window, size - start)
  }

  /// Calls `body` with output pixel, image, output row and column, in order.
  @inline(__always)
  fileprivate func forEachOutput(
    _ body: (_ pixel: Int, _ n: Int, _ row: Int, _ column: Int) -> Void
  ) {
    var pixel = 0
    for n in 0..<batch {
      for row in 0..<outputHeight {
        for column in 0..<outputWidth {
          body(pixel, n, row, column)
          pixel += 1
        }
      }
    }
  }

  /// The input pixel under tap (`tapRow`, `tapColumn`) of an output pixel.
  @inline(__always)
  fileprivate func pixel(_ n: Int, _ row: Int, _ column: Int, _ tapRow: Int, _ tapColumn: Int)
    -> Int
  {
    let y = row * stride - padding + tapRow
    let x = column * stride - padding + tapColumn
    return (n * height + y) * width + x
  }
}

/// Maximum and average pooling, NHWC, with the semantics of torch's pooling layers.
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
        var best = SIMD8<Float>()
        let none = SIMD8<Int32>(repeating: -1)
        var winner = none
        for r in rows {
          for k in columns {
            let source = input + shape.pixel(n, row, column, r, k) * channels + c
            let value = whole ? loadEight(source) : loadFewer(source, count: count)
            let wins = (value .> best) .| (value .!= value) .| (winner .== none)
            best.replace(with: value, where: wins)
            let tap = SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: r * shape.window + k))
            winner.replace(with: tap, where: wins)
          }
        }
        let at = pixel * channels + c
        if whole {
          storeEight(best, output + at)
          UnsafeMutableRawPointer(winners + at).storeBytes(
            of: SIMD8<UInt8>(truncatingIfNeeded: winner), as: SIMD8<UInt8>.self)
        } else {
          for i in 0..<count {
            output[at + i] = best[i]
            winners[at + i] = UInt8(truncatingIfNeeded: winner[i])
          }
        }
        c += 8
      }
    }
  }

  /// Sends the gradient [N,OH,OW,C] of each window to the input pixel that won it.
  package static func maxBackward(
    _ outputGradient: UnsafePointer<Float>, winners: UnsafePointer<UInt8>, shape: PoolingShape,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false
  ) {
    if !addingToInput { inputGradient.update(repeating: 0, count: shape.inputCount) }
    let channels = shape.channels
    shape.forEachOutput { pixel, n, row, column in
      let corner = shape.pixel(n, row, column, 0, 0) * channels
      let gradient = outputGradient + pixel * channels
      let winner = winners + pixel * channels
      for c in 0..<channels {
        let (r, k) = Int(winner[c]).quotientAndRemainder(dividingBy: shape.window)
        inputGradient[corner + (r * shape.width + k) * channels + c] += gradient[c]
      }
    }
  }

  /// The sum over each window divided by window * window: padding counts as zeros.
  package static func average(
    _ input: UnsafePointer<Float>, shape: PoolingShape, into output: UnsafeMutablePointer<Float>
  ) {
    let channels = shape.channels
    let divisor = Float(shape.window * shape.window)
    shape.forEachOutput { pixel, n, row, column in
      let rows = shape.taps(row, size: shape.height)
      let columns = shape.taps(column, size: shape.width)
      var c = 0
      while c < channels {
        let count = Swift.min(16, channels - c)
        var sum = Lanes(0)
        for r in rows {
          for k in columns {
            let source = input + shape.pixel(n, row, column, r, k) * channels + c
            sum = sum + Lanes(source, count: count)
          }
        }
        Lanes(low: sum.low / divisor, high: sum.high / divisor)
          .store(output + pixel * channels + c, count: count)
        c += 16
      }
    }
  }

  /// Spreads the gradient [N,OH,OW,C] of each average evenly over its window.
  package static func averageBackward(
    _ outputGradient: UnsafePointer<Float>, shape: PoolingShape,
    into inputGradient: UnsafeMutablePointer<Float>, addingToInput: Bool = false
  ) {
    if !addingToInput { inputGradient.update(repeating: 0, count: shape.inputCount) }
    let channels = shape.channels
    let share = Lanes(1 / Float(shape.window * shape.window))
    shape.forEachOutput { pixel, n, row, column in
      let rows = shape.taps(row, size: shape.height)
      let columns = shape.taps(column, size: shape.width)
      var c = 0
      while c < channels {
        let count = Swift.min(16, channels - c)
        let gradient = Lanes(outputGradient + pixel * channels + c, count: count) * share
        for r in rows {
          for k in columns {
            let target = inputGradient + shape.pixel(n, row, column, r, k) * channels + c
            (Lanes(target, count: count) + gradient).store(target, count: count)
          }
        }
        c += 16
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
    let share = Lanes(1 / Float(pixels))
    for n in 0..<batch {
      for pixel in 0..<pixels {
        let row = inputGradient + (n * pixels + pixel) * channels
        var c = 0
        while c < channels {
          let count = Swift.min(16, channels - c)
          let value = Lanes(outputGradient + n * channels + c, count: count) * share
          let target = row + c
          (addingToInput ? Lanes(target, count: count) + value : value)
            .store(target, count: count)
          c += 16
        }
      }
    }
  }
}

/// Sums down the columns of a row-major matrix.
enum ColumnSums {
  /// sums[c] = scale * sum over r of values[r][c]: Float over 512 rows at a time, Double above.
  static func write(
    _ values: UnsafePointer<Float>, rows: Int, columns: Int, scale: Double,
    into sums: UnsafeMutablePointer<Float>
  ) {
    var c = 0
    while c < columns {
      let count = min(8, columns - c)
      var total = SIMD8<Double>()
      var row = 0
      while row < rows {
        let end = min(row + 512, rows)
        var sum = SIMD8<Float>()
        var source = values + row * columns + c
        for _ in row..<end {
          sum += count == 8 ? loadEight(source) : loadFewer(source, count: count)
          source += columns
        }
        total += SIMD8<Double>(sum)
        row = end
      }
      total *= scale
      for i in 0..<count { sums[c + i] = Float(total[i]) }
      c += 8
    }
  }
}
