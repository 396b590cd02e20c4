/// Which part of a photo becomes the sample, and at what size.
///
/// Without `resize` and `crop` the whole photo is stretched to `imageSize` squared. `resize` brings
/// the shorter side to N (torchvision's `Resize(N)`), `crop` takes the central square of M
/// (torchvision's `CenterCrop`, offsets rounded half to even), and where M is not `imageSize` the
/// square is resized to it. All of it is one resampling of the decoded photo; where M is
/// `imageSize` it equals Pillow's resize and crop bit for bit.
package struct Framing: Equatable, Sendable {
  /// The side of a sample in pixels.
  package let imageSize: Int
  package let resize: Int?
  package let crop: Int?

  /// Throws `DatasetError.badOption` for sizes that make no sample.
  package init(
    imageSize: Int, resize: Int? = nil, crop: Int? = nil
  ) throws(DatasetError) {
    guard (1...1024).contains(imageSize) else {
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
    let size = Double(imageSize)
    guard resize != nil || crop != nil else {
      return (SamplingAxis(scale: Double(width) / size), SamplingAxis(scale: Double(height) / size))
    }
    let shorter = min(width, height)
    let target = resize ?? max(shorter, crop ?? 1)
    let square = crop ?? target
    func axis(_ length: Int) -> SamplingAxis {
      let resized = length == shorter ? target : Int(Double(target * length) / Double(shorter))
      let margin = (Double(resized - square) / 2).rounded(.toNearestOrEven)
      let scale = Double(length) / Double(resized)
      let zoom = Double(square) / size
      return SamplingAxis(scale: scale * zoom, offset: margin / zoom)
    }
    return (axis(width), axis(height))
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
