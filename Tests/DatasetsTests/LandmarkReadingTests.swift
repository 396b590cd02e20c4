import Datasets
import Foundation
import Testing

/// Files of five points as detectors and data sets write them.
@Suite struct LandmarkReadingTests {
  private let disk = TemporaryFolder()
  private let index: PhotoIndex
  /// A face on each photo, seen a little from the side.
  private let faces: [[Double]] = (0..<6).map { photo in
    Alignment.template(size: 64).enumerated().flatMap { place, point in
      [point.x + Double(photo % 3) + (place == 2 ? 3 : 0), point.y - Double(photo % 2)]
    }
  }

  init() {
    index = PhotoIndex(
      photos: (0..<6).map { Photo(path: "p \($0 % 2)/\($0).jpg", person: $0 % 2) },
      people: ["p 0", "p 1"])
  }

  private func read(_ lines: [String], end: String = "\n") throws -> Landmarks {
    let file = disk.write("points.txt", lines.joined(separator: end) + end)
    return try Landmarks(file: file, for: index, imageSize: 112)
  }

  private func lines(
    _ separator: String = " ", _ change: ([Double]) -> [Double] = { $0 }
  ) -> [String] {
    faces.enumerated().map { photo, face in
      ([index.photos[photo].path] + change(face).map { "\($0)" }).joined(separator: separator)
    }
  }

  private func complaint(_ lines: [String]) throws -> String {
    let error = #expect(throws: DatasetError.self) { try read(lines) }
    return try #require(error).description
  }

  @Test func oneFileInEveryLayout() throws {
    let plain = try read(lines()).words
    for other in [
      lines("\t"), lines(","), lines(", "), lines(";"), lines().map { "./" + $0 },
      ["6", "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y lm_x lm_y rm_x rm_y"]
        + lines(),
      lines() + lines().prefix(2), ["\u{FEFF}" + lines()[0]] + lines().dropFirst(),
      lines() + ["other/1.jpg 0 0 9 0 4 4 0 9 9 9"],
    ] {
      for end in ["\n", "\r\n", "\r"] {
        let found = try read(other, end: end)
        #expect(found.words == plain, "\(other[0])")
        #expect(found.notes.isEmpty)
      }
    }
  }

  @Test(
    arguments: [
      ("x1 ... x5 y1 ... y5", { f in (0..<5).map { f[2 * $0] } + (0..<5).map { f[2 * $0 + 1] } }),
      (
        "left and right are exchanged",
        { f in [f[2], f[3], f[0], f[1], f[4], f[5], f[8], f[9], f[6], f[7]] }
      ),
      ("y stands before x", { f in (0..<5).flatMap { [f[2 * $0 + 1], f[2 * $0]] } }),
      ("the nose comes first", { f in Array(f[4..<6] + f[0..<4] + f[6..<10]) }),
      ("the nose comes last", { f in Array(f[0..<4] + f[6..<10] + f[4..<6]) }),
      ("lie within 0 to 1", { f in f.map { $0 / 64 } }),
      ("within two pixels", { f in f.map { $0 / 64 + 300 } }),
      ("no place on a photo", { f in f.map { $0 * 1e160 } }),
      ("no place on a photo", { f in f.map { -$0 * 1e9 } }),
      ("has 11 numbers", { f in f + [0.99] }), ("has 14 numbers", { f in [1, 2, 3, 4] + f }),
      ("do not fit faces", { _ in [10, 10, 20, 20, 30, 30, 40, 40, 50, 50] }),
      ("five points are one", { _ in [Double](repeating: 0, count: 10) }),
    ] as [(String, @Sendable ([Double]) -> [Double])])
  func pointsOfAnotherOrderOrUnitAreNamedWithTheCause(
    cause: String, change: @Sendable ([Double]) -> [Double]
  ) throws {
    let said = try complaint(lines(" ", change))
    #expect(said.contains(cause.replacing("do not", with: "does not")), "\(said)")
  }

  @Test func linesThatContradictEachOtherAreNamed() throws {
    let moved = lines(" ") { $0.map { $0 + 1 } }
    #expect(try complaint(lines() + [moved[3]]).contains("line 7: names p 1/3.jpg as line 4 does"))
  }

  @Test func pathsThatFitNoPhotoAreShown() throws {
    let said = try complaint(lines().map { "faces/" + $0 })
    #expect(
      said.contains("no landmarks for 6 photos") && said.contains("such as faces/p 0/0.jpg"),
      "\(said)")
  }

  @Test func aFewPointsOfNoFaceAreNamedAndNoMore() throws {
    var some = lines()
    some[4] = index.photos[4].path + " 10 10 20 20 30 30 40 40 50 50"
    let found = try read(some)
    #expect(
      found.notes.count == 1 && found.notes[0].contains("1 photos")
        && found.notes[0].contains("p 0/4.jpg"))
  }

  @Test func aFaceInProfileIsAFace() {
    // The eyes and the corners of the mouth a fifth as far apart, the nose before them.
    let profile = Alignment.template(size: 112).enumerated().map { place, point in
      (x: 56 + (point.x - 56) / 5 + (place == 2 ? 12 : 0), y: point.y)
    }
    #expect(Alignment.misfit(profile) < Alignment.largestMisfit)
    #expect(Alignment.misfit(Alignment.template(size: 112)) < 1e-12)
  }

  @Test func aFaceOutsideOfItsPhotoIsABadPhoto() throws {
    let far = try read(lines(" ") { $0.map { $0 + 5000 } })
    let pipeline = SamplePipeline(
      Preprocessing(framing: try Framing(imageSize: 112), landmarks: far))
    let near = SamplePipeline(
      Preprocessing(framing: try Framing(imageSize: 112), landmarks: try read(lines())))
    try Pictures.jpeg(64, 64).withUnsafeBytes { bytes in
      let error = #expect(throws: ImageError.self) {
        try pipeline.pixels(bytes, photo: 0, drawn: AugmentationDraw())
      }
      #expect("\(error!)".contains("outside of its"), "\(error!)")
      _ = try near.pixels(bytes, photo: 0, drawn: AugmentationDraw())
    }
  }
}
