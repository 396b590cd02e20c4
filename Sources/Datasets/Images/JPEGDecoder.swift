private import CJPEG
private import Preconditions

/// Why the bytes of one photo could not become pixels.
package struct ImageError: Error, CustomStringConvertible, Sendable {
  /// What is wrong with the image, to follow its name.
  package let description: String
  /// Whether the machine failed and not the photo: another rank, or a later try, may well read it.
  /// Nothing may stand in for such a photo, or the run would depend on who failed when.
  package let isOfMachine: Bool

  package init(description: String, isOfMachine: Bool = false) {
    self.description = description
    self.isOfMachine = isOfMachine
  }
}

/// The size of a stored image and how it is to be turned.
package struct ImageHeader: Equatable, Sendable {
  /// Columns as they are stored, before they are turned upright.
  package var width: Int
  /// Rows as they are stored.
  package var height: Int
  /// EXIF orientation 1...8; 1 is upright.
  package var orientation: Int
  /// Whether there are more pictures than the one that is read.
  package var isAnimation = false

  /// The size [width, height] after turning upright.
  package var uprightWidth: Int { orientation > 4 ? height : width }
  package var uprightHeight: Int { orientation > 4 ? width : height }
}

/// Decodes JPEG files to upright 8-bit RGB; keeps its buffers, serves one thread at a time.
package final class JPEGDecoder: @unchecked Sendable {
  /// A photo of more pixels than this is refused before its memory is asked for.
  package static let defaultPixelLimit = 100_000_000

  private let decoder: OpaquePointer
  private let pixelLimit: Int
  private let turned = PixelBuffer()

  package init(pixelLimit: Int = JPEGDecoder.defaultPixelLimit) {
    guard let decoder = cjpeg_decoder_create() else {
      fatalError("JPEGDecoder: libjpeg could not be started (memory or library version)")
    }
    self.decoder = decoder
    self.pixelLimit = pixelLimit
  }

  deinit { cjpeg_decoder_destroy(decoder) }

  /// Decodes `bytes` into `image` [height, width, 3], turned upright by its EXIF orientation.
  ///
  /// `eighths` chooses the scale M/8 of libjpeg's scaled DCT from the header; 8 is the full size.
  /// Throws `ImageError` for anything but a whole, sound JPEG of at most the pixel limit.
  package func decode(
    _ bytes: UnsafeRawBufferPointer, into image: PixelBuffer,
    eighths choose: (ImageHeader) -> Int = { _ in 8 }
  ) throws(ImageError) {
    var header = CJPEGHeader()
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    guard cjpeg_read_header(decoder, start, bytes.count, Int64(pixelLimit), &header) == 0 else {
      throw failure
    }
    let orientation = EXIFOrientation.of(bytes)
    let eighths = choose(
      ImageHeader(
        width: Int(header.width), height: Int(header.height), orientation: orientation))
    require((1...8).contains(eighths), "JPEGDecoder: a scale of \(eighths)/8 is not 1...8")
    let target = orientation == 1 ? image : turned
    target.resize(
      width: Int(cjpeg_scaled_length(header.width, Int32(eighths))),
      height: Int(cjpeg_scaled_length(header.height, Int32(eighths))))
    let capacity = target.width * target.height * 3
    guard cjpeg_decode(decoder, Int32(eighths), target.pixels, capacity) == 0 else { throw failure }
    if orientation != 1 { EXIFOrientation.apply(orientation, to: turned, into: image) }
  }

  private var failure: ImageError {
    ImageError(description: String(cString: cjpeg_decoder_message(decoder)))
  }
}
