private import Preconditions

/// Enlargement of NHWC images by a whole factor, each pixel to a square of itself, as torch's
/// `interpolate(mode="nearest")` and ONNX's Resize have it.
package enum UpsamplingKernel {
  /// Copies each pixel of `input` [height, width, C] to the `factor` x `factor` pixels of `output`
  /// [height factor, width factor, C] that lie on it.
  package static func nearest(
    _ input: UnsafePointer<Float>, height: Int, width: Int, channels: Int, factor: Int,
    into output: UnsafeMutablePointer<Float>
  ) {
    require(
      height > 0 && width > 0 && channels > 0 && factor > 0,
      "upsampling: [\(height), \(width), \(channels)] by \(factor)")
    let rowCount = width * factor * channels
    for y in 0..<height {
      let row = output + y * factor * rowCount
      var target = row
      for x in 0..<width {
        let pixel = input + (y * width + x) * channels
        for _ in 0..<factor {
          target.update(from: pixel, count: channels)
          target += channels
        }
      }
      for copy in 1..<max(factor, 2) where copy < factor {
        (row + copy * rowCount).update(from: row, count: rowCount)
      }
    }
  }
}
