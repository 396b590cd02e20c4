/// Small square pictures of photos, for pages.
package final class Thumbnails {
  private let source: any PhotoSource
  private let pipeline: SamplePipeline
  private let encoder = JPEGEncoder()
  private let bytes = ByteBuffer()

  /// Pictures of `side` pixels from the middle of each photo of `source`.
  package init(_ source: any PhotoSource, side: Int = 76) throws {
    self.source = source
    pipeline = SamplePipeline(
      Preprocessing(
        framing: try Framing(imageSize: ImageSize(side: side), resize: side, crop: side)))
  }

  /// The JPEG of photo `photo`; nil where it is bad.
  package func jpeg(_ photo: Int) -> [UInt8]? {
    do throws(ImageError) {
      try source.read(photo, into: bytes)
      let image = try pipeline.pixels(bytes.bytes, photo: photo, drawn: AugmentationDraw())
      return encoder.encode(
        image.pixels, width: image.width, height: image.height, quality: 80)
    } catch {
      return nil
    }
  }
}
