private import Preconditions

/// Decodes photos, by what their bytes are and not by their names, to upright 8-bit RGB: JPEG, PNG
/// and WebP. Keeps its buffers, serves one thread at a time.
package final class ImageDecoder: @unchecked Sendable {
  private let pixelLimit: Int
  private let jpeg: JPEGDecoder
  /// Made for the first file that needs them.
  private var png: PNGDecoder?
  private var webP: WebPDecoder?
  private let stored = PixelBuffer()
  private let reduced = PixelBuffer()

  /// Photos of more than `pixelLimit` pixels are refused before their memory is asked for.
  package init(pixelLimit: Int = JPEGDecoder.defaultPixelLimit) {
    self.pixelLimit = pixelLimit
    jpeg = JPEGDecoder(pixelLimit: pixelLimit)
  }

  /// Decodes `bytes` into `image` [height, width, 3], turned upright by its EXIF orientation.
  ///
  /// `eighths` chooses the scale M/8 from the header, 1, 2, 4 or 8 for the full size: of JPEG by
  /// libjpeg's scaled DCT, of the others by the means of squares of pixels. Throws `ImageError` for
  /// anything but a whole, sound photo of at most the pixel limit.
  package func decode(
    _ bytes: UnsafeRawBufferPointer, into image: PixelBuffer,
    eighths choose: (ImageHeader) -> Int = { _ in 8 }
  ) throws(ImageError) {
    switch ImageFormat(bytes) {
    case .jpeg:
      try jpeg.decode(bytes, into: image, eighths: choose)
    case .png:
      let decoder = png ?? PNGDecoder(pixelLimit: pixelLimit)
      png = decoder
      let header = try decoder.header(bytes)
      try finish(header, into: image, eighths: choose(header)) { target throws(ImageError) in
        try decoder.decode(into: target)
      }
    case .webP:
      let decoder = webP ?? WebPDecoder(pixelLimit: pixelLimit)
      webP = decoder
      let header = try decoder.header(bytes)
      try finish(header, into: image, eighths: choose(header)) { target throws(ImageError) in
        try decoder.decode(into: target)
      }
    default:
      throw ImageFormat.refusal(of: bytes)
    }
  }

  private func finish(
    _ header: ImageHeader, into image: PixelBuffer, eighths: Int,
    decode: (PixelBuffer) throws(ImageError) -> Void
  ) throws(ImageError) {
    require(
      [1, 2, 4, 8].contains(eighths), "ImageDecoder: a scale of \(eighths)/8 is not 1, 2, 4, 8")
    let isReduced = eighths < 8
    let isTurned = header.orientation != 1
    let full = isReduced || isTurned ? stored : image
    full.resize(width: header.width, height: header.height)
    try decode(full)
    let small = isReduced ? (isTurned ? reduced : image) : full
    if isReduced { Self.reduce(full, by: 8 / eighths, into: small) }
    if isTurned { EXIFOrientation.apply(header.orientation, to: small, into: image) }
  }

  /// Means of squares of `factor` x `factor` pixels, of what is left of them at the far edges; the
  /// size is that of libjpeg's scaled decoding.
  private static func reduce(_ image: PixelBuffer, by factor: Int, into target: PixelBuffer) {
    let (width, height) = (image.width, image.height)
    target.resize(width: (width + factor - 1) / factor, height: (height + factor - 1) / factor)
    var output = target.pixels
    for y in 0..<target.height {
      let rows = min(factor, height - y * factor)
      for x in 0..<target.width {
        let columns = min(factor, width - x * factor)
        var sums = (0, 0, 0)
        for row in 0..<rows {
          var source = image.pixels + 3 * ((y * factor + row) * width + x * factor)
          for _ in 0..<columns {
            sums.0 += Int(source[0])
            sums.1 += Int(source[1])
            sums.2 += Int(source[2])
            source += 3
          }
        }
        let count = rows * columns
        output[0] = UInt8((sums.0 + count / 2) / count)
        output[1] = UInt8((sums.1 + count / 2) / count)
        output[2] = UInt8((sums.2 + count / 2) / count)
        output += 3
      }
    }
  }
}

extension ImageDecoder {
  /// The size of the photo `bytes` when upright; nil where it cannot be decoded.
  package func size(of bytes: UnsafeRawBufferPointer) -> (width: Int, height: Int)? {
    let image = PixelBuffer(width: 1, height: 1)
    var size: (width: Int, height: Int)?
    try? decode(bytes, into: image) { header in
      size = (header.uprightWidth, header.uprightHeight)
      return 1
    }
    return size
  }
}
