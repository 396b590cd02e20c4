import Collectives
import DataTools
import Datasets
import Detection
import Foundation
import Interchange
import RunSupport
import TestSupport
import Testing

/// `align --detector`, with a detector of bright squares (scripts/golden/detector.py).
@Suite struct DetectedAlignmentTests {
  private static let detector = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Golden/detector.onnx").path

  private final class Folder {
    let path = SmallRun.temporaryFolder()
    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private let folder = Folder()
  private var photos: String { folder.path + "/photos" }

  typealias Square = (left: Int, top: Int, side: Int, level: UInt8)

  /// A photo of grey squares on black with, if it is not 1, an EXIF orientation.
  private static func jpeg(
    _ width: Int, _ height: Int, _ squares: [Square], orientation: UInt8 = 1
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: width * height * 3)
    for square in squares {
      for y in square.top..<square.top + square.side {
        let first = 3 * (y * width + square.left)
        for i in first..<first + 3 * square.side { bytes[i] = square.level }
      }
    }
    let photo = JPEGEncoder().encode(bytes, width: width, height: height, quality: 95)
    guard orientation != 1 else { return photo }
    // SOI, then APP1: Exif, a big-endian TIFF header, one entry (0x0112, a short), no more.
    let tiff: [UInt8] =
      [0x4D, 0x4D, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]
      + [0, 0, 0, 0]
    let body = Array("Exif\0\0".utf8) + tiff
    return [0xFF, 0xD8, 0xFF, 0xE1, 0, UInt8(body.count + 2)] + body + photo.dropFirst(2)
  }

  private func write(_ name: String, _ bytes: [UInt8]) throws {
    let url = URL(fileURLWithPath: photos + "/" + name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  /// One face, two, one turned, none, and what is no photo; a name with a comma and quotes.
  private func writePhotos() throws {
    try write("ann/one.jpg", Self.jpeg(120, 130, [(32, 64, 32, 255)]))
    try write(
      "ann/two.jpeg", Self.jpeg(250, 96, [(0, 32, 32, 255), (128, 32, 32, 215)]))
    // Stored 160 x 96 and turned by 90 degrees: upright it is 96 x 160.
    try write("bob, \"b\"/turned.jpg", Self.jpeg(160, 96, [(32, 32, 32, 255)], orientation: 6))
    try write("bob, \"b\"/dark 7.png", Self.jpeg(100, 100, []))
    try write("cy/broken.jpg", Array("\u{FF}no photo".utf8))
    try write("cy/large.jpg", Self.jpeg(700, 500, [(256, 128, 128, 255)]))
  }

  private func request(
    _ out: String, _ change: (inout DetectRequest) -> Void = { _ in }
  ) throws -> DetectRequest {
    var request = try #require(
      DetectRequest(data: photos, out: folder.path + "/" + out, detector: Self.detector))
    request.threads = 1
    request.points = folder.path + "/" + out + ".csv"
    change(&request)
    return request
  }

  /// The files of a folder with their bytes, by path.
  private func files(_ name: String) throws -> [String: Data] {
    let root = folder.path + "/" + name
    let paths = try #require(FileManager.default.enumerator(atPath: root))
      .compactMap { $0 as? String }.filter { $0.hasSuffix(".jpg") || $0.hasSuffix(".jpeg") }
    return try Dictionary(
      uniqueKeysWithValues: paths.map {
        ($0, try Data(contentsOf: URL(fileURLWithPath: root + "/" + $0)))
      })
  }

  private func rows(_ name: String) throws -> [[String]] {
    var reader = try CSVRows(path: folder.path + "/" + name + ".csv")
    var rows: [[String]] = []
    while let row = try reader.next() { rows.append(row) }
    return rows
  }

  @Test func everyPhotoIsAlignedOrNamed() throws {
    try writePhotos()
    let (lines, isGood) = try request("out").answer(over: SoloCommunicator())
    #expect(!isGood)
    #expect(lines.contains { $0.hasPrefix("bad photo: cy/broken.jpg: ") })
    #expect(lines.contains("no face: bob, \"b\"/dark 7.png"))
    #expect(
      lines.last == "4 faces of 6 photos aligned to 112 in \(folder.path)/out, 1 photos without a "
        + "face left out, 2 photos with several faces, the largest one taken")
    #expect(
      try files("out").keys.sorted() == [
        "ann/one.jpg", "ann/two.jpeg", "bob, \"b\"/turned.jpg", "cy/large.jpg",
      ])
    let table = try rows("out")
    #expect(table[0].count == 17 && table[0].first == "path" && table[0].last == "face")
    #expect(
      table.dropFirst().map { "\($0[0]) \($0[16])" }.prefix(5) == [
        "ann/one.jpg 1", "ann/two.jpeg 1", "ann/two.jpeg 2", "bob, \"b\"/dark 7.png 0",
        "bob, \"b\"/turned.jpg 1",
      ])
    // Cell (1, 2) of 32 pixels; the nose of the template is at (56.0252, 71.7366).
    let one = table[1].dropFirst().compactMap { Double($0) }
    let (x, y, width): (Double, Double, Double) = (48 + 0.0144, 80 + 8.9923, 32 * exp(1))
    #expect(abs(one[4] - x) < 0.01)
    #expect(abs(one[5] - y) < 0.01)
    #expect(abs(one[10] - 1) < 0.001)
    #expect(abs(one[13] - width) < 2)
    // Stored (x, y) is upright (95 - y, x): the middle (48, 48) is (47, 48), in cell (1, 1).
    let turned = table.first { $0[0].hasSuffix("turned.jpg") }
    let nose = try #require(turned.flatMap { Double($0[5]) })
    #expect(abs(nose - 48) < 2)
    #expect(throws: FolderError.self) {
      try request("out").answer(over: SoloCommunicator())
    }
  }

  /// The table is a file of landmarks, and says what the photos were aligned by.
  @Test func theTableAlignsAsTheDetectorDid() throws {
    try writePhotos()
    _ = try request("out").answer(over: SoloCommunicator())
    let again = try #require(
      AlignRequest(
        data: photos, out: folder.path + "/again", landmarks: folder.path + "/out.csv"))
    let (lines, _) = try again.run()
    let faceless = "1 lines of \(folder.path)/out.csv say that there is no face"
    #expect(lines.contains(faceless), "\(lines)")
    let (found, expected) = (try files("again"), try files("out"))
    #expect(found == expected && found.count == 4)
    // A row of another length is named.
    let text = try String(contentsOfFile: folder.path + "/out.csv", encoding: .utf8)
    try text.replacing(",1\n", with: "\n", maxReplacements: 1)
      .write(toFile: folder.path + "/out.csv", atomically: true, encoding: .utf8)
    #expect {
      try Landmarks.found(
        in: folder.path + "/out.csv", for: try PhotoSet(path: photos).index, imageSize: 112)
    } throws: {
      "\($0)".contains("line 2: is not of the columns that the first line names")
    }
  }

  @Test func facesAreTakenAsAsked() throws {
    try writePhotos()
    let centred = try request("centred") { $0.faces = .centred }
    let (lines, _) = try centred.answer(over: SoloCommunicator())
    #expect(lines.last?.hasSuffix("the centred one taken") == true)
    // The darker square is nearer to the middle; it is the first of its photo now.
    let first = try rows("centred").first { $0[0] == "ann/two.jpeg" && $0[16] == "1" }
    let nose = try #require(first.flatMap { Double($0[5]) })
    #expect(abs(nose - 144) < 2)
    _ = try request("all") { $0.faces = .all }.answer(over: SoloCommunicator())
    let all = try files("all").keys.filter { $0.hasPrefix("ann/") }.sorted()
    #expect(all == ["ann/one.jpg", "ann/two-face2.jpg", "ann/two.jpeg"])
    let (small, _) = try request("small") {
      $0.score = 1
      $0.size = ImageSize(height: 140, width: 116)
    }.answer(over: SoloCommunicator())
    #expect(small.last?.contains("aligned to 140x116") == true)
  }

  @Test func anyRanksAndThreadsWriteTheSame() throws {
    try writePhotos()
    let one = try request("one") {
      $0.faces = .all
      $0.html = folder.path + "/page-one.html"
    }
    let alone = try one.answer(over: SoloCommunicator())
    let expected = try files("one")
    let table = try String(contentsOfFile: folder.path + "/one.csv", encoding: .utf8)
    for (ranks, threads) in [(1, 3), (2, 1), (3, 2)] {
      let name = "r\(ranks)t\(threads)"
      let many = try request(name) {
        $0.faces = .all
        $0.html = folder.path + "/page-\(name).html"
        $0.threads = threads
      }
      let answers = try ThreadCommunicator.run(size: ranks) {
        let (lines, isGood) = try many.answer(over: $0)
        return ["\(isGood)"] + lines
      }
      let said = answers[0].map { $0.replacing("/" + name, with: "/one") }
      #expect(said == ["\(alone.isGood)"] + alone.lines)
      #expect(answers.dropFirst().allSatisfy { $0 == ["true"] })
      #expect(try files(name) == expected)
      #expect(try String(contentsOfFile: folder.path + "/\(name).csv", encoding: .utf8) == table)
      #expect(
        try TextFile.read(folder.path + "/page-\(name).html")
          == TextFile.read(folder.path + "/page-one.html"))
    }
  }

  /// Photos without a face and with several stand before the others, with boxes and points.
  @Test func thePageShowsWhatWasFound() throws {
    try writePhotos()
    let request = try request("out") { $0.html = folder.path + "/found.html" }
    _ = try request.answer(over: SoloCommunicator())
    let page = try TextFile.read(folder.path + "/found.html")
    let titles = [
      "Photos without a face: 1", "Photos with several faces: 2", "Photos that cannot be used: 1",
      "Photos with one face: 2",
    ]
    let places = titles.map { page.range(of: $0)?.lowerBound }
    #expect(places.allSatisfy { $0 != nil } && places.compactMap(\.self).sorted() == places)
    func count(_ text: String) -> Int { page.components(separatedBy: text).count - 1 }
    let table = try rows("out").dropFirst().filter { $0[16] != "0" }
    #expect(count("<rect ") == table.count && count("<circle ") == 5 * table.count)
    #expect(count("class=\"left\"") == table.count - 4 && count("class=\"taken\"") == 4)
    #expect(count("data:image/jpeg;base64,") == 5)
    let box = try #require(table.first { $0[0] == "cy/large.jpg" })
    let left = String(format: "%.1f", try #require(Double(box[12])) + 0.5)
    #expect(page.contains("<rect x=\"\(left)\" "), "\(box)")
    #expect(page.contains("bob, &quot;b&quot;/dark 7.png") && page.hasSuffix("</html>\n"))
    // The photo itself is made smaller.
    #expect(page.contains("viewBox=\"0 0 700 500\"") && page.utf8.count < 200_000)
  }

  @Test func outputsCostNoInput() throws {
    try writePhotos()
    #expect(throws: CommandFiles.Conflict.self) {
      try request("out") { $0.points = photos + "/ann/one.jpg" }.answer(over: SoloCommunicator())
    }
    #expect(throws: CommandFiles.Conflict.self) {
      try request("out") { $0.points = Self.detector }.answer(over: SoloCommunicator())
    }
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
  }
}
