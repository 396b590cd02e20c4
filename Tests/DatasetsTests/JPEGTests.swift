import Datasets
import Testing

@Suite struct JPEGTests {
  @Test(
    "Pixels equal Pillow's, bit for bit",
    arguments: ["color", "color444", "grey", "progressive", "restarts", "cmyk", "ycck"]
      + (1...8).map { "exif\($0)" })
  func pixelsEqualPillows(name: String) throws {
    let image = try Pictures.decode(Pictures.fixture(name + ".jpg"))
    try expect(image, equals: name)
  }

  @Test(arguments: [2, 4, 8])
  func reducedPixelsEqualPillows(reduction: Int) throws {
    let image = try Pictures.decode(Pictures.fixture("reduced.jpg"), eighths: 8 / reduction)
    try expect(image, equals: "reduced\(reduction)")
  }

  private func expect(_ image: PixelBuffer, equals name: String) throws {
    let golden = try Pictures.fixture(name + ".rgb")
    #expect(image.width == Int(golden[0]) + 256 * Int(golden[1]))
    #expect(image.height == Int(golden[2]) + 256 * Int(golden[3]))
    let worst = zip(image.bytes, golden.dropFirst(4)).map { abs(Int($0) - Int($1)) }.max()
    #expect(worst == 0)
    #expect(image.bytes.count == golden.count - 4)
  }

  @Test func encodingAndDecodingComesBackClose() throws {
    let image = PixelBuffer(width: 50, height: 34)
    for i in 0..<50 * 34 {
      for c in 0..<3 { image.pixels[3 * i + c] = UInt8(i % 50 * 3 + c * 20) }
    }
    let encoder = JPEGEncoder()
    let fine = encoder.encode(image.pixels, width: 50, height: 34, quality: 95)
    let coarse = encoder.encode(image.pixels, width: 50, height: 34, quality: 10)
    #expect(coarse.count < fine.count)
    let back = try Pictures.decode(fine)
    #expect(back.width == 50 && back.height == 34)
    #expect(zip(back.bytes, image.bytes).allSatisfy { abs(Int($0) - Int($1)) <= 6 })
  }

  @Test func aLargeNoisyImageOutgrowsTheEncodersBuffer() throws {
    let image = Pictures.pattern(400, 300)
    let file = JPEGEncoder().encode(image.pixels, width: 400, height: 300, quality: 100)
    #expect(file.count > 1 << 16)
    #expect(try Pictures.decode(file).width == 400)
  }

  @Test func orientationIsReadInBothByteOrders() {
    func file(_ tiff: [UInt8]) -> [UInt8] {
      let body = Array("Exif".utf8) + [0, 0] + tiff
      return [0xFF, 0xD8, 0xFF, 0xE1, 0, UInt8(body.count + 2)] + body + [0xFF, 0xD9]
    }
    let big: [UInt8] =
      [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1] + [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0]
    let little: [UInt8] =
      [0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0] + [0x12, 0x01, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0]
    #expect(file(big).withUnsafeBytes { EXIFOrientation.of($0) } == 6)
    #expect(file(little).withUnsafeBytes { EXIFOrientation.of($0) } == 8)
    // Whatever is cut off, the answer is 1 or the value, and nothing is read beyond the end.
    for count in 0..<file(big).count {
      let cut = Array(file(big).prefix(count))
      #expect([1, 6].contains(cut.withUnsafeBytes { EXIFOrientation.of($0) }))
    }
    var wild = file(little)
    wild[16] = 0xFF
    wild[17] = 0xFF
    #expect(wild.withUnsafeBytes { EXIFOrientation.of($0) } == 1)
  }

  @Test func oneDecoderSurvivesBadFilesBetweenGoodOnes() throws {
    let decoder = JPEGDecoder(pixelLimit: 10_000)
    let good = Pictures.jpeg(40, 30, seed: 3)
    let image = PixelBuffer()
    try good.withUnsafeBytes { try decoder.decode($0, into: image) }
    let expected = image.bytes
    for bad in [Array(good.prefix(good.count / 2)), [], [1, 2, 3], Pictures.jpeg(200, 200)] {
      #expect(throws: ImageError.self) {
        try bad.withUnsafeBytes { try decoder.decode($0, into: image) }
      }
      try good.withUnsafeBytes { try decoder.decode($0, into: image) }
      #expect(image.bytes == expected)
    }
  }
}
