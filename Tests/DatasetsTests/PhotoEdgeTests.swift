import Datasets
import Foundation
import Testing

/// Photos at the edges of their formats, as Pillow reads them.
@Suite struct PhotoEdgeTests {
  private static func decode(_ bytes: [UInt8]) throws -> PixelBuffer {
    let image = PixelBuffer()
    try bytes.withUnsafeBytes { try ImageDecoder().decode($0, into: image) }
    return image
  }

  private static func message(_ bytes: [UInt8]) -> String {
    do {
      _ = try decode(bytes)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test("A PNG whose pixels are all there is whole without its end", arguments: [false, true])
  func endsBehindTheLastRow(isInterlaced: Bool) throws {
    let image = Pictures.pattern(23, 17)
    let file = PNGPhoto.of(image, isInterlaced: isInterlaced)
    #expect(Array(file.suffix(8).prefix(4)) == Array("IEND".utf8))
    for cut in [12, 8, 1] {
      #expect(try Self.decode(Array(file.dropLast(cut))).bytes == image.bytes, "\(cut)")
    }
    // With rows that are missing it is cut short, and with a wrong sum it is damaged.
    #expect(Self.message(Array(file.dropLast(12 + 4 + 40))).contains("truncated file"))
    var damaged = file
    damaged[damaged.count - 12 - 2] ^= 1
    #expect(!Self.message(damaged).isEmpty)
    #expect(!Self.message(Array(damaged.dropLast(12))).isEmpty)
  }

  @Test func aLargeWebPOfOneColourIsWhole() throws {
    let side = 2000
    let pixels = [UInt8]((0..<side * side).flatMap { _ in [200, 30, 60, 255] as [UInt8] })
    let file = WebPPhoto.file(pixels, width: side, height: side)
    #expect(file.count < 400)
    let image = try Self.decode(file)
    #expect(image.width == side && image.height == side)
    #expect(Array(image.bytes.suffix(3)) == [200, 30, 60])
    // One that no memory should be asked for says how large it would be.
    let wide = WebPPhoto.file(
      [UInt8](repeating: 255, count: 4 * 16383 * 1100), width: 16383, height: 1100)
    #expect(Self.message(wide).hasPrefix("16383 x 1100 pixels are more than a photo of"))
  }

  private static func xmp(_ value: Int, asElement: Bool) -> [UInt8] {
    let tag = "tiff:Orientation"
    let said = asElement ? "><\(tag)>\(value)</\(tag)>" : " \(tag)=\"\(value)\"/>"
    return Array("<x:xmpmeta><rdf:Description tiff:Make=\"x\"\(said)</x:xmpmeta>".utf8)
  }

  @Test("XMP turns photos of every format where EXIF says nothing", arguments: 1...8)
  func orientationInXMP(value: Int) throws {
    let image = Pictures.pattern(11, 7)
    let expected = PixelBuffer()
    for asElement in [false, true] {
      let packet = Self.xmp(value, asElement: asElement)
      EXIFOrientation.apply(value, to: image, into: expected)
      let text = Array("XML:com.adobe.xmp\0\0\0\0\0".utf8) + packet
      for before in ["IDAT", "IEND"] {
        let png = PNGPhoto.inserting("iTXt", text, before: before, in: PNGPhoto.of(image))
        #expect(try Self.decode(png).bytes == expected.bytes)
        let exif = PNGPhoto.inserting("eXIf", EXIFBlock.orientation(1), before: "IEND", in: png)
        #expect(try Self.decode(exif).bytes == image.bytes)
      }
      let header: [UInt8] = [4, 0, 0, 0, 10, 0, 0, 6, 0, 0]
      let webP = WebPPhoto.riff(
        WebPPhoto.chunk("VP8X", header) + Array(WebPPhoto.of(image)[12...])
          + WebPPhoto.chunk("XMP ", packet))
      #expect(try Self.decode(webP).bytes == expected.bytes)
      let jpeg = JPEGEncoder().encode(image.pixels, width: 11, height: 7, quality: 90)
      let plain = try Self.decode(jpeg)
      EXIFOrientation.apply(value, to: plain, into: expected)
      let body = Array("http://ns.adobe.com/xap/1.0/\0".utf8) + packet
      let segment: [UInt8] = [0xFF, 0xE1, 0, UInt8(body.count + 2)] + body
      let file = Array(jpeg[..<2]) + segment + Array(jpeg[2...])
      #expect(try Self.decode(file).bytes == expected.bytes)
      // EXIF counts first, wherever it stands.
      let both = EXIFBlock.adding(EXIFBlock.orientation(3), to: file)
      EXIFOrientation.apply(3, to: plain, into: expected)
      #expect(try Self.decode(both).bytes == expected.bytes)
    }
  }
}
