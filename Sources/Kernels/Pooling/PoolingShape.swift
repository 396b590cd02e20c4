private import Preconditions

/// The geometry of a pooling from [N,H,W,C] to [N,OH,OW,C], sizes rounded down, or up, as torch's
/// `ceil_mode` has them: the last windows then reach beyond the map.
package struct PoolingShape: Sendable {
  /// Images, and the sizes of one.
  package let batch, height, width, channels: Int
  /// Side of a window, pixels between two, and zeros at each side.
  package let window, stride, padding: Int
  /// Floats between the output's pixels: more than the channels where others lie between.
  package let outputStride: Int
  /// Rows of windows, and windows of a row.
  package let outputHeight, outputWidth: Int

  /// A square window; traps when it is empty, larger than the padded map or mostly padding.
  package init(
    batch: Int, height: Int, width: Int, channels: Int, window: Int, stride: Int, padding: Int = 0,
    outputStride: Int? = nil, roundsUp: Bool = false
  ) {
    require(
      window > 0 && window <= 15 && stride > 0 && padding >= 0 && 2 * padding <= window,
      "pooling window \(window), stride \(stride), padding \(padding): out of range")
    require(
      batch > 0 && channels > 0 && height + 2 * padding >= window
        && width + 2 * padding >= window,
      "pooling window \(window) does not fit the map \(batch)x\(height)x\(width)x\(channels)")
    require(
      outputStride ?? channels >= channels,
      "pooling: output pixels \(outputStride ?? 0) floats apart have no room for \(channels)")
    self.batch = batch
    self.height = height
    self.width = width
    self.channels = channels
    self.window = window
    self.stride = stride
    self.padding = padding
    self.outputStride = outputStride ?? channels
    func windows(along side: Int) -> Int {
      let room = side + 2 * padding - window
      let count = (roundsUp ? room + stride - 1 : room) / stride + 1
      // A window that begins behind the map has nothing to look at.
      return (count - 1) * stride >= side + padding ? count - 1 : count
    }
    outputHeight = windows(along: height)
    outputWidth = windows(along: width)
  }

  /// Numbers of all images.
  package var inputCount: Int { batch * height * width * channels }
  /// Elements of the output, not counting what lies between.
  package var outputCount: Int { batch * outputHeight * outputWidth * channels }

  /// Calls `body` with each output pixel, in order, and the taps of its window that lie on the map:
  /// their input pixels, in scan order.
  @inline(__always)
  func forEachOutput(_ body: (_ pixel: Int, _ taps: WindowTaps) -> Void) {
    withWindowTaps(of: WindowTap.self) { list in
      var pixel = 0
      for n in 0..<batch {
        for row in 0..<outputHeight {
          let rows = taps(row, size: height)
          let top = n * height + row * stride - padding
          for column in 0..<outputWidth {
            let columns = taps(column, size: width)
            let left = column * stride - padding
            var count = 0
            for r in rows {
              for k in columns {
                list[count] = WindowTap(
                  pixel: (top &+ r) &* width &+ left &+ k, number: r &* window &+ k)
                count &+= 1
              }
            }
            body(pixel, WindowTaps(list: UnsafePointer(list), count: count))
            pixel += 1
          }
        }
      }
    }
  }

  /// Calls `body` with each input pixel and its image, in order, and the taps under which it lies:
  /// their output pixels, in scan order.
  @inline(__always)
  func forEachInput(_ body: (_ pixel: Int, _ n: Int, _ taps: WindowTaps) -> Void) {
    let (outputHeight, outputWidth) = (outputHeight, outputWidth)
    withWindowTaps(of: WindowTap.self) { list in
      var pixel = 0
      for n in 0..<batch {
        for y in 0..<height {
          let rows = windows(over: y, count: outputHeight)
          for x in 0..<width {
            let columns = windows(over: x, count: outputWidth)
            var count = 0
            for row in rows {
              let tapRow = (y &+ padding &- row &* stride) &* window
              let first = (n &* outputHeight &+ row) &* outputWidth
              for column in columns {
                list[count] = WindowTap(
                  pixel: first &+ column, number: tapRow &+ x &+ padding &- column &* stride)
                count &+= 1
              }
            }
            body(pixel, n, WindowTaps(list: UnsafePointer(list), count: count))
            pixel += 1
          }
        }
      }
    }
  }

  /// The taps of output row or column `index` that lie on a map of `size`.
  @inline(__always)
  func taps(_ index: Int, size: Int) -> Range<Int> {
    let start = index * stride - padding
    return max(0, -start)..<min(window, size - start)
  }

  /// The outputs, of `count` in all, whose windows cover input row or column `index`.
  @inline(__always)
  func windows(over index: Int, count: Int) -> Range<Int> {
    let place = index + padding
    let first = place < window ? 0 : (place - window) / stride + 1
    return min(first, count)..<max(min(first, count), min(place / stride + 1, count))
  }
}
