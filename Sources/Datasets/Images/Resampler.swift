private import Preconditions

/// How one side of an output image lies on the input: output pixel u covers the input around
/// (u + offset + 1/2) * scale.
package struct SamplingAxis: Equatable, Sendable {
  /// Input pixels per output pixel.
  package var scale: Double
  /// Output pixels between the input's edge and the output's.
  package var offset: Double

  package init(scale: Double, offset: Double = 0) {
    self.scale = scale
    self.offset = offset
  }

  /// The axis of the same part of the input on an output `factor` times as long.
  package func resized(by factor: Double) -> SamplingAxis {
    SamplingAxis(scale: scale / factor, offset: offset * factor)
  }
}

/// Antialiased bilinear resampling of RGB bytes, bit for bit Pillow's `Image.resize(BILINEAR)`:
/// a triangle filter as wide as the scale, 22-bit weights, the horizontal pass first, rounded after
/// each pass.
///
/// Keeps its buffers; serves one thread at a time.
package final class Resampler: @unchecked Sendable {
  private static let weightBits = 22
  private var weights = Scratch<Int32>()
  private var firsts = Scratch<Int>()
  private var keptWeights = Scratch<Int32>()
  private var keptFirsts = Scratch<Int>()
  private var rows = Scratch<UInt8>()
  private var sums = Scratch<Int32>()

  package init() {}

  /// Resamples `image` [height, width, 3] by `x` and `y` into `output` [outHeight, outWidth, 3],
  /// from right to left where `mirrored`. Where the output reaches beyond the input, the input's
  /// edge goes on.
  package func resample(
    _ image: UnsafePointer<UInt8>, width: Int, height: Int, x: SamplingAxis, y: SamplingAxis,
    mirrored: Bool = false, outWidth: Int, outHeight: Int, into output: UnsafeMutablePointer<UInt8>
  ) {
    require(
      width > 0 && height > 0 && outWidth > 0 && outHeight > 0 && x.scale > 0 && y.scale > 0,
      "Resampler: [\(height), \(width), 3] to [\(outHeight), \(outWidth), 3]")
    let vertical = prepare(y, from: height, to: outHeight, mirrored: false)
    let top = firsts.start[0]
    let bottom = firsts.start[outHeight - 1] + vertical
    let rowBytes = outWidth * 3
    let middle = rows.room((min(bottom, height) - top) * rowBytes)
    let sum = sums.room(rowBytes)
    // The horizontal pass reuses the tables, so the vertical ones are kept apart.
    let verticalWeights = keptWeights.room(outHeight * vertical)
    let verticalFirsts = keptFirsts.room(outHeight)
    verticalWeights.update(from: weights.start, count: outHeight * vertical)
    verticalFirsts.update(from: firsts.start, count: outHeight)

    let horizontal = prepare(x, from: width, to: outWidth, mirrored: mirrored)
    for row in top..<min(bottom, height) {
      resampleRow(
        image + row * width * 3, taps: horizontal, width: width, outWidth: outWidth,
        into: middle + (row - top) * rowBytes)
    }
    for row in 0..<outHeight {
      let first = verticalFirsts[row]
      Self.blend(
        middle + (first - top) * rowBytes, rowBytes: rowBytes,
        weights: verticalWeights + row * vertical, taps: min(vertical, height - first), sum: sum,
        into: output + row * rowBytes)
    }
  }

  /// Fills `firsts` [to] and `weights` [to, taps], zero-padded, and returns the number of taps.
  private func prepare(_ axis: SamplingAxis, from input: Int, to output: Int, mirrored: Bool) -> Int
  {
    let widening = max(axis.scale, 1)
    let taps = min(Int(widening.rounded(.up)) * 2 + 1, input)
    let one = Double(1 << Self.weightBits)
    let narrowing = 1 / widening
    let weight = weights.room(output * taps)
    let first = firsts.room(output)
    weight.update(repeating: 0, count: output * taps)
    for u in 0..<output {
      let center = (Double(u) + axis.offset + 0.5) * axis.scale
      // Where the filter misses the input altogether, the nearest edge pixel stands in.
      let start = min(max(Int(max(center - widening + 0.5, 0)), 0), input - 1)
      let end = max(min(Int(max(center + widening + 0.5, 0)), input), start + 1)
      let place = mirrored ? output - 1 - u : u
      let row = weight + place * taps
      var total = 0.0
      for i in start..<end { total += Self.triangle((Double(i) - center + 0.5) * narrowing) }
      first[place] = min(start, input - taps)
      let shift = start - first[place]
      if total == 0 {
        row[shift] = Int32(one)
        continue
      }
      for i in start..<end {
        let share = Self.triangle((Double(i) - center + 0.5) * narrowing) / total
        row[shift + i - start] = Int32(0.5 + share * one)
      }
    }
    return taps
  }

  @inline(__always)
  private static func triangle(_ x: Double) -> Double {
    let distance = abs(x)
    return distance < 1 ? 1 - distance : 0
  }

  private func resampleRow(
    _ input: UnsafePointer<UInt8>, taps: Int, width: Int, outWidth: Int,
    into output: UnsafeMutablePointer<UInt8>
  ) {
    let half = Int32(1) << Int32(Self.weightBits - 1)
    let bits = Int32(Self.weightBits)
    var weight = UnsafePointer(weights.start)
    let first = UnsafePointer(firsts.start)
    var out = output
    for u in 0..<outWidth {
      var pixel = input + first[u] * 3
      var (r, g, b) = (half, half, half)
      for k in 0..<taps {
        let w = weight[k]
        r &+= Int32(pixel[0]) &* w
        g &+= Int32(pixel[1]) &* w
        b &+= Int32(pixel[2]) &* w
        pixel += 3
      }
      out[0] = UInt8(truncatingIfNeeded: min(r >> bits, 255))
      out[1] = UInt8(truncatingIfNeeded: min(g >> bits, 255))
      out[2] = UInt8(truncatingIfNeeded: min(b >> bits, 255))
      weight += taps
      out += 3
    }
  }

  private static func blend(
    _ rows: UnsafePointer<UInt8>, rowBytes: Int, weights: UnsafePointer<Int32>, taps: Int,
    sum: UnsafeMutablePointer<Int32>, into output: UnsafeMutablePointer<UInt8>
  ) {
    let half = Int32(1) << Int32(weightBits - 1)
    let bits = Int32(weightBits)
    for i in 0..<rowBytes { sum[i] = half }
    for k in 0..<taps where weights[k] != 0 {
      let row = rows + k * rowBytes
      let w = weights[k]
      for i in 0..<rowBytes { sum[i] &+= Int32(row[i]) &* w }
    }
    for i in 0..<rowBytes { output[i] = UInt8(truncatingIfNeeded: min(sum[i] >> bits, 255)) }
  }
}

/// Memory for trivial elements that grows and is kept.
struct Scratch<Element: BitwiseCopyable>: ~Copyable {
  private(set) var start: UnsafeMutablePointer<Element>
  private var capacity = 1

  init() { start = .allocate(capacity: 1) }

  deinit { start.deallocate() }

  /// Room for `count` elements; the contents are undefined.
  mutating func room(_ count: Int) -> UnsafeMutablePointer<Element> {
    if count > capacity {
      start.deallocate()
      capacity = count
      start = .allocate(capacity: count)
    }
    return start
  }
}
