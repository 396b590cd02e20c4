private import Preconditions

/// From decoded pictures to network input.
package enum InputKernel {
  /// y = x * scale[c] + offset[c], rounded once, from 8-bit RGB [H,W,3] to Float [H,W,3].
  ///
  /// `scale` and `offset` are [3]; `flipped` mirrors left and right.
  package static func convert(
    _ pixels: UnsafePointer<UInt8>, height: Int, width: Int, scale: UnsafePointer<Float>,
    offset: UnsafePointer<Float>, flipped: Bool, into output: UnsafeMutablePointer<Float>
  ) {
    require(height > 0 && width > 0, "the picture \(height)x\(width) is empty")
    let (s0, s1, s2) = (scale[0], scale[1], scale[2])
    let (o0, o1, o2) = (offset[0], offset[1], offset[2])
    for row in 0..<height {
      let step = flipped ? -3 : 3
      var source = pixels + row * width * 3 + (flipped ? (width - 1) * 3 : 0)
      var target = output + row * width * 3
      for _ in 0..<width {
        target[0] = o0.addingProduct(Float(source[0]), s0)
        target[1] = o1.addingProduct(Float(source[1]), s1)
        target[2] = o2.addingProduct(Float(source[2]), s2)
        source += step
        target += 3
      }
    }
  }
}
