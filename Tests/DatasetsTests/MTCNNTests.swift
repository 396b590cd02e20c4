import Datasets
import Detection
import Foundation
import Interchange
import TestSupport
import Testing

/// MTCNN's three networks and what becomes of their boxes, against facenet-pytorch
/// (scripts/golden/mtcnn.py).
@Suite struct MTCNNTests {
  /// Drawn weights of the networks' shapes.
  static let folder = GoldenDetector.folder + "/mtcnn"

  struct Golden: Decodable {
    struct Photo: Decodable {
      let width: Int
      let height: Int
      /// Left, top, right, bottom, score, then ten numbers of points.
      let faces: [[Double]]
    }
    let score: Double
    let photos: [Photo]
  }

  /// What scripts/golden/mtcnn.py makes too.
  static func mosaic(_ width: Int, _ height: Int) -> PixelBuffer {
    var bytes: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        let level = x / 9 * 37 + y / 7 * 59 + x / 9 * (y / 7) * 13
        for c in 0..<3 { bytes.append(UInt8(truncatingIfNeeded: level + c * 70)) }
      }
    }
    return PixelBuffer(width: width, height: height, bytes: bytes)
  }

  @Test func facesAreThoseOfFacenetPyTorch() throws {
    let file = URL(fileURLWithPath: GoldenDetector.folder + "/mtcnn.json")
    let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
    #expect(golden.photos.map(\.faces.count) == [18, 9, 2, 0])
    let finder = FaceFinder(try FaceDetector(path: Self.folder), score: golden.score)
    var worst = (pixels: 0.0, score: 0.0)
    // Again after the other sizes.
    for photo in golden.photos + golden.photos.prefix(1) {
      let faces = try finder.faces(on: Self.mosaic(photo.width, photo.height))
      try #require(faces.count == photo.faces.count, "\(photo.width)x\(photo.height)")
      for (face, expected) in zip(faces, photo.faces) {
        let numbers =
          [face.left, face.top, face.left + face.width, face.top + face.height] + face.points
        for (one, other) in zip(numbers, expected[..<4] + expected[5...]) {
          worst.pixels = max(worst.pixels, abs(one - other))
        }
        worst.score = max(worst.score, abs(face.score - expected[4]))
      }
    }
    // Numbers are rounded to thousandths of a pixel, two of them are added.
    #expect(worst.pixels < 0.002 && worst.score < 0.0006, "\(worst)")
  }

  @Test func theUsualScoreIsTheDetectors() throws {
    let detector = try FaceDetector(path: Self.folder)
    #expect(detector.usualScore == 0.7)
    #expect(try DetectionTests.detector().usualScore == 0.6)
    let photo = Self.mosaic(120, 90)
    let faces = try FaceFinder(detector, score: nil).faces(on: photo)
    #expect(try FaceFinder(detector, score: 0.7).faces(on: photo) == faces)
    #expect(faces.allSatisfy { $0.score > 0.7 })
    #expect(try FaceFinder(detector, score: 0.6).faces(on: photo).count > faces.count)
    // Other weights are told apart by any of the files.
    let folder = TemporaryFolder()
    for name in ["pnet.pt", "rnet.pt", "onet.pt"] { copy(name, to: folder, as: name) }
    #expect(try FaceDetector(path: folder.path).hash == detector.hash)
    #expect(
      FaceDetector.files(of: folder.path)
        == ["pnet.pt", "rnet.pt", "onet.pt"].map { folder.path + "/" + $0 })
  }

  @Test func photosOfAnySizeAreLookedAt() throws {
    let finder = FaceFinder(try FaceDetector(path: Self.folder), score: 0.5)
    #expect(try finder.faces(on: Self.mosaic(1, 1)).isEmpty)
    #expect(try finder.faces(on: Self.mosaic(19, 3000)).isEmpty)
    _ = try finder.faces(on: Self.mosaic(20, 20))
    // 1280 pixels of 1920: boxes and points are those of the whole photo.
    let wide = try finder.faces(on: Self.mosaic(1920, 60))
    #expect(!wide.isEmpty && wide.contains { $0.left > 1280 })
    #expect(wide.allSatisfy { $0.left > -60 && $0.left + $0.width < 1980 && $0.top > -60 })
  }

  // MARK: Files

  private func copy(_ name: String, to folder: TemporaryFolder, as other: String) {
    let file = URL(fileURLWithPath: Self.folder + "/" + name)
    folder.write(other, [UInt8](try! Data(contentsOf: file)))
  }

  private func complaint(_ path: String) -> String {
    do {
      _ = try FaceDetector(path: path)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func whatIsNoneOfItsNetworksIsSaidInOneLine() throws {
    func folder(_ files: [(String, as: String)]) -> TemporaryFolder {
      let folder = TemporaryFolder()
      for (name, other) in files { copy(name, to: folder, as: other) }
      return folder
    }
    let pnet = complaint(Self.folder + "/pnet.pt")
    #expect(pnet.contains("name the folder that holds pnet.pt, rnet.pt, onet.pt"), "\(pnet)")
    let missing = folder([("pnet.pt", as: "pnet.pt"), ("rnet.pt", as: "rnet.pt")])
    #expect(complaint(missing.path).contains("is a folder without onet.pt"))
    let exchanged = folder([
      ("rnet.pt", as: "pnet.pt"), ("pnet.pt", as: "rnet.pt"), ("onet.pt", as: "onet.pt"),
    ])
    let shapes = complaint(exchanged.path)
    #expect(
      shapes.contains("pnet.pt") && !shapes.contains(where: \.isNewline)
        && shapes.contains(
          "a tensor 'conv1.weight' [28, 3, 3, 3], where MTCNN's is [10, 3, 3, 3]"),
      "\(shapes)")
    let other = folder([("rnet.pt", as: "rnet.pt"), ("onet.pt", as: "onet.pt")])
    other.write("pnet.pt", [UInt8](Data(base64Encoded: TorchFiles.stateDictionary)!))
    #expect(complaint(other.path).contains("no tensor 'conv1.weight' [10, 3, 3, 3]"))
    other.write("pnet.pt", Array("PK".utf8))
    #expect(complaint(other.path).contains("pnet.pt"))
  }

  // MARK: What becomes of boxes, by hand

  private func box(
    _ left: Double, _ top: Double, _ right: Double, _ bottom: Double, _ score: Double = 1
  ) -> MTCNNBox {
    MTCNNBox(left: left, top: top, right: right, bottom: bottom, score: score)
  }

  @Test func boxesOverlapAndSuppressEachOther() {
    let (large, small) = (box(0, 0, 10, 10, 0.8), box(5, 0, 10, 5, 0.9))
    #expect(large.overlap(small, .union) == 0.25)
    // Sides of a pixel more: 6 x 6 of 6 x 6.
    #expect(large.overlap(small, .smaller) == 1)
    #expect(large.overlap(box(12, 0, 20, 10), .union) == 0)
    #expect(large.overlap(box(10, 0, 20, 10), .union) == 0)
    #expect(abs(large.overlap(box(10, 0, 20, 10), .smaller) - 1.0 / 11) < 1e-12)
    let boxes = [large, small, box(50, 0, 60, 10, 0.8), box(51, 0, 61, 10, 0.8)]
    #expect(MTCNNBox.kept(of: boxes, above: 0.5) == [1, 0, 2])
    #expect(MTCNNBox.kept(of: boxes, above: 0.25) == [1, 0, 2])
    #expect(MTCNNBox.kept(of: boxes, above: 0.2) == [1, 2])
    #expect(MTCNNBox.kept(of: boxes, above: 0.7, .smaller) == [1, 2])
  }

  @Test func boxesAreMovedAndSquared() {
    let moved = box(10, 20, 19, 39).moved(by: [0.5, -0.25, 1, 0], more: 1)
    #expect(moved == box(15, 15, 29, 39))
    #expect(box(10, 20, 20, 40).moved(by: [0.5, 0.5, 0, 0], more: 0) == box(15, 30, 20, 40))
    // 14 wide and 24 high around (22, 27).
    #expect(moved.squared == box(10, 15, 34, 39))
  }

  @Test func boxesAreCutAtThePhotosEdge() throws {
    let inside = try #require(box(3.9, 2.1, 7.9, 5).pixels(width: 10, height: 8))
    #expect(inside.columns == 2..<7 && inside.rows == 1..<5)
    let across = try #require(box(-4, -0.5, 20, 9).pixels(width: 10, height: 8))
    #expect(across.columns == 0..<10 && across.rows == 0..<8)
    #expect(box(12, 1, 20, 8).pixels(width: 10, height: 8) == nil)
    #expect(box(-9, 1, 0.9, 8).pixels(width: 10, height: 8) == nil)
    for bad in [Double.nan, .infinity, -1e300] {
      #expect(box(bad, 1, 5, 8).pixels(width: 10, height: 8) == nil)
      #expect(box(1, 1, 5, bad).pixels(width: 10, height: 8) == nil)
    }
  }

  /// torch's `adaptive_avg_pool2d`, in Double.
  @Test(arguments: [[0, 31, 0, 23, 12, 9], [4, 20, 3, 7, 24, 24], [30, 31, 22, 23, 5, 5]])
  func rectanglesAreResampledByTheirMeans(numbers v: [Int]) {
    let (width, height) = (23, 31)
    let random = TestNumbers.normal(width * height * 3, seed: 9)
    let bytes = random.map { UInt8(min(max($0 * 60 + 128, 0), 255)) }
    let sums = AreaSums()
    // A larger photo before it leaves nothing behind.
    sums.set(Self.mosaic(40, 50))
    sums.set(PixelBuffer(width: width, height: height, bytes: bytes))
    let (rows, columns, outHeight, outWidth) = (v[0]..<v[1], v[2]..<v[3], v[4], v[5])
    let image = FencedFloats(unwritten: outHeight * outWidth * 3)
    sums.resample(
      rows: rows, columns: columns, height: outHeight, width: outWidth, into: image.pointer)
    func part(_ i: Int, of count: Int, _ range: Range<Int>) -> Range<Int> {
      func place(_ i: Int) -> Double { Double(i * range.count) / Double(count) }
      return range.lowerBound + Int(place(i))..<range.lowerBound + Int(place(i + 1).rounded(.up))
    }
    var worst = 0.0
    for i in 0..<outHeight {
      for j in 0..<outWidth {
        for c in 0..<3 {
          var (sum, count) = (0.0, 0.0)
          for y in part(i, of: outHeight, rows) {
            for x in part(j, of: outWidth, columns) {
              sum += Double(bytes[(y * width + x) * 3 + c])
              count += 1
            }
          }
          let expected = (sum / count - 127.5) / 128
          let found = Double(image.values[(i * outWidth + j) * 3 + c])
          worst = max(worst, abs(found - expected))
        }
      }
    }
    #expect(worst < 1e-6 && image.fencesStand)
  }
}
