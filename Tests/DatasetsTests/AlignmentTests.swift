import Datasets
import Foundation
import Testing

@Suite struct AlignmentTests {
  private let eyes: [(x: Double, y: Double)] = [
    (105, 113), (145, 111), (126, 136), (109, 157), (143, 155),
  ]

  @Test("The similarity of facts: skimage's SimilarityTransform on five points")
  func similarityEqualsTheVector() throws {
    let m = try #require(Similarity(from: eyes, to: Alignment.template(size: 112)))
    for (value, expected) in [
      (m.a, 0.90032803), (-m.b, -0.02661335), (m.tx, -53.47820739), (m.ty, -52.44594399),
    ] {
      #expect(abs(value - expected) < 1e-8)
    }
    let there = m.inverse
    let x = m.a * 7 - m.b * 5 + m.tx
    let y = m.b * 7 + m.a * 5 + m.ty
    #expect(abs(there.a * x - there.b * y + there.tx - 7) < 1e-12)
    #expect(abs(there.b * x + there.a * y + there.ty - 5) < 1e-12)
  }

  @Test func templatesScale() {
    let t128 = Alignment.template(size: 128)
    #expect(abs(t128[0].x - 46.2946) < 1e-9 && abs(t128[0].y - 51.6963) < 1e-9)
    #expect(abs(Alignment.template(size: 224)[2].x - 2 * 56.0252) < 1e-9)
    #expect(Similarity(from: [(1, 1), (1, 1)], to: [(0, 0), (2, 2)]) == nil)
  }

  @Test func theIdentityCopiesAndAHalfPixelMixes() {
    let image = Pictures.pattern(20, 20)
    let same = Similarity(from: [(0, 0), (9, 4)], to: [(0, 0), (9, 4)])!
    func warp(_ x: Double, _ y: Double) -> [UInt8] {
      let output = PixelBuffer(width: 20, height: 20)
      Alignment.warp(
        image.pixels, width: 20, height: 20, by: same, x: (1, x), y: (1, y), outWidth: 20,
        outHeight: 20, into: output.pixels)
      return output.bytes
    }
    #expect(warp(0, 0) == image.bytes)
    let mixed = warp(0.5, 0)
    let expected = (Int(image.bytes[0]) + Int(image.bytes[3]) + 1) / 2
    #expect(Int(mixed[0]) == expected)
    // The last column mixes with the black beyond the edge; a far shift is all black.
    #expect(Int(mixed[19 * 3]) == (Int(image.bytes[19 * 3]) + 1) / 2)
    #expect(warp(500, -1e9).allSatisfy { $0 == 0 })
  }

  @Test func landmarksBringTheFaceToTheTemplate() throws {
    // A photo that is black but for a white square around each of the five points.
    let image = PixelBuffer(width: 250, height: 250)
    for point in eyes {
      for dy in -3...3 {
        for dx in -3...3 {
          for c in 0..<3 {
            image.pixels[((Int(point.y) + dy) * 250 + Int(point.x) + dx) * 3 + c] = 255
          }
        }
      }
    }
    let disk = TemporaryFolder()
    let file = JPEGEncoder().encode(image.pixels, width: 250, height: 250, quality: 95)
    disk.write("a person/x 1.jpg", file)
    disk.write("b/y.jpg", file)
    let numbers = eyes.map { "\($0.x) \($0.y)" }.joined(separator: " ")
    let list = disk.write(
      "list.txt", "a person/x 1.jpg \(numbers)\n\nb/y.jpg\t\(numbers)\nother.jpg \(numbers)\n")
    let index = try FaceFolder(root: disk.path).index
    let landmarks = try Landmarks(file: list, for: index, imageSize: 112)
    let pipeline = SamplePipeline(
      Preprocessing(framing: try Framing(imageSize: 112), landmarks: landmarks))
    for mirrored in [false, true] {
      var drawn = AugmentationDraw()
      drawn.isMirrored = mirrored
      let sample = try file.withUnsafeBytes { try pipeline.pixels($0, photo: 0, drawn: drawn) }
      let m = Similarity(from: eyes, to: Alignment.template(size: 112))!
      for point in eyes {
        let u = Int((m.a * point.x - m.b * point.y + m.tx).rounded())
        let v = Int((m.b * point.x + m.a * point.y + m.ty).rounded())
        let place = (v * 112 + (mirrored ? 111 - u : u)) * 3
        #expect(sample.pixels[place] > 200)
      }
      #expect(sample.pixels[0] < 20)
    }
    #expect(throws: DatasetError.self) {
      _ = try Landmarks(
        file: disk.write("short.txt", "b/y.jpg 1 2 3\n"), for: index, imageSize: 112)
    }
    #expect(throws: DatasetError.self) {
      _ = try Landmarks(
        file: disk.write("few.txt", "b/y.jpg \(numbers)\n"), for: index, imageSize: 112)
    }
  }

  /// A sample that is no square is the middle of the square with its longer side.
  @Test func templatesOfSamplesThatAreNoSquare() {
    let square = Alignment.template(size: 140)
    let tall = Alignment.template(size: ImageSize(height: 140, width: 116))
    let wide = Alignment.template(size: ImageSize(height: 100, width: 140))
    for i in 0..<5 {
      #expect(tall[i].x == square[i].x - 12 && tall[i].y == square[i].y)
      #expect(wide[i].x == square[i].x && wide[i].y == square[i].y - 20)
    }
  }

  @Test func normalizationsFollowTheirFormulas() throws {
    let image = Pictures.pattern(8, 8)
    let n = 192.0
    let values = image.bytes.map(Double.init)
    let mean = values.reduce(0, +) / n
    let deviation = (values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / n).squareRoot()
    let imagenet = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)]
    for kind in Normalization.allCases {
      var table = kind.table ?? [Float](repeating: 0, count: 768)
      if kind.isPerImage {
        Normalization.standardTable(of: image.pixels, pixelCount: 64, into: &table)
      }
      var output = [Float](repeating: .nan, count: 192)
      Normalization.apply(table, to: image.pixels, pixelCount: 64, into: &output)
      for (i, x) in values.enumerated() {
        let expected: Double =
          switch kind {
          case .half: (x / 255 - 0.5) / 0.5
          case .unit: x / 255
          case .facenet: (x - 127.5) / 128
          case .standardize: (x - mean) / deviation
          case .imagenet: (x / 255 - imagenet[i % 3].0) / imagenet[i % 3].1
          }
        #expect(abs(Double(output[i]) - expected) < 3e-7 * max(abs(expected), 1))
      }
    }
    let flat = PixelBuffer(width: 4, height: 4, bytes: [UInt8](repeating: 9, count: 48))
    var table = [Float](repeating: .nan, count: 768)
    Normalization.standardTable(of: flat.pixels, pixelCount: 16, into: &table)
    #expect(table[9] == 0 && abs(table[10] - Float(48).squareRoot()) < 1e-5)
    #expect(throws: DatasetError.self) { _ = try Normalization(named: "no") }
  }
}
