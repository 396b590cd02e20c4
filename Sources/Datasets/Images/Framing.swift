/// Which part of a photo becomes the sample, and at what size.
///
/// Without `resize` and `crop` the whole photo is stretched to `imageSize`. `resize` brings the
/// shorter side to N (torchvision's `Resize(N)`), `crop` takes the central square of M
/// (torchvision's `CenterCrop`, offsets rounded half to even), or of it what has the proportions of
/// a sample that is no square, and where M is not the longer side of `imageSize` that is resized.
/// All of it is one resampling of the decoded photo; without the last resizing it equals Pillow's
/// resize and crop bit for bit.
package struct Framing: Equatable, Sendable {
  /// Height and width of a sample.
  package let imageSize: ImageSize
  /// The shorter side of the photo before the crop in pixels; nil leaves it.
  package let resize: Int?
  /// The side of the central square in pixels; nil is the shorter side.
  package let crop: Int?

  /// Throws `DatasetError.badOption` for sizes that make no sample.
  package init(
    imageSize: ImageSize, resize: Int? = nil, crop: Int? = nil
  ) throws(DatasetError) {
    guard (1...1024).contains(imageSize.height), (1...1024).contains(imageSize.width) else {
      throw .badOption(name: "--image-size", text: "\(imageSize)", reason: "lies in 1...1024")
    }
    guard (1...16384).contains(resize ?? 1) else {
      throw .badOption(name: "--resize", text: "\(resize ?? 0)", reason: "lies in 1...16384")
    }
    guard (1...(resize ?? 16384)).contains(crop ?? 1) else {
      throw .badOption(
        name: "--crop", text: "\(crop ?? 0)",
        reason: "lies in 1...\(resize ?? 16384), the shorter side after --resize")
    }
    self.imageSize = imageSize
    self.resize = resize
    self.crop = crop
  }

  /// The axes that map a sample to a photo of [height, width] pixels.
  package func axes(width: Int, height: Int) -> (x: SamplingAxis, y: SamplingAxis) {
    guard resize != nil || crop != nil else {
      return (
        SamplingAxis(scale: Double(width) / Double(imageSize.width)),
        SamplingAxis(scale: Double(height) / Double(imageSize.height))
      )
    }
    let shorter = min(width, height)
    let target = resize ?? max(shorter, crop ?? 1)
    let square = crop ?? target
    func axis(_ length: Int, _ size: Int) -> SamplingAxis {
      let resized = length == shorter ? target : Int(Double(target * length) / Double(shorter))
      let part = (Double(square * size) / Double(imageSize.longerSide)).rounded()
      let margin = ((Double(resized) - part) / 2).rounded(.toNearestOrEven)
      let scale = Double(length) / Double(resized)
      let zoom = part / Double(size)
      return SamplingAxis(scale: scale * zoom, offset: margin / zoom)
    }
    return (axis(width, imageSize.width), axis(height, imageSize.height))
  }

  /// The libjpeg scale M/8 at which to decode a photo, by this rule: the smallest of 1, 2, 4, 8
  /// that leaves at least `margin` decoded pixels for every pixel of the sample along both axes.
  /// `pixelsPerPixel` is what the full size has; so nothing below `margin` to 1 is ever reduced,
  /// and no sample is enlarged from a reduced photo.
  package static func eighths(pixelsPerPixel: Double, margin: Double) -> Int {
    for eighths in [1, 2, 4] where pixelsPerPixel * Double(eighths) / 8 >= margin {
      return eighths
    }
    return 8
  }
}
