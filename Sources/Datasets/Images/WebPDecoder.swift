private import CWebP

/// Decodes WebP files (RFC 9649), lossy and lossless, to 8-bit RGB, upright; serves one thread at a
/// time. Transparency is laid over black. Of an animation the first frame is taken, on black where
/// it does not cover the canvas.
final class WebPDecoder: @unchecked Sendable {
  private let pixelLimit: Int
  private var layers = PixelBuffer()
  /// What `header` has found, in the bytes that it was given.
  private var found: (file: WebPFile, bytes: UnsafeRawBufferPointer)?

  init(pixelLimit: Int) { self.pixelLimit = pixelLimit }

  /// An image of so many pixels, 48 MiB of them, may come from a few bytes, as one colour does; a
  /// larger one stands for no more than `pixelsPerByte`, which is far beyond photos.
  static let freePixels = 1 << 24
  static let pixelsPerByte = 4096

  /// Reads the header of `bytes`, which must stay in place until `decode`; throws `ImageError`.
  func header(_ bytes: UnsafeRawBufferPointer) throws(ImageError) -> ImageHeader {
    found = nil
    let file = try WebPFile(bytes)
    let (width, height) = (file.width, file.height)
    guard width * height <= pixelLimit else {
      throw ImageError(
        description: "\(width) x \(height) pixels are more than the limit of \(pixelLimit)")
    }
    guard width * height <= max(Self.freePixels, Self.pixelsPerByte * bytes.count) else {
      throw ImageError(
        description:
          "\(width) x \(height) pixels are more than a photo of \(bytes.count) bytes has")
    }
    found = (file, bytes)
    return ImageHeader(
      width: width, height: height, orientation: file.orientation, isAnimation: file.isAnimation)
  }

  /// Decodes the image whose header was read into `image`; throws `ImageError`.
  func decode(into image: PixelBuffer) throws(ImageError) {
    guard let (file, bytes) = found else {
      throw ImageError(description: "no header was read before decoding")
    }
    found = nil
    let frame = file.frame
    let data = UnsafeRawBufferPointer(rebasing: bytes[frame.data])
    let start = data.baseAddress?.assumingMemoryBound(to: UInt8.self)
    let coversAll = frame.width == image.width && frame.height == image.height
    if !coversAll {
      image.pixels.update(repeating: 0, count: image.width * image.height * 3)
    }
    guard !frame.isOpaque else {
      let stride = 3 * image.width
      let first = 3 * (frame.y * image.width + frame.x)
      guard
        WebPDecodeRGBInto(
          start, data.count, image.pixels + first, stride * image.height - first, Int32(stride))
          != nil
      else { throw Self.corrupt }
      return
    }
    let stride = 4 * frame.width
    let layer = UnsafeMutablePointer<UInt8>.allocate(capacity: stride * frame.height)
    defer { layer.deallocate() }
    guard
      WebPDecodeRGBAInto(start, data.count, layer, stride * frame.height, Int32(stride)) != nil
    else { throw Self.corrupt }
    for y in 0..<frame.height {
      var source = UnsafePointer(layer) + y * stride
      var target = image.pixels + 3 * ((frame.y + y) * image.width + frame.x)
      for _ in 0..<frame.width {
        for c in 0..<3 { target[c] = Self.times(source[c], source[3]) }
        source += 4
        target += 3
      }
    }
  }

  private static let corrupt = ImageError(
    description: "the WebP data are corrupt or end before the image does (truncated file)")

  /// a * b / 255, rounded, as libpng composes.
  private static func times(_ a: UInt8, _ b: UInt8) -> UInt8 {
    let product = Int(a) * Int(b) + 128
    return UInt8((product + product >> 8) >> 8)
  }
}

/// The parts of a WebP file: the canvas, its first frame, and what EXIF and XMP say.
private struct WebPFile {
  struct Frame {
    var x = 0
    var y = 0
    var width = 0
    var height = 0
    var isOpaque = true
    /// Where its chunks, or the whole file, are.
    var data = 0..<0
  }

  private(set) var width = 0
  private(set) var height = 0
  private(set) var orientation = 1
  private(set) var isAnimation = false
  private(set) var frame = Frame()

  init(_ bytes: UnsafeRawBufferPointer) throws(ImageError) {
    func word(_ at: Int) -> Int {
      Int(bytes[at]) | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2]) << 16 | Int(bytes[at + 3]) << 24
    }
    func threeBytes(_ at: Int) -> Int {
      Int(bytes[at]) | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2]) << 16
    }
    guard bytes.count >= 20, word(4) >= 12 else { throw Self.tooShort }
    let end = word(4) + 8
    guard end <= bytes.count else { throw Self.tooShort }
    frame.data = 0..<end
    var hasFrame = false
    var (inEXIF, inXMP): (Int?, Int?)
    var at = 12
    while at + 8 <= end {
      let name = String(decoding: bytes[at..<(at + 4)], as: UTF8.self)
      let length = word(at + 4)
      let start = at + 8
      guard length <= end - start else { throw Self.tooShort }
      switch name {
      case "VP8X":
        guard length >= 10 else { throw Self.tooShort }
        isAnimation = bytes[start] & 0x02 != 0
        (width, height) = (threeBytes(start + 4) + 1, threeBytes(start + 7) + 1)
      case "ANMF" where !hasFrame:
        guard length >= 24 else { throw Self.tooShort }
        hasFrame = true
        (frame.x, frame.y) = (2 * threeBytes(start), 2 * threeBytes(start + 3))
        frame.data = (start + 16)..<(start + length)
      case "EXIF":
        inEXIF = EXIFOrientation.inBlock(
          UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)]))
      case "XMP ":
        inXMP = EXIFOrientation.inXMP(
          UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)]))
      default: break
      }
      at = start + length + length & 1
    }
    orientation = inEXIF ?? inXMP ?? 1
    guard hasFrame || !isAnimation else {
      throw ImageError(description: "is an animation without a frame")
    }
    try readFeatures(UnsafeRawBufferPointer(rebasing: bytes[frame.data]))
    if !isAnimation { (width, height) = (frame.width, frame.height) }
    guard frame.x + frame.width <= width, frame.y + frame.height <= height else {
      throw ImageError(description: "has a frame that leaves its canvas")
    }
  }

  private static let tooShort = ImageError(
    description: "the data ends before the image does (truncated file)")

  private mutating func readFeatures(_ data: UnsafeRawBufferPointer) throws(ImageError) {
    var features = WebPBitstreamFeatures()
    let start = data.baseAddress?.assumingMemoryBound(to: UInt8.self)
    switch WebPGetFeatures(start, data.count, &features) {
    case VP8_STATUS_OK: break
    case VP8_STATUS_NOT_ENOUGH_DATA: throw Self.tooShort
    default: throw ImageError(description: "the header of this WebP file makes no sense")
    }
    guard features.width > 0, features.height > 0 else {
      throw ImageError(description: "an image without pixels")
    }
    (frame.width, frame.height) = (Int(features.width), Int(features.height))
    frame.isOpaque = features.has_alpha == 0
  }
}
