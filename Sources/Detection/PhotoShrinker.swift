package import Datasets

/// Makes photos smaller before they are looked at or shown; serves one thread at a time.
package final class PhotoShrinker {
  private let resampler = Resampler()
  private let small = PixelBuffer(width: 1, height: 1)

  package init() {}

  /// `photo` with sides `scale` times as long, at most 1, in whole pixels: itself, or what is valid
  /// until the next call.
  package func picture(of photo: PixelBuffer, scale: Double) -> PixelBuffer {
    let width = max(1, Int((Double(photo.width) * scale).rounded()))
    let height = max(1, Int((Double(photo.height) * scale).rounded()))
    guard width != photo.width || height != photo.height else { return photo }
    small.resize(width: width, height: height)
    resampler.resample(
      photo.pixels, width: photo.width, height: photo.height,
      x: SamplingAxis(scale: Double(photo.width) / Double(width)),
      y: SamplingAxis(scale: Double(photo.height) / Double(height)), outWidth: width,
      outHeight: height, into: small.pixels)
    return small
  }

  /// How many times as long as those of `photo` the sides of `picture` are.
  static func scales(of picture: PixelBuffer, to photo: PixelBuffer) -> (x: Double, y: Double) {
    (
      Double(picture.width) / Double(photo.width), Double(picture.height) / Double(photo.height)
    )
  }
}
