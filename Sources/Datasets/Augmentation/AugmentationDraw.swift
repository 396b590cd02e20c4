/// The changes drawn for one sample; as made, it changes nothing.
package struct AugmentationDraw: Equatable, Sendable {
  /// A part of the sample, in sides of it, and the colour that covers it.
  package struct Rectangle: Equatable, Sendable {
    /// Corner and sizes as shares of the image.
    package var x, y, width, height: Double
    /// The colour that it is filled with.
    package var red, green, blue: UInt8

    package init(
      x: Double, y: Double, width: Double, height: Double, red: UInt8, green: UInt8, blue: UInt8
    ) {
      (self.x, self.y, self.width, self.height) = (x, y, width, height)
      (self.red, self.green, self.blue) = (red, green, blue)
    }
  }

  /// Left becomes right.
  package var isMirrored = false
  /// The shift of the crop on the photo, in sides of the crop.
  package var shiftX = 0.0
  /// The same downwards.
  package var shiftY = 0.0
  /// The side of the crop on the photo, in sides of the usual crop.
  package var zoom = 1.0
  /// Factor of all colours.
  package var brightness = 1.0
  /// Factor of the distance to the mean grey.
  package var contrast = 1.0
  /// Factor of the distance to the pixel's own grey.
  package var saturation = 1.0
  /// The side at which the sample is seen before it is enlarged again, in sides of the sample.
  package var resolution = 1.0
  /// What is painted over; nil for nothing.
  package var erased: Rectangle?

  /// Changes nothing.
  package init() {}

  /// `axis` of a sample that is `size` pixels long after zoom and a shift of `shift`, about the
  /// centre.
  package func moved(_ axis: SamplingAxis, shift: Double, size: Int) -> SamplingAxis {
    guard zoom != 1 || shift != 0 else { return axis }
    let side = Double(size)
    return SamplingAxis(
      scale: axis.scale * zoom,
      offset: (axis.offset + side * (0.5 * (1 - zoom) + shift)) / zoom)
  }

  /// The size at which a sample of `size` is resampled before it is enlarged to `size`.
  package func seenSize(of size: ImageSize) -> ImageSize {
    func seen(_ side: Int) -> Int {
      min(max(Int((Double(side) * resolution).rounded()), 1), side)
    }
    return ImageSize(height: seen(size.height), width: seen(size.width))
  }

  /// Whether any colour becomes another one.
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

  /// Covers the drawn rectangle of `image` [height, width, 3].
  package func erase(_ image: UnsafeMutablePointer<UInt8>, size: ImageSize) {
    guard let erased else { return }
    func span(_ start: Double, _ length: Double, of side: Int) -> (first: Int, end: Int) {
      let first = min(Int(start * Double(side)), side - 1)
      return (first, min(first + max(Int((length * Double(side)).rounded()), 1), side))
    }
    let (left, right) = span(erased.x, erased.width, of: size.width)
    let (top, bottom) = span(erased.y, erased.height, of: size.height)
    for y in top..<bottom {
      for x in left..<right {
        let pixel = image + (y * size.width + x) * 3
        pixel[0] = erased.red
        pixel[1] = erased.green
        pixel[2] = erased.blue
      }
    }
  }
}
