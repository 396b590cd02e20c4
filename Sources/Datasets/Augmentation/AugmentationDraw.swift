/// The changes drawn for one sample; as made, it changes nothing.
package struct AugmentationDraw: Equatable, Sendable {
  /// A part of the sample, in sides of it, and the colour that covers it.
  package struct Rectangle: Equatable, Sendable {
    package var x, y, width, height: Double
    package var red, green, blue: UInt8

    package init(
      x: Double, y: Double, width: Double, height: Double, red: UInt8, green: UInt8, blue: UInt8
    ) {
      (self.x, self.y, self.width, self.height) = (x, y, width, height)
      (self.red, self.green, self.blue) = (red, green, blue)
    }
  }

  package var isMirrored = false
  /// The shift of the crop on the photo, in sides of the crop.
  package var shiftX = 0.0
  package var shiftY = 0.0
  /// The side of the crop on the photo, in sides of the usual crop.
  package var zoom = 1.0
  package var brightness = 1.0
  package var contrast = 1.0
  package var saturation = 1.0
  /// The side at which the sample is seen before it is enlarged again, in sides of the sample.
  package var resolution = 1.0
  package var erased: Rectangle?

  package init() {}

  /// `axis` of a sample of `size` pixels after zoom and a shift of `shift`, about the centre.
  package func moved(_ axis: SamplingAxis, shift: Double, size: Int) -> SamplingAxis {
    guard zoom != 1 || shift != 0 else { return axis }
    let side = Double(size)
    return SamplingAxis(
      scale: axis.scale * zoom,
      offset: (axis.offset + side * (0.5 * (1 - zoom) + shift)) / zoom)
  }

  /// The side in pixels at which a sample of `size` is resampled before it is enlarged to `size`.
  package func seenSize(of size: Int) -> Int {
    min(max(Int((Double(size) * resolution).rounded()), 1), size)
  }

  package var changesColor: Bool { brightness != 1 || contrast != 1 || saturation != 1 }

  /// Changes brightness, contrast (about the mean luma) and saturation of `image` [pixelCount, 3].
  package func recolor(_ image: UnsafeMutablePointer<UInt8>, pixelCount: Int) {
    var lumaSum = 0
    for i in 0..<pixelCount { lumaSum &+= Self.luma(image + 3 * i) }
    let meanLuma = Float(lumaSum) / Float(256 * pixelCount)
    let gain = Float(contrast * brightness)
    let own = gain * Float(saturation)
    let grey = gain * Float(1 - saturation) / 256
    let lift = Float((1 - contrast) * brightness) * meanLuma + 0.5
    for i in 0..<pixelCount {
      let pixel = image + 3 * i
      let base = grey * Float(Self.luma(pixel)) + lift
      for c in 0..<3 {
        pixel[c] = UInt8(min(max(own * Float(pixel[c]) + base, 0), 255))
      }
    }
  }

  /// 256 times the luma of ITU-R BT.601.
  @inline(__always)
  private static func luma(_ pixel: UnsafePointer<UInt8>) -> Int {
    77 &* Int(pixel[0]) &+ 150 &* Int(pixel[1]) &+ 29 &* Int(pixel[2])
  }

  /// Covers the drawn rectangle of `image` [size, size, 3].
  package func erase(_ image: UnsafeMutablePointer<UInt8>, size: Int) {
    guard let erased else { return }
    let side = Double(size)
    let left = min(Int(erased.x * side), size - 1)
    let top = min(Int(erased.y * side), size - 1)
    let right = min(left + max(Int((erased.width * side).rounded()), 1), size)
    let bottom = min(top + max(Int((erased.height * side).rounded()), 1), size)
    for y in top..<bottom {
      for x in left..<right {
        let pixel = image + (y * size + x) * 3
        pixel[0] = erased.red
        pixel[1] = erased.green
        pixel[2] = erased.blue
      }
    }
  }
}
