package import Datasets
internal import Preconditions

/// Sums of a photo's pixels from its first one on, by which the mean of any of its rectangles takes
/// four numbers: what torch's `interpolate(mode="area")` asks for.
package final class AreaSums {
  /// Of the photo, in pixels.
  package private(set) var width = 0, height = 0
  /// [height + 1][width + 1][3], modulo 2^32: those of a rectangle are less.
  private var sums: [UInt32] = []

  /// Of no photo yet.
  package init() {}

  /// Sums `photo`.
  package func set(_ photo: PixelBuffer) {
    (width, height) = (photo.width, photo.height)
    let rowCount = 3 * (width + 1)
    let count = rowCount * (height + 1)
    if sums.count < count { sums = [UInt32](repeating: 0, count: count) }
    let pixels = photo.pixels
    sums.withUnsafeMutableBufferPointer { sums in
      for i in 0..<rowCount { sums[i] = 0 }
      for y in 0..<height {
        let above = y * rowCount
        let below = above + rowCount
        var (red, green, blue): (UInt32, UInt32, UInt32) = (0, 0, 0)
        for i in below..<below + 3 { sums[i] = 0 }
        var (pixel, place) = (pixels + y * width * 3, 3)
        for _ in 0..<width {
          red &+= UInt32(pixel[0])
          green &+= UInt32(pixel[1])
          blue &+= UInt32(pixel[2])
          sums[below + place] = sums[above + place] &+ red
          sums[below + place + 1] = sums[above + place + 1] &+ green
          sums[below + place + 2] = sums[above + place + 2] &+ blue
          pixel += 3
          place += 3
        }
      }
    }
  }

  /// Resamples the pixels `columns` of the `rows` to `image` [height, width, 3]: pixel i of n is
  /// the mean of those from floor(i m / n) to ceil((i + 1) m / n), less 127.5, over 128.
  package func resample(
    rows: Range<Int>, columns: Range<Int>, height: Int, width: Int,
    into image: UnsafeMutablePointer<Float>
  ) {
    require(
      !rows.isEmpty && !columns.isEmpty && rows.lowerBound >= 0 && columns.lowerBound >= 0
        && rows.upperBound <= self.height && columns.upperBound <= self.width,
      "AreaSums: rows \(rows), columns \(columns) of [\(self.height), \(self.width)]")
    let rowCount = 3 * (self.width + 1)
    sums.withUnsafeBufferPointer { sums in
      var target = image
      for i in 0..<height {
        let top = rows.lowerBound + i * rows.count / height
        let bottom = rows.lowerBound + ((i + 1) * rows.count + height - 1) / height
        for j in 0..<width {
          let left = columns.lowerBound + j * columns.count / width
          let right = columns.lowerBound + ((j + 1) * columns.count + width - 1) / width
          let count = Float((bottom - top) * (right - left))
          let (above, below) = (top * rowCount, bottom * rowCount)
          for c in 0..<3 {
            let sum =
              sums[below + 3 * right + c] &- sums[below + 3 * left + c]
              &- sums[above + 3 * right + c] &+ sums[above + 3 * left + c]
            target[c] = (Float(sum) / count - 127.5) * 0.0078125
          }
          target += 3
        }
      }
    }
  }
}
