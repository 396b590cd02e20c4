private import CPNG
private import Glibc
private import Preconditions

/// Decodes PNG files (ISO/IEC 15948) to 8-bit RGB, upright; serves one thread at a time.
///
/// As OpenCV and Pillow read them: grey and palettes are spread to three channels, of 16 bits the
/// upper 8 are taken, gamma and profiles are not looked at. Transparency is laid over black. Of an
/// animation (APNG) the picture that every reader shows is taken.
final class PNGDecoder: @unchecked Sendable {
  private let decoder: OpaquePointer
  private let pixelLimit: Int

  init(pixelLimit: Int) {
    guard let decoder = cpng_decoder_create() else {
      Shortage.ofMemory(1 << 10, code: ENOMEM)
    }
    self.decoder = decoder
    self.pixelLimit = pixelLimit
  }

  deinit { cpng_decoder_destroy(decoder) }

  /// Reads the header of `bytes`, which must stay in place until `decode`; throws `ImageError`.
  func header(_ bytes: UnsafeRawBufferPointer) throws(ImageError) -> ImageHeader {
    var header = CPNGHeader()
    let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    guard cpng_read_header(decoder, start, bytes.count, Int64(pixelLimit), &header) == 0 else {
      throw failure
    }
    let chunks = PNGChunks(bytes)
    var orientation = chunks.orientation
    var count = 0
    if orientation == nil, let text = cpng_text_exif(decoder, &count) {
      orientation = EXIFOrientation.inBlock(UnsafeRawBufferPointer(start: text, count: count))
    }
    return ImageHeader(
      width: Int(header.width), height: Int(header.height),
      orientation: orientation ?? chunks.inXMP ?? 1, isAnimation: chunks.isAnimation)
  }

  /// Decodes the image whose header was read into `image`; throws `ImageError`.
  func decode(into image: PixelBuffer) throws(ImageError) {
    guard cpng_decode(decoder, image.pixels, image.width * image.height * 3) == 0 else {
      throw failure
    }
  }

  private var failure: ImageError {
    ImageError(description: String(cString: cpng_decoder_message(decoder)))
  }
}

/// What the chunks of a PNG file say beside the pixels, wherever they stand.
private struct PNGChunks {
  /// The EXIF orientation of the first eXIf chunk; nil without one.
  private(set) var orientation: Int?
  /// The orientation that a text of XMP, one that is not compressed, says.
  private(set) var inXMP: Int?
  private(set) var isAnimation = false

  private static let xmpKeyword = Array("XML:com.adobe.xmp\0\0".utf8)

  init(_ bytes: UnsafeRawBufferPointer) {
    var at = 8
    while at + 12 <= bytes.count {
      let length =
        Int(bytes[at]) << 24 | Int(bytes[at + 1]) << 16 | Int(bytes[at + 2]) << 8
        | Int(bytes[at + 3])
      guard length <= bytes.count - at - 12 else { return }
      let name = bytes[(at + 4)..<(at + 8)]
      if name.elementsEqual("eXIf".utf8), orientation == nil {
        orientation = EXIFOrientation.inBlock(
          UnsafeRawBufferPointer(rebasing: bytes[(at + 8)..<(at + 8 + length)]))
      } else if name.elementsEqual("iTXt".utf8), inXMP == nil {
        let text = UnsafeRawBufferPointer(rebasing: bytes[(at + 8)..<(at + 8 + length)])
        if text.starts(with: Self.xmpKeyword) { inXMP = EXIFOrientation.inXMP(text) }
      } else if name.elementsEqual("acTL".utf8) {
        isAnimation = true
      }
      at += 12 + length
    }
  }
}
