import CAllocations
import Datasets
import Foundation
import Testing

/// PNG and WebP beside JPEG, by their bytes, as OpenCV and Pillow read them.
@Suite(.serialized) struct PhotoFormatTests {
  private static func decode(_ bytes: [UInt8], eighths: Int = 8) throws -> PixelBuffer {
    let image = PixelBuffer()
    try bytes.withUnsafeBytes { try ImageDecoder().decode($0, into: image) { _ in eighths } }
    return image
  }

  private static func message(_ bytes: [UInt8]) -> String {
    do {
      _ = try decode(bytes)
      return "decoded"
    } catch {
      return "\(error)"
    }
  }

  private static let width = 23
  private static let height = 17

  /// Pseudo-random bytes that depend on `seed`.
  private static func noise(_ count: Int, seed: Int = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 7919 &+ seed &* 104_729) >> 3) }
  }

  /// a * b / 255, rounded to the nearest.
  private static func over(_ color: UInt8, _ alpha: UInt8) -> UInt8 {
    UInt8((Double(color) * Double(alpha) / 255).rounded())
  }

  // MARK: PNG

  @Test("Grey of every depth is spread to three channels", arguments: [1, 2, 4, 8, 16])
  func greyPNG(depth: Int) throws {
    for isInterlaced in [false, true] {
      let rowBytes = (Self.width * depth + 7) / 8
      let rows = Self.noise(rowBytes * Self.height)
      let photo = PNGPhoto(
        width: Self.width, height: Self.height, colorType: 0, bitDepth: depth,
        isInterlaced: isInterlaced)
      let image = try Self.decode(photo.file(rows))
      #expect(image.width == Self.width && image.height == Self.height)
      for y in 0..<Self.height {
        for x in 0..<Self.width {
          let byte = Int(rows[y * rowBytes + x * depth / 8])
          let level =
            depth >= 8 ? byte : byte >> (8 - depth - x * depth % 8) & (1 << depth - 1)
          let expected = depth >= 8 ? level : level * 255 / (1 << depth - 1)
          let pixel = image.pixels + 3 * (y * Self.width + x)
          for c in 0..<3 { #expect(Int(pixel[c]) == expected) }
        }
      }
    }
  }

  @Test("Colour of 8 bits is as it is stored, of 16 the upper 8 are taken; gamma changes nothing")
  func colorPNG() throws {
    let pixels = Self.noise(Self.width * Self.height * 3)
    for isInterlaced in [false, true] {
      var photo = PNGPhoto(width: Self.width, height: Self.height, isInterlaced: isInterlaced)
      #expect(try Self.decode(photo.file(pixels)).bytes == pixels)
      photo.gamma = 100_000
      #expect(try Self.decode(photo.file(pixels)).bytes == pixels)
      photo.bitDepth = 16
      let wide = zip(pixels, Self.noise(pixels.count, seed: 2)).flatMap { [$0, $1] }
      #expect(try Self.decode(photo.file(wide)).bytes == pixels)
    }
  }

  @Test("Palettes of every depth", arguments: [1, 2, 4, 8])
  func palettePNG(depth: Int) throws {
    let rowBytes = (Self.width * depth + 7) / 8
    let rows = Self.noise(rowBytes * Self.height)
    let colors = Self.noise(3 << depth, seed: 3)
    let alpha: [UInt8] = [0, 100]
    for hasAlpha in [false, true] {
      let photo = PNGPhoto(
        width: Self.width, height: Self.height, colorType: 3, bitDepth: depth,
        isInterlaced: hasAlpha, palette: colors, paletteAlpha: hasAlpha ? alpha : [])
      let image = try Self.decode(photo.file(rows))
      for y in 0..<Self.height {
        for x in 0..<Self.width {
          let byte = Int(rows[y * rowBytes + x * depth / 8])
          let entry = byte >> (8 - depth - x * depth % 8) & (1 << depth - 1)
          for c in 0..<3 {
            let color = colors[3 * entry + c]
            #expect(
              image.pixels[3 * (y * Self.width + x) + c]
                == (hasAlpha && entry < 2 ? Self.over(color, alpha[entry]) : color))
          }
        }
      }
    }
  }

  @Test("Transparency is laid over black: alpha, of 8 and 16 bits, and a transparent colour")
  func transparentPNG() throws {
    let count = Self.width * Self.height
    let rgba = Self.noise(count * 4)
    let composed = (0..<count * 3).map { place in
      Self.over(rgba[place / 3 * 4 + place % 3], rgba[place / 3 * 4 + 3])
    }
    for isInterlaced in [false, true] {
      var photo = PNGPhoto(
        width: Self.width, height: Self.height, colorType: 6, isInterlaced: isInterlaced)
      #expect(try Self.decode(photo.file(rgba)).bytes == composed)
      photo.bitDepth = 16
      let wide = rgba.flatMap { [$0, $0] }
      let image = try Self.decode(photo.file(wide)).bytes
      #expect(zip(image, composed).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
      photo.bitDepth = 8
      photo.colorType = 4
      let grey = Self.noise(count * 2)
      let greys = (0..<count * 3).map { Self.over(grey[$0 / 3 * 2], grey[$0 / 3 * 2 + 1]) }
      #expect(try Self.decode(photo.file(grey)).bytes == greys)
      photo.colorType = 2
      var pixels = Self.noise(count * 3)
      photo.key = [Int(pixels[6]), Int(pixels[7]), Int(pixels[8])]
      let file = photo.file(pixels)
      let hidden = Array(pixels[6..<9])
      for pixel in 0..<count where Array(pixels[3 * pixel..<3 * pixel + 3]) == hidden {
        for c in 0..<3 { pixels[3 * pixel + c] = 0 }
      }
      #expect(try Self.decode(file).bytes == pixels)
    }
  }

  @Test("A transparent colour that is lost to damage is an error, not another picture")
  func damagedTransparencyIsAnError() throws {
    let photo = PNGPhoto(width: 4, height: 4, key: [1, 2, 3])
    var file = photo.file(Self.noise(48))
    let place = try #require(file.indices.first { file[$0...].starts(with: "tRNS".utf8) })
    file[place + 5] ^= 1
    #expect(Self.message(file).contains("tRNS"))
  }

  @Test("An animated PNG is the picture that every reader shows")
  func animatedPNG() throws {
    let image = Pictures.pattern(12, 9)
    let file = PNGPhoto.inserting(
      "acTL", [0, 0, 0, 2, 0, 0, 0, 0], before: "IDAT", in: PNGPhoto.of(image))
    #expect(try Self.decode(file).bytes == image.bytes)
    #expect(Self.isAnimation(file) && !Self.isAnimation(PNGPhoto.of(image)))
  }

  private static func isAnimation(_ bytes: [UInt8]) -> Bool {
    var found: ImageHeader?
    let image = PixelBuffer()
    try? bytes.withUnsafeBytes {
      try ImageDecoder().decode($0, into: image) { header in
        found = header
        return 8
      }
    }
    return found?.isAnimation ?? false
  }

  // MARK: WebP

  @Test("Lossless WebP is its pixels, transparency over black; lossy WebP is close")
  func webP() throws {
    let image = Pictures.pattern(37, 29)
    #expect(try Self.decode(WebPPhoto.of(image)).bytes == image.bytes)
    let smooth = PixelBuffer(width: 64, height: 48)
    for i in 0..<64 * 48 * 3 { smooth.pixels[i] = UInt8(i / 3 % 64 * 3 + i % 3 * 20) }
    let lossy = try Self.decode(WebPPhoto.of(smooth, quality: 95))
    #expect(lossy.width == 64 && lossy.height == 48)
    #expect(zip(lossy.bytes, smooth.bytes).allSatisfy { abs(Int($0) - Int($1)) < 24 })
    let count = Self.width * Self.height
    let rgba = Self.noise(count * 4)
    let composed = (0..<count * 3).map { place in
      Self.over(rgba[place / 3 * 4 + place % 3], rgba[place / 3 * 4 + 3])
    }
    let file = WebPPhoto.file(rgba, width: Self.width, height: Self.height)
    #expect(try Self.decode(file).bytes == composed)
  }

  @Test("Of an animated WebP the first frame is taken, on black")
  func animatedWebP() throws {
    let (first, second) = (Pictures.pattern(8, 6), Pictures.pattern(10, 4))
    let file = WebPPhoto.animation(
      [
        (WebPPhoto.of(first), 4, 2, 8, 6), (WebPPhoto.of(second), 0, 0, 10, 4),
      ], width: 16, height: 12)
    let image = try Self.decode(file)
    #expect(image.width == 16 && image.height == 12 && Self.isAnimation(file))
    for y in 0..<12 {
      for x in 0..<16 {
        let inside = (4..<12).contains(x) && (2..<8).contains(y)
        for c in 0..<3 {
          #expect(
            image.pixels[3 * (16 * y + x) + c]
              == (inside ? first.pixels[3 * (8 * (y - 2) + x - 4) + c] : 0))
        }
      }
    }
    let wild = WebPPhoto.animation([(WebPPhoto.of(first), 10, 2, 8, 6)], width: 16, height: 12)
    #expect(Self.message(wild).contains("leaves its canvas"))
  }

  // MARK: EXIF

  @Test("EXIF turns photos of every format, whatever integer the orientation is", arguments: 1...8)
  func orientation(value: Int) throws {
    let image = Pictures.pattern(11, 7)
    let expected = PixelBuffer()
    EXIFOrientation.apply(value, to: image, into: expected)
    let png = PNGPhoto.of(image)
    let kinds = [(3, false), (3, true), (4, false), (4, true), (1, false), (9, true)]
    for (type, isBigEndian) in kinds {
      let block = EXIFBlock.orientation(value, type: type, isBigEndian: isBigEndian)
      for before in ["IDAT", "IEND"] {
        let file = PNGPhoto.inserting("eXIf", block, before: before, in: png)
        #expect(try Self.decode(file).bytes == expected.bytes)
      }
      let prefixed = Array("Exif".utf8) + [0, 0] + block
      let webP = WebPPhoto.of(image)
      for exif in [block, prefixed] {
        let file = WebPPhoto.adding(exif: exif, to: webP, width: 11, height: 7)
        #expect(try Self.decode(file).bytes == expected.bytes)
      }
      let jpeg = JPEGEncoder().encode(image.pixels, width: 11, height: 7, quality: 90)
      let turned = try Self.decode(EXIFBlock.adding(block, to: jpeg))
      let plain = try Self.decode(jpeg)
      EXIFOrientation.apply(value, to: plain, into: expected)
      #expect(turned.bytes == expected.bytes)
      EXIFOrientation.apply(value, to: image, into: expected)
    }
  }

  @Test("EXIF that ImageMagick keeps as text turns a PNG")
  func orientationInText() throws {
    let image = Pictures.pattern(11, 7)
    let block = Array("Exif".utf8) + [0, 0] + EXIFBlock.orientation(6)
    let digits = block.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    var photo = PNGPhoto(width: 11, height: 7)
    photo.text = ("Raw profile type exif", "\nexif\n      \(block.count)\n\(digits)\n")
    let expected = PixelBuffer()
    EXIFOrientation.apply(6, to: image, into: expected)
    #expect(try Self.decode(photo.file(image.bytes)).bytes == expected.bytes)
  }

  // MARK: Scales

  @Test("Reduced photos are means of squares, in the size of libjpeg's", arguments: [1, 2, 4])
  func reducedPhotos(eighths: Int) throws {
    let image = Pictures.pattern(37, 29)
    let factor = 8 / eighths
    for file in [PNGPhoto.of(image), WebPPhoto.of(image)] {
      let small = try Self.decode(file, eighths: eighths)
      #expect(small.width == (37 + factor - 1) / factor)
      #expect(small.height == (29 + factor - 1) / factor)
      for y in 0..<small.height {
        for x in 0..<small.width {
          let rows = y * factor..<min(29, (y + 1) * factor)
          let columns = x * factor..<min(37, (x + 1) * factor)
          for c in 0..<3 {
            let levels = rows.flatMap { row in
              columns.map { Double(image.pixels[3 * (row * 37 + $0) + c]) }
            }
            let mean = levels.reduce(0, +) / Double(levels.count)
            #expect(abs(Double(small.pixels[3 * (y * small.width + x) + c]) - mean) <= 0.5)
          }
        }
      }
    }
  }

  // MARK: What is not read

  @Test("Formats that are not read are named, with the command that converts them")
  func otherFormatsAreNamed() {
    func box(_ brands: String) -> [UInt8] {
      [0, 0, 0, UInt8(8 + brands.utf8.count)] + Array(("ftyp" + brands).utf8)
        + Self.noise(200)
    }
    let files: [(String, [UInt8], String)] = [
      ("HEIC", box("heic\0\0\0\0mif1heic"), "heif-convert"),
      ("HEIC", box("mif1\0\0\0\0mif1heic"), "heif-convert"),
      ("AVIF", box("avif\0\0\0\0mif1miaf"), "heif-convert"),
      ("AVIF", box("mif1\0\0\0\0avifmiaf"), "heif-convert"),
      ("GIF", Array("GIF89a".utf8) + Self.noise(50), "convert"),
      ("BMP", Array("BM".utf8) + [9, 9, 9, 9, 0, 0, 0, 0] + Self.noise(50), "convert"),
      ("TIFF", Array("II*\0".utf8) + Self.noise(50), "convert"),
      ("JPEG XL", [0xFF, 0x0A] + Self.noise(50), "djxl"),
      ("JPEG 2000", [0, 0, 0, 12] + Array("jP  ".utf8) + Self.noise(50), "opj_decompress"),
    ]
    for (name, bytes, command) in files {
      let text = Self.message(bytes)
      #expect(text.contains("is a \(name) photo") && text.contains(command), "\(name): \(text)")
      #expect(!text.contains("\n"))
    }
    #expect(Self.message(Array("\n<!DOCTYPE html><html>".utf8)).contains("web page"))
    #expect(Self.message(Array("version https://git-lfs.github.com".utf8)).contains("Git LFS"))
    #expect(Self.message([]).contains("empty"))
    #expect(Self.message(box("isom\0\0\0\0mp42")).contains("not a JPEG, PNG or WebP"))
  }

  @Test("Half a photo, and one whose checksums are wrong, is an error of one line")
  func damagedPhotosAreErrors() throws {
    let image = Pictures.pattern(40, 30)
    for file in [
      PNGPhoto.of(image), PNGPhoto.of(image, isInterlaced: true), WebPPhoto.of(image),
      WebPPhoto.of(image, quality: 80),
    ] {
      for count in stride(from: 1, to: file.count - 1, by: 37) {
        let text = Self.message(Array(file.prefix(count)))
        #expect(text != "decoded" && !text.contains("\n"), "\(count) of \(file.count): \(text)")
      }
    }
    var flipped = PNGPhoto.of(image)
    flipped[flipped.count / 2] ^= 4
    #expect(Self.message(flipped) != "decoded")
  }

  @Test("A few bytes that promise a hundred million pixels take no memory for them")
  func promisedPixelsTakeNoMemory() {
    func png(_ width: UInt32, _ height: UInt32) -> [UInt8] {
      var file = PNGPhoto.of(Pictures.pattern(8, 8))
      file.replaceSubrange(16..<20, with: withUnsafeBytes(of: width.bigEndian) { Array($0) })
      file.replaceSubrange(20..<24, with: withUnsafeBytes(of: height.bigEndian) { Array($0) })
      return PNGPhoto.mended(file)
    }
    // A lossless WebP of 16,383 x 6,000 pixels, by its header.
    var webP = WebPPhoto.of(Pictures.pattern(8, 8))
    let bits = UInt32(16_382) | UInt32(5_999) << 14
    webP.replaceSubrange(21..<25, with: withUnsafeBytes(of: bits.littleEndian) { Array($0) })
    for file in [png(10_000, 9_000), png(60_000, 60_000), png(0x7FFF_FFFF, 0x7FFF_FFFF), webP] {
      callocations_watch()
      let text = Self.message(file)
      let held = Int(callocations_most_held())
      #expect(text != "decoded" && held < 256 << 10, "\(text): \(held) bytes")
    }
  }

  @Test("One decoder reads one format after the other, and bad files between")
  func oneDecoderReadsAll() throws {
    let image = Pictures.pattern(20, 14)
    let decoder = ImageDecoder()
    let target = PixelBuffer()
    let png = PNGPhoto.of(image)
    for _ in 0..<3 {
      for file in [png, WebPPhoto.of(image)] {
        try file.withUnsafeBytes { try decoder.decode($0, into: target) }
        #expect(target.bytes == image.bytes)
      }
      for file in [Array(png.dropLast(40)), [1, 2, 3]] {
        #expect(throws: ImageError.self) {
          try file.withUnsafeBytes { try decoder.decode($0, into: target) }
        }
      }
    }
  }

  @Test("A sequential JPEG whose scan says Ss = Se = 0, as some phones write it, decodes")
  func zeroSpectralRange() throws {
    let sound = Pictures.jpeg(40, 30, seed: 3)
    let scan = try #require(
      sound.indices.dropLast().first { sound[$0] == 0xFF && sound[$0 + 1] == 0xDA })
    var zeros = sound
    let place = scan + 5 + 2 * Int(sound[scan + 4])
    #expect(Array(sound[place..<place + 3]) == [0, 63, 0])
    zeros.replaceSubrange(place..<place + 3, with: [0, 0, 0])
    #expect(try Self.decode(zeros).bytes == Self.decode(sound).bytes)
  }
}
