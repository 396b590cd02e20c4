/// What a file is by its first bytes, whatever it is called.
package enum ImageFormat: String, Sendable, CaseIterable {
  case jpeg = "JPEG"
  case png = "PNG"
  case webP = "WebP"
  case heic = "HEIC"
  case avif = "AVIF"
  case jpegXL = "JPEG XL"
  case jpeg2000 = "JPEG 2000"
  case gif = "GIF"
  case bmp = "BMP"
  case tiff = "TIFF"
  case netpbm = "Netpbm"

  /// As many bytes of a file as `init(_:)` looks at.
  package static let signatureBytes = 32

  /// The format that the first bytes of a file say; nil for none of these.
  package init?(_ bytes: UnsafeRawBufferPointer) {
    func has(_ signature: [UInt8], at place: Int = 0) -> Bool {
      bytes.count >= place + signature.count
        && bytes[place..<(place + signature.count)].elementsEqual(signature)
    }
    func says(_ text: String, at place: Int = 0) -> Bool { has(Array(text.utf8), at: place) }
    if has([0xFF, 0xD8]) {
      self = .jpeg
    } else if has([0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10]) {
      self = .png
    } else if says("RIFF"), says("WEBP", at: 8) {
      self = .webP
    } else if says("ftyp", at: 4), let brand = Self.brand(bytes) {
      self = brand
    } else if has([0xFF, 0x0A]) || has([0, 0, 0, 12]) && says("JXL ", at: 4) {
      self = .jpegXL
    } else if has([0xFF, 0x4F, 0xFF, 0x51]) || has([0, 0, 0, 12]) && says("jP  ", at: 4) {
      self = .jpeg2000
    } else if says("GIF87a") || says("GIF89a") {
      self = .gif
    } else if says("BM"), has([0, 0, 0, 0], at: 6) {
      self = .bmp
    } else if says("II*\0") || says("MM\0*") || says("II+\0") || says("MM\0+") {
      self = .tiff
    } else if Self.isNetpbm(bytes) {
      self = .netpbm
    } else {
      return nil
    }
  }

  /// `P1` ... `P7` and white space, as PGM and PPM begin; texts seldom do.
  private static func isNetpbm(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count > 3 && bytes[0] == UInt8(ascii: "P") && (0x31...0x37).contains(bytes[1])
      && [0x0A, 0x0D, 0x20, 0x09].contains(bytes[2])
      && (bytes[3] == UInt8(ascii: "#") || bytes[1] == 0x37 || (0x30...0x39).contains(bytes[3]))
  }

  /// The format of an ISO base media file (ISO/IEC 23008-12), by the first brand that tells; nil
  /// for films.
  private static func brand(_ bytes: UnsafeRawBufferPointer) -> ImageFormat? {
    let boxBytes = Int(bytes[0]) << 24 | Int(bytes[1]) << 16 | Int(bytes[2]) << 8 | Int(bytes[3])
    let end = min(bytes.count, boxBytes)
    var isStill = false
    for place in [8] + Array(stride(from: 16, to: max(16, end - 3), by: 4))
    where place + 4 <= end {
      switch String(decoding: bytes[place..<(place + 4)], as: UTF8.self) {
      case "heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs": return .heic
      case "avif", "avis": return .avif
      case "mif1", "mif2", "msf1", "miaf": isStill = true
      default: break
      }
    }
    return isStill ? .heic : nil
  }

  /// Whether photos of this format are read.
  package var isRead: Bool {
    switch self {
    case .jpeg, .png, .webP: true
    default: false
    }
  }

  /// The command that makes a photo that is read out of one of this format; nil for those that are.
  package var conversion: String? {
    switch self {
    case .jpeg, .png, .webP: nil
    case .heic: "heif-convert -q 98 PHOTO.heic PHOTO.jpg (Debian: libheif-examples)"
    case .avif: "heif-convert -q 98 PHOTO.avif PHOTO.jpg (Debian: libheif-examples)"
    case .jpegXL: "djxl PHOTO.jxl PHOTO.png (Debian: libjxl-tools)"
    case .jpeg2000: "opj_decompress -i PHOTO.jp2 -o PHOTO.png (Debian: libopenjp2-tools)"
    case .gif: "convert 'PHOTO.gif[0]' PHOTO.png (Debian: imagemagick)"
    case .bmp: "convert PHOTO.bmp PHOTO.png (Debian: imagemagick)"
    case .tiff: "convert 'PHOTO.tif[0]' PHOTO.png (Debian: imagemagick)"
    case .netpbm: "convert PHOTO.pgm PHOTO.png (Debian: imagemagick)"
    }
  }

  /// Why `bytes`, which are of no format that is read, are no photo.
  static func refusal(of bytes: UnsafeRawBufferPointer) -> ImageError {
    if bytes.isEmpty { return ImageError(description: "the file is empty") }
    if let format = ImageFormat(bytes), let command = format.conversion {
      return ImageError(
        description: "is a \(format.rawValue) photo, which is not read; convert it: \(command)")
    }
    let start = bytes.prefix(signatureBytes).drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    let text = String(decoding: start, as: UTF8.self).lowercased()
    if text.hasPrefix("<!doctype html") || text.hasPrefix("<html") {
      return ImageError(description: "is a web page, not a photo; download it again")
    }
    if text.hasPrefix("version https://git-lfs") {
      return ImageError(description: "is a pointer of Git LFS, not a photo; run git lfs pull")
    }
    let hexadecimal = bytes.prefix(4).map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
    return ImageError(
      description: "not a JPEG, PNG or WebP file (it starts with "
        + hexadecimal.joined(separator: " ") + ")")
  }
}
