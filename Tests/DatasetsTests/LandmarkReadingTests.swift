import Datasets
import Foundation
import Testing

/// Files of five points as detectors and data sets write them.
@Suite struct LandmarkReadingTests {
  private let disk = TemporaryFolder()
  private let index: PhotoIndex
  /// A face on each photo, seen a little from the side.
  private let faces: [[Double]] = (0..<6).map { (photo: Int) -> [Double] in
    var face: [Double] = []
    for (place, point) in Alignment.template(size: 64).enumerated() {
      let turn: Double = place == 2 ? 3 : 0
      face.append(point.x + Double(photo % 3) + turn)
      face.append(point.y - Double(photo % 2))
    }
    return face
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
    let plainLines = lines()
    let titles = "lefteye_x lefteye_y righteye_x righteye_y nose_x nose_y lm_x lm_y rm_x rm_y"
    var others: [[String]] = ["\t", ",", ", ", ";"].map { lines($0) }
    others.append(plainLines.map { "./" + $0 })
    others.append(["6", titles] + plainLines)
    others.append(plainLines + plainLines.prefix(2))
    for mark in [",", ";", "\t"] {
      // As pandas writes it, its index first.
      others.append(
        [
          "sep=\(mark)",
          mark + "path" + mark + titles.split(separator: " ").joined(separator: mark),
        ]
          + lines(mark).enumerated().map { "\($0)\(mark)\($1)" })
    }
    others.append(["\u{FEFF}" + plainLines[0]] + plainLines.dropFirst())
    others.append(plainLines + ["other/1.jpg 0 0 9 0 4 4 0 9 9 9"])
    for other in others {
      for end in ["\n", "\r\n", "\r"] {
        let found = try read(other, end: end)
        #expect(found.words == plain, "\(other[0])")
        #expect(found.notes.isEmpty)
      }
    }
  }

  /// What detectors and scripts do to points, and the words of the message.
  enum Change: String, CaseIterable {
    case allXFirst = "x1 ... x5 y1 ... y5"
    case leftAndRight = "left and right are exchanged"
    case yFirst = "y stands before x"
    case noseFirst = "the nose comes first"
    case noseLast = "the nose comes last"
    case shares = "lie within 0 to 1"
    case tiny = "within two pixels"
    case huge = "no place on a photo"
    case confidence = "has 11 numbers"
    case box = "has 14 numbers"
    case line = "does not fit faces"
    case zeros = "five points are one"
    case upsideDown = "y is counted from below"

    func of(_ f: [Double]) -> [Double] {
      func points(_ order: [Int]) -> [Double] { order.flatMap { [f[2 * $0], f[2 * $0 + 1]] } }
      switch self {
      case .allXFirst: return [0, 2, 4, 6, 8, 1, 3, 5, 7, 9].map { f[$0] }
      case .leftAndRight: return points([1, 0, 2, 4, 3])
      case .yFirst: return [1, 0, 3, 2, 5, 4, 7, 6, 9, 8].map { f[$0] }
      case .noseFirst: return points([2, 0, 1, 3, 4])
      case .noseLast: return points([0, 1, 3, 4, 2])
      case .shares: return f.map { $0 / 64 }
      case .tiny: return f.map { $0 / 64 + 300 }
      case .huge: return f.map { $0 * 1e160 }
      case .confidence: return f + [0.99]
      case .box: return [1, 2, 3, 4] + f
      case .line: return [10, 10, 20, 20, 30, 30, 40, 40, 50, 50]
      case .zeros: return [Double](repeating: 7, count: 10)
      case .upsideDown: return f.enumerated().map { $0 % 2 == 0 ? $1 : 64 - $1 }
      }
    }
  }

  @Test(arguments: Change.allCases)
  func pointsOfAnotherOrderOrUnitAreNamedWithTheCause(change: Change) throws {
    let said = try complaint(lines(" ") { change.of($0) })
    #expect(said.contains(change.rawValue), "\(said)")
  }

  @Test func linesThatContradictEachOtherAreNamed() throws {
    let moved = lines(" ") { $0.map { $0 + 1 } }
    #expect(try complaint(lines() + [moved[3]]).contains("line 7: names p 1/3.jpg as line 4 does"))
  }

  @Test func pathsThatFitNoPhotoAreShown() throws {
    let said = try complaint(lines().map { $0.replacing("p ", with: "q ") })
    #expect(
      said.contains("no landmarks for 6 photos") && said.contains("such as q 0/0.jpg"), "\(said)")
  }

  /// Whole paths, names alone, other endings, quotes: as lists of pairs name photos.
  @Test func photosAreCalledAsInListsOfPairs() throws {
    let plain = try read(lines()).words
    #expect(try read(lines().map { "/data/faces/" + $0 }).words == plain)
    #expect(try read(lines().map { String($0.drop { $0 != "/" }.dropFirst()) }).words == plain)
    #expect(try read(lines().map { $0.replacing(".jpg", with: ".png") }).words == plain)
    #expect(try read(lines().map { $0.replacing(".jpg", with: "") }).words == plain)
    let quoted = lines(",").map { line in
      let comma = line.firstIndex(of: ",")!
      return "\"" + line[..<comma] + "\"" + line[comma...]
    }
    #expect(try read(quoted).words == plain)
  }

  /// A detector that finds no face writes zeros or ones below zero.
  @Test(arguments: [0, -1]) func aPhotoWithoutAFaceIsOneWithoutLandmarks(number: Int) throws {
    var some = lines()
    some[2] = index.photos[2].path + String(repeating: " \(number)", count: 10)
    let file = disk.write("faceless.txt", some.joined(separator: "\n"))
    let found = try Landmarks.found(in: file, for: index, imageSize: 112)
    #expect(found.faceless == 1)
    #expect(found.similarities.indices.filter { found.similarities[$0] == nil } == [2])
    #expect(try complaint(some).contains("no landmarks for 1 photos"))
  }

  @Test func aFewPointsOfNoFaceAreNamedAndNoMore() throws {
    var some = lines()
    some[4] = index.photos[4].path + " 10 10 20 20 30 30 40 40 50 50"
    let found = try read(some)
    #expect(
      found.notes.count == 1 && found.notes[0].contains("1 photos")
        && found.notes[0].contains("p 0/4.jpg"))
  }

  @Test(arguments: [
    // The middles of both lips; the middle of the mouth and the chin.
    [(0.0, -4.0), (0, 4)], [(0, 0), (0, 20)],
  ])
  func pointsOfTheMouthThatAreNotItsCornersAreNamed(_ places: [(Double, Double)]) throws {
    let found = try complaint(
      lines(" ") { face in
        let middle: (x: Double, y: Double) = ((face[6] + face[8]) / 2, (face[7] + face[9]) / 2)
        var points = Array(face.prefix(6))
        for place in places { points += [middle.x + place.0, middle.y + place.1] }
        return points
      })
    #expect(found.contains("the last two points do not lie beside each other"), "\(found)")
  }

  @Test func aFaceThatLiesOnItsSideHasAMouth() throws {
    _ = try read(
      lines(" ") { face in
        (0..<5).flatMap { point -> [Double] in [100 - face[2 * point + 1], face[2 * point]] }
      })
  }

  @Test func namesThatUnicodeComposesInTwoWaysAreTwoPhotos() throws {
    let names = ["Zo\u{EB}/1.jpg", "Zoe\u{308}/1.jpg"]
    let index = PhotoIndex(
      photos: names.enumerated().map { Photo(path: $1, person: $0) }, people: ["a", "b"])
    let file = disk.write(
      "points.txt",
      zip(names, faces).map { "\($0) " + $1.map { "\($0)" }.joined(separator: " ") }
        .joined(separator: "\n"))
    let found = try Landmarks.found(in: file, for: index, imageSize: 112)
    #expect(
      found.similarities.allSatisfy { $0 != nil } && found.similarities[0] != found.similarities[1])
  }

  @Test func aFaceInProfileIsAFace() {
    // The eyes and the corners of the mouth a fifth as far apart, the nose before them.
    var profile = Alignment.template(size: 112)
    for place in profile.indices { profile[place].x = 56 + (profile[place].x - 56) / 5 }
    profile[2].x += 12
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
