import CPhotoWriters
import Datasets
import Foundation

/// PNG files of any kind, by libpng.
struct PNGPhoto {
  var width: Int
  var height: Int
  /// libpng's: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
  var colorType = 2
  var bitDepth = 8
  var isInterlaced = false
  var palette: [UInt8] = []
  var paletteAlpha: [UInt8] = []
  /// The level, or the three levels, that are transparent.
  var key: [Int] = []
  var gamma = 0
  var text: (keyword: String, text: String)?

  /// The file of `rows`, as PNG stores them.
  func file(_ rows: [UInt8]) -> [UInt8] {
    var photo = CPhotoPNG()
    (photo.width, photo.height) = (Int32(width), Int32(height))
    (photo.color_type, photo.bit_depth) = (Int32(colorType), Int32(bitDepth))
    photo.is_interlaced = isInterlaced ? 1 : 0
    photo.gamma = Int32(gamma)
    let key = key + [Int](repeating: -1, count: 3)
    photo.key = (Int32(key[0]), Int32(key[1]), Int32(key[2]))
    return palette.withUnsafeBufferPointer { colors in
      paletteAlpha.withUnsafeBufferPointer { alpha in
        (text?.keyword ?? "").withCString { keyword in
          (text?.text ?? "").withCString { words in
            if !palette.isEmpty {
              (photo.palette, photo.palette_count) = (colors.baseAddress, Int32(colors.count / 3))
            }
            if !paletteAlpha.isEmpty {
              photo.palette_alpha = alpha.baseAddress
              photo.palette_alpha_count = Int32(alpha.count)
            }
            if text != nil { (photo.text_keyword, photo.text) = (keyword, words) }
            var bytes: UnsafeMutablePointer<UInt8>?
            let count = cphoto_png(&photo, rows, &bytes)
            defer { free(bytes) }
            return Array(UnsafeBufferPointer(start: bytes, count: count))
          }
        }
      }
    }
  }

  /// The PNG of the RGB pixels of `image`.
  static func of(_ image: PixelBuffer, isInterlaced: Bool = false) -> [UInt8] {
    PNGPhoto(width: image.width, height: image.height, isInterlaced: isInterlaced)
      .file(image.bytes)
  }

  /// `file` with a chunk called `name` of `data` before the first one called `before`.
  static func inserting(
    _ name: String, _ data: [UInt8], before: String, in file: [UInt8]
  ) -> [UInt8] {
    let place = file.indices.first { file[$0...].starts(with: before.utf8) }! - 4
    let length = withUnsafeBytes(of: UInt32(data.count).bigEndian) { Array($0) }
    let body = Array(name.utf8) + data
    return Array(file[..<place]) + length + body + checksum(body) + Array(file[place...])
  }

  /// `file` with the checksums of its chunks set right, as far as chunks go.
  static func mended(_ file: [UInt8]) -> [UInt8] {
    var file = file
    var at = 8
    while at + 12 <= file.count {
      let length = file[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard length <= file.count - at - 12 else { return file }
      let end = at + 8 + length
      file.replaceSubrange(end..<end + 4, with: checksum(Array(file[(at + 4)..<end])))
      at = end + 4
    }
    return file
  }

  private static func checksum(_ bytes: [UInt8]) -> [UInt8] {
    var value: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      value ^= UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
    return withUnsafeBytes(of: (~value).bigEndian) { Array($0) }
  }
}

/// WebP files, by libwebp.
enum WebPPhoto {
  /// The file of `rgba` [height, width, 4]; lossless without a quality.
  static func file(_ rgba: [UInt8], width: Int, height: Int, quality: Float? = nil) -> [UInt8] {
    var bytes: UnsafeMutablePointer<UInt8>?
    let count = cphoto_webp(rgba, Int32(width), Int32(height), quality ?? 101, &bytes)
    defer { free(bytes) }
    return Array(UnsafeBufferPointer(start: bytes, count: count))
  }

  /// The lossless file of the RGB pixels of `image`.
  static func of(_ image: PixelBuffer, quality: Float? = nil) -> [UInt8] {
    var rgba: [UInt8] = []
    for pixel in 0..<image.width * image.height {
      for c in 0..<3 { rgba.append(image.pixels[3 * pixel + c]) }
      rgba.append(255)
    }
    return file(rgba, width: image.width, height: image.height, quality: quality)
  }

  static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
    Array(name.utf8) + word(data.count, 4) + data + (data.count % 2 == 1 ? [0] : [])
  }

  private static func word(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  static func riff(_ chunks: [UInt8]) -> [UInt8] {
    Array("RIFF".utf8) + word(chunks.count + 4, 4) + Array("WEBP".utf8) + chunks
  }

  /// `file`, a simple one of this size, with a block of EXIF.
  static func adding(exif: [UInt8], to file: [UInt8], width: Int, height: Int) -> [UInt8] {
    let header: [UInt8] = [8, 0, 0, 0] + word(width - 1, 3) + word(height - 1, 3)
    return riff(chunk("VP8X", header) + Array(file[12...]) + chunk("EXIF", exif))
  }

  /// An animation on a canvas, of simple `files` at (x, y).
  static func animation(
    _ files: [(file: [UInt8], x: Int, y: Int, width: Int, height: Int)], width: Int, height: Int
  ) -> [UInt8] {
    let header: [UInt8] = [2, 0, 0, 0] + word(width - 1, 3) + word(height - 1, 3)
    var frames: [UInt8] = []
    for frame in files {
      var data = word(frame.x / 2, 3) + word(frame.y / 2, 3)
      data += word(frame.width - 1, 3) + word(frame.height - 1, 3) + word(100, 3)
      data.append(0)
      data += frame.file[12...]
      frames += chunk("ANMF", data)
    }
    return riff(chunk("VP8X", header) + chunk("ANIM", [0, 0, 0, 0, 0, 0]) + frames)
  }
}

/// Blocks of EXIF with an orientation.
enum EXIFBlock {
  /// A TIFF block with the orientation as a number of `type` (3 is SHORT, 4 LONG).
  static func orientation(_ value: Int, type: Int = 3, isBigEndian: Bool = false) -> [UInt8] {
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      return isBigEndian ? bytes.reversed() : bytes
    }
    let bytesOfType = [1: 1, 6: 1, 3: 2, 8: 2][type] ?? 4
    let field = number(value, bytesOfType) + [UInt8](repeating: 0, count: 4 - bytesOfType)
    let start = isBigEndian ? [UInt8](repeating: 0x4D, count: 2) : [0x49, 0x49]
    return start + number(42, 2) + number(8, 4) + number(2, 2)
      + number(0x010F, 2) + number(2, 2) + number(4, 4) + [0x41, 0x42, 0x43, 0]
      + number(0x0112, 2) + number(type, 2) + number(1, 4) + field + number(0, 4)
  }

  /// `jpeg` with the block behind its start.
  static func adding(_ block: [UInt8], to jpeg: [UInt8]) -> [UInt8] {
    let body = Array("Exif".utf8) + [0, 0] + block
    let count = body.count + 2
    return Array(jpeg[..<2]) + [0xFF, 0xE1, UInt8(count >> 8), UInt8(count & 255)] + body
      + Array(jpeg[2...])
  }
}
