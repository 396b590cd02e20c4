import Datasets
import Foundation
import Testing

@Suite struct ResamplingTests {
  private func sample(_ image: PixelBuffer, _ framing: Framing) -> PixelBuffer {
    let axes = framing.axes(width: image.width, height: image.height)
    let size = framing.imageSize
    let output = PixelBuffer(width: size.width, height: size.height)
    Resampler().resample(
      image.pixels, width: image.width, height: image.height, x: axes.x, y: axes.y,
      outWidth: size.width, outHeight: size.height, into: output.pixels)
    return output
  }

  @Test func framingsEqualPillowsResizeAndTorchvisionsCropBitForBit() throws {
    let text = String(decoding: try Pictures.fixture("framings.txt"), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 15)
    for line in lines {
      let fields = line.split(separator: " ")
      let n = fields.prefix(5).map { Int($0)! }
      let framing = try Framing(
        imageSize: ImageSize(side: n[4]), resize: n[2] == 0 ? nil : n[2],
        crop: n[3] == 0 ? nil : n[3])
      let output = sample(Pictures.pattern(n[0], n[1]), framing)
      #expect(Pictures.fnv(output.bytes) == fields[5], "\(line)")
    }
  }

  @Test func mirroringMirrors() {
    let image = Pictures.pattern(31, 20)
    let axis = (x: SamplingAxis(scale: 31.0 / 12), y: SamplingAxis(scale: 20.0 / 12))
    let outputs = [false, true].map { mirrored in
      let output = PixelBuffer(width: 12, height: 12)
      Resampler().resample(
        image.pixels, width: 31, height: 20, x: axis.x, y: axis.y, mirrored: mirrored,
        outWidth: 12, outHeight: 12, into: output.pixels)
      return output.bytes
    }
    for y in 0..<12 {
      for x in 0..<12 {
        for c in 0..<3 {
          #expect(outputs[0][(y * 12 + x) * 3 + c] == outputs[1][(y * 12 + 11 - x) * 3 + c])
        }
      }
    }
  }

  @Test func beyondTheInputItsEdgeGoesOn() {
    let image = PixelBuffer(width: 2, height: 1, bytes: [10, 20, 30, 200, 210, 220])
    let output = PixelBuffer(width: 8, height: 3)
    Resampler().resample(
      image.pixels, width: 2, height: 1, x: SamplingAxis(scale: 1, offset: -3),
      y: SamplingAxis(scale: 1, offset: -9), outWidth: 8, outHeight: 3, into: output.pixels)
    let row: [UInt8] =
      Array(repeating: [10, 20, 30], count: 4).flatMap(\.self)
      + Array(repeating: [200, 210, 220], count: 4).flatMap(\.self)
    #expect(output.bytes == row + row + row)
  }

  @Test func badSizesAreRefused() {
    for (size, resize, crop) in [(0, nil, nil), (112, 100, 112), (112, 0, nil), (2000, nil, nil)]
      as [(Int, Int?, Int?)]
    {
      #expect(throws: DatasetError.self) {
        _ = try Framing(imageSize: ImageSize(side: size), resize: resize, crop: crop)
      }
    }
  }

  @Test func sizesAreReadAndWritten() {
    for text in ["96", "140x116"] { #expect(ImageSize(text)?.description == text) }
    #expect(ImageSize("140x116") == ImageSize(height: 140, width: 116))
    #expect(ImageSize("8x8")?.description == "8")
    for wrong in ["", "x", "8x", "x8", "8x8x8", "8.5", "8 x 8", "a"] {
      #expect(ImageSize(wrong) == nil, "\(wrong)")
    }
  }

  /// A sample that is no square: the whole photo stretched, or the middle of the square.
  @Test func samplesThatAreNoSquare() throws {
    let tall = ImageSize(height: 14, width: 10)
    let image = Pictures.pattern(30, 28)
    let stretched = sample(image, try Framing(imageSize: tall))
    #expect(stretched.width == 10 && stretched.height == 14)
    let axes = try Framing(imageSize: tall).axes(width: 30, height: 28)
    #expect(axes.x.scale == 3 && axes.x.offset == 0 && axes.y.scale == 2 && axes.y.offset == 0)
    // 14 of the 28 rows and 10 of the 30 columns, in the middle, pixel for pixel.
    let middle = sample(image, try Framing(imageSize: tall, crop: 14))
    for y in 0..<14 {
      let row = middle.pixels + y * 30
      let expected = image.pixels + ((y + 7) * 30 + 10) * 3
      #expect((0..<30).allSatisfy { row[$0] == expected[$0] })
    }
    // All of the shorter side's square but four columns on either side, at half the size.
    let square = try Framing(imageSize: tall, resize: 28).axes(width: 30, height: 28)
    #expect(square.y.scale == 2 && square.y.offset == 0)
    #expect(square.x.scale == 2 && square.x.offset == 2.5)
  }

  @Test func reducedDecodingLeavesTwoPixelsForOne() {
    #expect(Framing.eighths(pixelsPerPixel: 250.0 / 255, margin: 2) == 8)
    #expect(Framing.eighths(pixelsPerPixel: 3.99, margin: 2) == 8)
    #expect(Framing.eighths(pixelsPerPixel: 4, margin: 2) == 4)
    #expect(Framing.eighths(pixelsPerPixel: 8, margin: 2) == 2)
    #expect(Framing.eighths(pixelsPerPixel: 100, margin: 2) == 1)
  }

  @Test func aReducedPhotoLooksLikeTheWholeOne() throws {
    let size = 40
    let bytes = Pictures.jpeg(size * 9, size * 9, seed: 2)
    let pipeline = SamplePipeline(
      Preprocessing(framing: try Framing(imageSize: ImageSize(side: size)), normalization: .unit))
    let reduced = try bytes.withUnsafeBytes {
      try pipeline.pixels($0, photo: 0, drawn: AugmentationDraw()).bytes
    }
    let whole = sample(try Pictures.decode(bytes), try Framing(imageSize: ImageSize(side: size)))
      .bytes
    let errors = zip(reduced, whole).map { abs(Int($0) - Int($1)) }
    #expect(errors.max()! <= 24)
    #expect(errors.reduce(0, +) < errors.count)
  }
}
