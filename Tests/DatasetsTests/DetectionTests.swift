import Datasets
import Detection
import Foundation
import Interchange
import Testing

/// What a detector's outputs mean, and what it finds on photos.
@Suite struct DetectionTests {
  private func face(
    _ left: Double, _ top: Double, _ side: Double, _ score: Double = 1
  ) -> DetectedFace {
    DetectedFace(
      left: left, top: top, width: side, height: side,
      points: [Double](repeating: left, count: 10), score: score)
  }

  /// By hand: of six cells, three in a row, the fifth is a face.
  @Test func aCellIsDecodedAsYuNetMeansIt() {
    var classes = [Float](repeating: 0.1, count: 6)
    var objects = [Float](repeating: 0.9, count: 6)
    classes[4] = 0.81
    objects[4] = 0.64
    objects[5] = .nan
    classes[5] = 1
    var boxes = [Float](repeating: 0, count: 24)
    boxes.replaceSubrange(16..<20, with: [0.5, -0.25, 1, 0])
    var points = [Float](repeating: 0, count: 60)
    for i in 0..<10 { points[40 + i] = Float(i) / 8 }
    let faces = classes.withUnsafeBufferPointer { classes in
      objects.withUnsafeBufferPointer { objects in
        boxes.withUnsafeBufferPointer { boxes in
          points.withUnsafeBufferPointer { points in
            [0.719, 0.721].map {
              YuNet.decode(
                classes: classes, objects: objects, boxes: boxes, points: points, columns: 3,
                stride: 16, score: $0)
            }
          }
        }
      }
    }
    #expect(faces[0].count == 1 && faces[1].isEmpty)
    let found = faces[0][0]
    // Cell (1, 1): its middle is (16 + 8, 16 - 4).
    let width = exp(1.0) * 16
    #expect(abs(found.score - 0.72) < 1e-6 && abs(found.width - width) < 1e-9)
    #expect(found.height == 16 && found.top == 12 - 8)
    #expect(abs(found.left - (24 - width / 2)) < 1e-9)
    let expected: [Double] = (0..<10).map { 16 + Double($0) * 2 }
    #expect(found.points == expected)
  }

  @Test func surerFacesSuppressThoseThatTheyOverlap() {
    // Shifted by 6 of 10: 40 of 160. By 3: 70 of 130. Equal scores keep their order.
    let faces = [
      face(0, 0, 10, 0.7), face(6, 0, 10, 0.9), face(3, 0, 10, 0.8), face(50, 0, 10, 0.6),
      face(50, 0, 10, 0.6),
    ]
    #expect(abs(faces[0].overlap(faces[1]) - 0.25) < 1e-12)
    #expect(abs(faces[0].overlap(faces[2]) - 70.0 / 130) < 1e-12)
    #expect(faces[0].overlap(faces[3]) == 0)
    let kept = DetectedFace.suppressed(faces, above: 0.3)
    #expect(kept.map(\.left) == [6, 0, 50])
    #expect(DetectedFace.suppressed(faces, above: 0.2).map(\.left) == [6, 50])
  }

  @Test func facesAreChosenByAreaAndByPlace() {
    let faces = [face(0, 0, 30), face(45, 45, 10), face(80, 80, 40)]
    func first(_ choice: FaceChoice) -> Double {
      choice.ordered(faces, width: 100, height: 100)[0].left
    }
    #expect(first(.largest) == 80 && first(.all) == 80)
    // 900 - 2 (34.5^2 + 34.5^2) is less than 100 - 2 (0.5^2 + 0.5^2).
    #expect(first(.centred) == 45)
    #expect(FaceChoice.all.ordered(faces, width: 100, height: 100).map(\.left) == [80, 0, 45])
  }

  // MARK: On photos

  static func detector() throws -> FaceDetector {
    try FaceDetector(path: GoldenDetector.folder + "/detector.onnx")
  }

  /// Grey squares, by left edge, top edge, side and level, on black.
  static func photo(
    _ width: Int, _ height: Int, _ squares: [(left: Int, top: Int, side: Int, level: UInt8)]
  ) -> PixelBuffer {
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    for square in squares {
      for y in square.top..<square.top + square.side {
        for x in square.left..<square.left + square.side {
          let pixel = 3 * (y * width + x)
          for i in pixel..<pixel + 3 { bytes[i] = square.level }
        }
      }
    }
    return PixelBuffer(width: width, height: height, bytes: bytes)
  }

  /// The template's points around the middle of a face of 64 pixels at (x, y).
  private static func points(_ x: Double, _ y: Double, scale: Double = 1) -> [Double] {
    let factor: Double = 64 / 112 * scale
    var points: [Double] = []
    for point in Alignment.template(size: 112) {
      points.append(x + (point.x - 56) * factor)
      points.append(y + (point.y - 56) * factor)
    }
    return points
  }

  private func expect(_ found: [Double], _ expected: [Double], within limit: Double) {
    for (one, other) in zip(found, expected) {
      #expect(abs(one - other) <= limit, "\(found) \(expected)")
    }
  }

  @Test func squaresAreFoundWhereTheyAre() throws {
    let finder = FaceFinder(try Self.detector(), score: 0.6)
    // Sides that are no multiple of 32, so that the picture is padded.
    let two = Self.photo(210, 100, [(32, 32, 32, 255), (160, 0, 32, 200)])
    let faces = try finder.faces(on: two)
    #expect(faces.count == 2)
    expect(faces[0].points, Self.points(48, 48), within: 0.01)
    expect(faces[1].points, Self.points(176, 16), within: 0.01)
    #expect(abs(faces[0].width - 32 * exp(1.0)) < 0.01)
    #expect(faces[0].score > faces[1].score && faces[1].score > 0.99)
    #expect(try finder.faces(on: Self.photo(90, 90, [])).isEmpty)
    // The same photo again, after one of another size.
    #expect(try finder.faces(on: two) == faces)
    #expect(try FaceFinder(try Self.detector(), score: 0.999999).faces(on: two).count == 1)
  }

  @Test func largePhotosAreLookedAtTwice() throws {
    let finder = FaceFinder(try Self.detector(), score: 0.6)
    // 1280 pixels become 640 and 320: a square of 128 is one of 64, and then of 32.
    let photo = Self.photo(1280, 640, [(512, 256, 128, 255)])
    let faces = try finder.faces(on: photo)
    let widest = try #require(faces.max { $0.area < $1.area })
    // At 320, cell (4, 2), whose middle is (144, 80), is the square: four times that here.
    expect(widest.points, Self.points(4 * 144.5 - 0.5, 4 * 80.5 - 0.5, scale: 4), within: 0.01)
    // At 640 the square is four cells, of which the middle ones are 32 pixels apart.
    #expect(faces.allSatisfy { $0.left > 300 && $0.left < 800 })
  }

  @Test func otherNetworksAreNoDetectors() throws {
    let types = GoldenDetector.folder + "/types.onnx"
    #expect {
      try FaceDetector(path: types)
    } throws: {
      "\($0)".contains("YuNet has an output 'cls_8', this network has 'y'")
    }
    #expect(throws: InterchangeError.self) {
      try FaceDetector(path: GoldenDetector.folder + "/detection.json")
    }
    #expect(throws: InterchangeError.self) { try FaceDetector(path: "/nowhere/yunet.onnx") }
  }
}
