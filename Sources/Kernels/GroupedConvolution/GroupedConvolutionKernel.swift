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
    withWindowTaps(of: Tap.self) { taps in
      for n in 0..<rows {
        let image = input + n * shape.inputCount
        for i in 0..<shape.outputHeight {
          let row = output + ((n * shape.outputHeight + i) * width * channels)
          if shape.kernel == 3 && shape.groupWidth == 1 {
            ThreeTaps.row(
              i, of: image, shape: shape, weights: weights, flipped: false, adding: false,
              into: row)
          } else {
            anyRow(i, of: image, shape: shape, weights: weights, into: row, taps: taps)
          }
          if let statistics {
            ConvolutionStatistics.accumulate(
              row, rows: width, columns: channels, addingTo: statistics)
          }
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
    withWindowTaps(of: Tap.self) { taps in
      for n in 0..<rows {
        let image = outputGradient + n * shape.outputCount
        for y in 0..<shape.height {
          let row = inputGradient + (n * shape.height + y) * shape.width * shape.channels
          if isTurned {
            ThreeTaps.row(
              y, of: image, shape: shape, weights: weights, flipped: true, adding: adding,
              into: row)
          } else {
            anyInputRow(
              y, of: image, shape: shape, weights: weights, adding: adding, into: row, taps: taps)
          }
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

  /// A tap of a window: where its pixel starts in the map and its weights in theirs, in floats.
  private struct Tap {
    let map, weights: Int

    @inline(__always)
    init(pixel: Int, number: Int, channels: Int) {
      map = pixel &* channels
      weights = number &* channels
    }
  }

  /// One row of the output, for any kernel and both widths of groups.
  @inline(never)
  private static func anyRow(
    _ i: Int, of image: Floats, shape: GroupedConvolutionShape, weights: Floats,
    into row: MutableFloats, taps list: UnsafeMutablePointer<Tap>
  ) {
    let rows = shape.taps(of: i, size: shape.height)
    let top = i * shape.stride - shape.padding
    for j in 0..<shape.outputWidth {
      let columns = shape.taps(of: j, size: shape.width)
      let left = j * shape.stride - shape.padding
      var count = 0
      for r in rows {
        for q in columns {
          list[count] = Tap(
            pixel: (top &+ r) &* shape.width &+ left &+ q, number: r &* shape.kernel &+ q,
            channels: shape.channels)
          count &+= 1
        }
      }
      sum(
        UnsafeBufferPointer(start: list, count: count), of: image, shape, weights,
        isGradient: false,
        adding: false, into: row + j &* shape.channels)
    }
  }

  /// One row of the input's gradient, for any kernel, stride and both widths of groups.
  @inline(never)
  private static func anyInputRow(
    _ y: Int, of image: Floats, shape: GroupedConvolutionShape, weights: Floats, adding: Bool,
    into row: MutableFloats, taps list: UnsafeMutablePointer<Tap>
  ) {
    let (stride, kernel, outputWidth) = (shape.stride, shape.kernel, shape.outputWidth)
    for x in 0..<shape.width {
      var count = 0
      var r = (y + shape.padding) % stride
      while r < kernel && r <= y + shape.padding {
        let i = (y + shape.padding - r) / stride
        var q = (x + shape.padding) % stride
        while i < shape.outputHeight && q < kernel && q <= x + shape.padding {
          let j = (x + shape.padding - q) / stride
          if j < outputWidth {
            list[count] = Tap(
              pixel: i &* outputWidth &+ j, number: r &* kernel &+ q, channels: shape.channels)
            count &+= 1
          }
          q += stride
        }
        r += stride
      }
      sum(
        UnsafeBufferPointer(start: list, count: count), of: image, shape, weights, isGradient: true,
        adding: adding, into: row + x &* shape.channels)
    }
  }

  /// One pixel: the sum over its taps of a map times weights, and for pairs of the channel beside.
  @inline(__always)
  private static func sum(
    _ taps: UnsafeBufferPointer<Tap>, of map: Floats, _ shape: GroupedConvolutionShape,
    _ weights: Floats,
    isGradient: Bool, adding: Bool, into target: MutableFloats
  ) {
    let channels = shape.channels
    let plane = shape.taps &* channels
    let isPair = shape.groupWidth == 2
    let list = taps.baseAddress!
    forEachEight(channels) { c, count in
      var (sum, other) = (Vector8(repeating: 0), Vector8(repeating: 0))
      var i = 0
      while i < taps.count {
        let value = Vector8(map + (list[i].map &+ c), count: count)
        let at = weights + (list[i].weights &+ c)
        sum = sum.addingProduct(value, Vector8(at, count: count))
        if isPair {
          // A gradient goes to the other channel of the pair once all taps are summed.
          other = other.addingProduct(
            isGradient ? value : swapped(value), Vector8(at + plane, count: count))
        }
        i &+= 1
      }
      if isPair { sum += isGradient ? swapped(other) : other }
      if adding { sum += Vector8(target + c, count: count) }
      sum.store(target + c, count: count)
    }
  }
}

/// The lanes with neighbours swapped.
@inline(__always)
func swapped(_ v: Vector8) -> Vector8 {
  Vector8(v[1], v[0], v[3], v[2], v[5], v[4], v[7], v[6])
}
