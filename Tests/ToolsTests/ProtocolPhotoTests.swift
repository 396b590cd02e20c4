import Collectives
import Datasets
import Foundation
import Interchange
import Measuring
import Protocols
import RunSupport
import TestSupport
import Testing

/// The photos of a protocol by a checkpoint, against the same photos that `embed` has stored.
@Suite final class ProtocolPhotoTests {
  private let folder = SmallRun.temporaryFolder()
  private var layout: String { folder + "/set" }
  private var crops: String { layout + "/loose_crop" }
  private let people = 6
  private let photosPerPerson = 4

  init() throws {
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(4)
        $0.schedule = .constant
      }, folder: folder)
    for path in [layout + "/meta", crops] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    let drawn = folder + "/drawn"
    try SyntheticFaces(people: people, photosPerPerson: photosPerPerson, size: 32, seed: 9)
      .writeFolder(to: drawn)
    let paths = try PhotoSet(path: drawn).index.photos.map(\.path)
    var (list, points) = ([String](), [String]())
    for (row, path) in paths.enumerated() {
      try FileManager.default.copyItem(
        atPath: drawn + "/" + path, toPath: "\(crops)/\(row + 1).jpg")
      list.append("\(row + 1).jpg \(10 + row / 2) \(row % 3)")
      let dx = Double(row % 4)
      points.append(
        "\(row + 1).jpg \(10 + dx) 13 \(20 + dx) 12.5 \(15 + dx) 19 \(11 + dx) 24 \(19 + dx) 24 "
          + "0.\(50 + row)")
    }
    try write(list, "face_tid_mid.txt")
    try write(points, "name_5pts_score.txt")
    let templates = paths.count / 2
    let perPerson = photosPerPerson / 2
    try write(
      (0..<templates).flatMap { a in
        (a + 1..<templates).map { b in
          "\(10 + a) \(10 + b) \(a / perPerson == b / perPerson ? 1 : 0)"
        }
      }, "template_pair_label.txt")
    for side in 0..<2 {
      try write(
        ["TEMPLATE_ID,SUBJECT_ID"]
          + (0..<people).filter { $0 % 2 == side }.map { "\(10 + $0 * perPerson),\($0)" },
        "1N_gallery_G\(side + 1).csv")
    }
    try write(
      ["TEMPLATE_ID,SUBJECT_ID"] + (0..<people).map { "\(11 + $0 * perPerson),\($0)" },
      "1N_probe_mixed.csv")
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func write(_ lines: [String], _ name: String) throws {
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: "\(layout)/meta/ijbc_\(name)", atomically: true, encoding: .utf8)
  }

  private var options: ProtocolOptions {
    var options = ProtocolOptions(source: .checkpoint(folder))
    options.threads = 1
    return options
  }

  /// The photos of `photos` as `embed` stores them.
  private func stored(
    _ photos: String, landmarks: String? = nil, flip: Bool = true
  ) throws -> ProtocolOptions {
    var embed = EmbedRequest(
      checkpoint: folder, data: .folder(photos), out: folder + "/faces.npz", quiet: true)
    embed.landmarks = landmarks
    embed.flipTest = flip
    embed.threads = 1
    try embed.run(over: SoloCommunicator())
    return ProtocolOptions(source: .embeddings(file: folder + "/faces.npz", names: nil))
  }

  /// The points of the set as `--landmarks` takes them.
  private func landmarks() throws -> String {
    let path = folder + "/points.txt"
    let lines = try String(
      contentsOfFile: layout + "/meta/ijbc_name_5pts_score.txt", encoding: .utf8
    )
    .split(separator: "\n").map { $0.split(separator: " ").dropLast().joined(separator: " ") }
    try lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  @Test func photosAreAlignedByThePointsOfTheSet() throws {
    let alone = try IJBRequest(options, folder: layout).answer(over: SoloCommunicator())
    let points = try landmarks()
    let faces = try stored(crops, landmarks: points)
    #expect(alone == (try IJBRequest(faces, folder: layout).answer(over: SoloCommunicator())))
    #expect(alone.contains { $0.hasPrefix("1:N: 6 probes against 6 templates") })
    // The points decide, and so does the mirror image.
    let unaligned = try stored(crops)
    #expect(alone != (try IJBRequest(unaligned, folder: layout).answer(over: SoloCommunicator())))
    var single = options
    single.flipTest = false
    let one = try IJBRequest(single, folder: layout).answer(over: SoloCommunicator())
    let unmirrored = try stored(crops, landmarks: points, flip: false)
    #expect(one == (try IJBRequest(unmirrored, folder: layout).answer(over: SoloCommunicator())))
    #expect(one != alone)
  }

  /// The points of all photos, with `change` made to the ten numbers of some.
  private func edit(_ change: ([Double]) -> [Double], where isChanged: (Int) -> Bool) throws {
    let path = layout + "/meta/ijbc_name_5pts_score.txt"
    let lines = try TextFile.lines(of: path).enumerated().map { row, line in
      let words = line.split(separator: " ").map(String.init)
      let numbers = words[1...10].compactMap { Double($0) }
      let points = isChanged(row) ? change(numbers) : numbers
      return ([words[0]] + points.map { "\($0)" } + [words[11]]).joined(separator: " ")
    }
    try TextFile.write(lines.map { $0 + "\n" }.joined(), to: path)
  }

  private func complaint(_ options: ProtocolOptions) -> String {
    do {
      return "no error: "
        + (try IJBRequest(options, folder: layout).answer(over: SoloCommunicator()))
        .joined(separator: "\n")
    } catch { return "\(error)" }
  }

  @Test func pointsWithinZeroToOneAreNoPixels() throws {
    let faces = try stored(crops)
    try edit({ $0.map { $0 / 32 } }) { _ in true }
    let text = complaint(options)
    #expect(text.contains("has points of no face for 24 of 24 photos, such as 1.jpg"), "\(text)")
    #expect(text.contains("lie within 0 to 1: multiply them by width and height"))
    // Stored embeddings do not ask for them.
    let warned = complaint(faces)
    #expect(warned.hasPrefix("no error") && warned.contains("warning: '"))
    #expect(warned.contains("lie within 0 to 1"))
  }

  @Test func aFewPointsOfNoFaceAreWarnedOf() throws {
    try edit({ $0.map { $0 / 32 } }) { $0 == 5 }
    let text = complaint(options)
    #expect(text.hasPrefix("no error"), "\(text)")
    #expect(text.contains("has points of no face for 1 of 24 photos, such as 6.jpg"))
  }

  @Test func pointsInAnotherOrderAreNamed() throws {
    try edit({ (numbers: [Double]) -> [Double] in numbers.indices.map { numbers[$0 ^ 1] } }) { _ in
      true
    }
    #expect(complaint(options).contains("does not fit faces: y stands before x"))
  }

  @Test func anyRanksSayTheSameOnTheFirst() throws {
    let alone = try IJBRequest(options, folder: layout).answer(over: SoloCommunicator())
    let request = IJBRequest(options, folder: layout)
    let ranks = try ThreadCommunicator.run(size: 3) { try request.answer(over: $0) }
    #expect(ranks == [alone, [], []])
  }

  @Test func aPhotoThatIsMissingOrTwiceIsNamed() throws {
    func complaint() -> String {
      do {
        return
          "no error: \(try IJBRequest(options, folder: layout).answer(over: SoloCommunicator()))"
      } catch { return "\(error)" }
    }
    try FileManager.default.createDirectory(
      atPath: crops + "/more", withIntermediateDirectories: true)
    try FileManager.default.moveItem(atPath: crops + "/7.jpg", toPath: crops + "/more/7.jpg")
    #expect(complaint().hasPrefix("no error"))
    try FileManager.default.createDirectory(
      atPath: crops + "/again", withIntermediateDirectories: true)
    try FileManager.default.copyItem(
      atPath: crops + "/more/7.jpg", toPath: crops + "/again/7.jpg")
    #expect(complaint().contains("7.jpg may be again/7.jpg or more/7.jpg"))
    for name in ["again", "more"] {
      try FileManager.default.removeItem(atPath: "\(crops)/\(name)/7.jpg")
    }
    #expect(complaint().hasPrefix("1 of 24 photos are not in"))
  }

  @Test func tinyFaceTakesItsPhotosAsTheyAre() throws {
    let tiny = folder + "/tiny"
    for part in ["Probe", "Gallery_Match", "Gallery_Distractor"] {
      try FileManager.default.createDirectory(
        atPath: "\(tiny)/\(part)", withIntermediateDirectories: true)
    }
    for row in 0..<people * photosPerPerson {
      let (person, photo) = row.quotientAndRemainder(dividingBy: photosPerPerson)
      let name =
        person > 3
        ? "Gallery_Distractor/d\(row).jpg"
        : "\(photo == 0 ? "Probe" : "Gallery_Match")/\(person)_\(photo).jpg"
      try FileManager.default.copyItem(
        atPath: "\(crops)/\(row + 1).jpg", toPath: "\(tiny)/\(name)")
    }
    let lines = try TinyFaceRequest(options, folder: tiny).answer(over: SoloCommunicator())
    #expect(
      lines.first
        == "tinyface: 4 probes, 4 of people in the gallery; 12 photos of the gallery and 8 "
        + "distractors")
    let faces = try stored(tiny)
    #expect(lines == (try TinyFaceRequest(faces, folder: tiny).answer(over: SoloCommunicator())))
  }

  @Test func twoPlacesOfAFaceOnOnePhotoAreRefused() throws {
    let lines = try String(contentsOfFile: layout + "/meta/ijbc_face_tid_mid.txt", encoding: .utf8)
      .split(separator: "\n").map(String.init)
    try write(lines + ["1.jpg 99 0"], "face_tid_mid.txt")
    let path = layout + "/meta/ijbc_name_5pts_score.txt"
    let points = try String(contentsOfFile: path, encoding: .utf8)
    try (points + "1.jpg 1 2 3 4 5 6 7 8 9 10 0.5\n").write(
      toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: InterchangeError.self) {
      try IJBRequest(options, folder: layout).answer(over: SoloCommunicator())
    }
    #expect("\(try #require(error))".contains("two lines with other points for 1.jpg"))
  }
}
