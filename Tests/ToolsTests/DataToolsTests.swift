import Datasets
import DataTools
import Evaluation
import Foundation
import RunSupport
import Testing
import Training

@Suite struct DataToolsTests {
  private func object(_ request: CheckRequest) throws -> (found: [String: Any], isGood: Bool) {
    var request = request
    request.printsJSON = true
    request.threads = 2
    let (lines, isGood) = try request.run()
    let found = try JSONSerialization.jsonObject(with: Data(lines.joined().utf8))
    return (try #require(found as? [String: Any]), isGood)
  }

  /// Photos are looked up as lists name them; people of whom other photos are listed, by the
  /// folders above them, as many as both have.
  @Test func checkFindsThePeopleOfAListHoweverItNamesThem() throws {
    let root = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: root) }
    let folder = root + "/photos"
    try SyntheticFaces(people: 4, photosPerPerson: 3, size: 32, seed: 5).writeFolder(to: folder)
    let names = try PhotoSet(path: folder).index.photos.map(\.path)
    let pairs = root + "/pairs.txt"
    func overlap(_ data: String, _ first: String, _ second: String) throws -> (Int, [String]) {
      try "\(first) \(second) 0\n".write(toFile: pairs, atomically: true, encoding: .utf8)
      var request = CheckRequest(data: data)
      request.pairs = [pairs]
      let found = try object(request).found
      let overlaps = try #require(found["overlaps"] as? [[String: Any]])
      return (
        (overlaps[0]["people"] as? [String])?.count ?? -1, found["warnings"] as? [String] ?? []
      )
    }
    // A list whose people are numbers, naming the very photos of the pairs.
    let list = folder + "/list.txt"
    try names.enumerated().map { "\($1) \($0 / 3)\n" }.joined()
      .write(toFile: list, atomically: true, encoding: .utf8)
    #expect(try overlap(list, names[0], names[3]).0 == 2)
    #expect(try overlap(list, "/else/" + names[0], names[3]).0 == 2)
    #expect(try overlap(list, "ann/1.jpg", "bob/1.jpg").0 == 0)
    // Of photos in one folder, and people who are numbers, nothing can be told.
    let flat = root + "/flat"
    try FileManager.default.createDirectory(atPath: flat, withIntermediateDirectories: true)
    for (i, name) in names.enumerated() {
      try FileManager.default.copyItem(atPath: folder + "/" + name, toPath: flat + "/\(i).jpg")
    }
    try names.indices.map { "\($0).jpg \($0 / 3)\n" }.joined()
      .write(toFile: flat + "/list.txt", atomically: true, encoding: .utf8)
    let unknown = try overlap(flat + "/list.txt", "ann/x.jpg", "bob/y.jpg")
    #expect(unknown.0 == 0 && unknown.1.contains { $0.contains("cannot be told") })
    // person/video/photo: the last folder alone is nobody's name.
    let videos = root + "/videos"
    for (i, name) in names.prefix(6).enumerated() {
      let to = "\(videos)/\(i < 3 ? "bob" : "eve")/\(i % 2)"
      try FileManager.default.createDirectory(atPath: to, withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: folder + "/" + name, toPath: "\(to)/\(i).jpg")
    }
    #expect(try overlap(videos, "ann/0/7.jpg", "zed/1/8.jpg").0 == 0)
    #expect(try overlap(videos, "ann/0/7.jpg", "bob/1/8.jpg").0 == 1)
  }

  /// A list of pairs that is none ends `check` with a verdict too.
  @Test func aBrokenListOfPairsIsAnErrorOfTheVerdict() throws {
    let root = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: root) }
    try SyntheticFaces(people: 2, photosPerPerson: 2, size: 32, seed: 5)
      .writeFolder(to: root + "/photos")
    try "what is this\n".write(toFile: root + "/g.txt", atomically: true, encoding: .utf8)
    var request = CheckRequest(data: root + "/photos")
    request.pairs = [root + "/g.txt"]
    let (lines, isGood) = try request.run()
    #expect(!isGood && lines.last == "verdict: 1 error")
    #expect(try object(request).found["verdict"] as? String == "errors")
  }

  @Test func checkFindsWhatIsWrong() throws {
    let root = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: root) }
    let folder = root + "/photos"
    try SyntheticFaces(people: 5, photosPerPerson: 4, size: 32, seed: 5).writeFolder(to: folder)
    let names = try PhotoSet(path: folder).index.photos.map(\.path)
    let (clean, isClean) = try object(CheckRequest(data: folder))
    #expect(isClean && clean["photos"] as? Int == 20 && clean["people"] as? Int == 5)
    #expect((clean["duplicates"] as? [Any])?.isEmpty == true)

    func file(_ name: String) -> URL { URL(fileURLWithPath: folder + "/" + name) }
    // A copy under the same person, one under another's name, half a photo, and a lonely person.
    try Data(contentsOf: file(names[0])).write(to: file(names[1]))
    try Data(contentsOf: file(names[4])).write(to: file(names[8]))
    try Data(contentsOf: file(names[12])).prefix(200).write(to: file(names[12]))
    for name in names[17...] { try FileManager.default.removeItem(at: file(name)) }
    let pairs = root + "/pairs.txt"
    let person = names[16].prefix { $0 != "/" }
    try "1\n\(person)\t1\t2\nNobody\t1\tSomebody\t1\n".write(
      toFile: pairs, atomically: true, encoding: .utf8)
    var request = CheckRequest(data: folder)
    request.pairs = [pairs]
    let (found, isGood) = try object(request)
    #expect(!isGood && found["photos"] as? Int == 17)
    let bad = try #require(found["badPhotos"] as? [[String: String]])
    #expect(bad.map { $0["photo"] } == [names[12]])
    let duplicates = try #require(found["duplicates"] as? [[String: Any]])
    #expect(
      duplicates.map { $0["photos"] as? [String] } == [
        [names[0], names[1]], [names[4], names[8]],
      ])
    #expect(duplicates.map { $0["differs"] as? Bool } == [false, true])
    #expect(found["peopleWithOnePhoto"] as? [String] == [String(person)])
    let overlaps = try #require(found["overlaps"] as? [[String: Any]])
    #expect(overlaps.first?["people"] as? [String] == [String(person)])
    let (lines, _) = try request.run()
    #expect(lines.last == "verdict: 3 errors")
  }

  @Test func checkNamesTheGapsOfLabels() throws {
    let root = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: root) }
    try SyntheticFaces(people: 3, photosPerPerson: 2, size: 32, seed: 5).writeFolder(
      to: root + "/photos")
    let set = try PhotoSet(path: root + "/photos")
    try set.index.photos.map { "photos/\($0.path) \([0, 3, 5][$0.person])\n" }.joined()
      .write(toFile: root + "/list", atomically: true, encoding: .utf8)
    let (found, isGood) = try object(CheckRequest(data: root + "/list"))
    #expect(isGood && found["missingLabels"] as? [Int] == [1, 2, 4])
  }

  @Test("pack and align say what they pass over, and pack that nothing can be learnt")
  func packAndAlignSayWhatTheyPassOver() throws {
    let root = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: root) }
    let folder = root + "/photos"
    try SyntheticFaces(people: 10, photosPerPerson: 1, size: 160, seed: 5).writeFolder(to: folder)
    let names = try PhotoSet(path: folder).index.photos.map(\.path)
    let kept = folder + "/@eaDir/" + names[0]
    try FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: folder + "/" + names[0], toPath: kept + "/SYNOPHOTO_THUMB_M.jpg")
    let out = root + "/packed"
    let packed = try #require(PackRequest(data: folder, form: "tar", out: out)).run()
    #expect(packed[0].hasPrefix("passed over: 1 @eaDir (folder of a network storage)"))
    #expect(packed.contains { $0.hasPrefix("warning: 10 of 10 people have one photo") })
    #expect(packed.last?.hasPrefix("10 photos of 10 people in ") == true)
    try names.map { "\($0) 55 70 100 72 78 95 60 118 96 119\n" }.joined()
      .write(toFile: root + "/points.txt", atomically: true, encoding: .utf8)
    let request = try #require(
      AlignRequest(data: folder, out: root + "/aligned", landmarks: root + "/points.txt"))
    let (lines, isGood) = try request.run()
    #expect(isGood && lines[0] == packed[0] && lines.count == 3, "\(lines)")
  }

  @Test("Aligned photos are the warp of the full-size photo, to within what JPEG rounds")
  func alignWritesTheTemplate() throws {
    let root = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: root) }
    let folder = root + "/photos"
    try SyntheticFaces(people: 2, photosPerPerson: 2, size: 160, seed: 5).writeFolder(to: folder)
    let set = try PhotoSet(path: folder)
    let names = set.index.photos.map(\.path)
    // The last photo has no landmarks, the one before it is no photo.
    try Data("no photo".utf8).write(to: URL(fileURLWithPath: folder + "/" + names[2]))
    let points = "55 70 100 72 78 95 60 118 96 119"
    try names.dropLast().map { "\($0) \(points)\n" }.joined()
      .write(toFile: root + "/points.txt", atomically: true, encoding: .utf8)
    let out = root + "/aligned"
    let request = try #require(
      AlignRequest(data: folder, out: out, landmarks: root + "/points.txt"))
    let (lines, isGood) = try request.run()
    #expect(!isGood && lines[0].hasPrefix("bad photo: \(names[2])"))
    #expect(lines[1] == "no landmarks: \(names[3])")
    #expect(try PhotoSet(path: out).index.photos.map(\.path) == [names[0], names[1]])
    let numbers = points.split(separator: " ").compactMap { Double($0) }
    let eyes = FacePoints.points(numbers)
    let similarity = try #require(
      Similarity(from: eyes, to: Alignment.template(size: 112))
    ).inverse
    for name in names.prefix(2) {
      let photo = try decoded(folder + "/" + name)
      let expected = PixelBuffer(width: 112, height: 112)
      Alignment.warp(
        photo.pixels, width: photo.width, height: photo.height, by: similarity, x: (1, 0),
        y: (1, 0), outWidth: 112, outHeight: 112, into: expected.pixels)
      let aligned = try decoded(out + "/" + name)
      #expect(aligned.width == 112 && aligned.height == 112)
      let difference = zip(aligned.bytes, expected.bytes).reduce(0) {
        $0 + abs(Int($1.0) - Int($1.1))
      }
      #expect(Double(difference) / Double(expected.bytes.count) < 1)
    }
    #expect(throws: (any Error).self) { try request.run() }
  }

  private func decoded(_ path: String) throws -> PixelBuffer {
    let image = PixelBuffer(width: 1, height: 1)
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))).withUnsafeBytes {
      try JPEGDecoder().decode($0, into: image)
    }
    return image
  }
}
