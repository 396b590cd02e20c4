import CheckpointParts
import Checkpoints
import Collectives
import Datasets
import Foundation
import Interchange
import Measuring
import RunSupport
import Tasks
import TestSupport
import Testing
import Training

/// `verify`, `identify` and `cluster` as the command calls them.
@Suite struct TaskTests {
  /// Embeddings on the plane at known angles, by names in folders.
  private final class Stored {
    let folder: String
    let source: EvaluateRequest.Source

    init(_ rows: [(name: String, degrees: Double)]) throws {
      folder = SmallRun.temporaryFolder()
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
      let values = rows.flatMap { row -> [Float] in
        row.degrees.isNaN
          ? [.nan, 0]
          : [Float(3 * cos(row.degrees * .pi / 180)), Float(3 * sin(row.degrees * .pi / 180))]
      }
      try NumPyFile.write(values, shape: [rows.count, 2], to: folder + "/faces.npy")
      try rows.map { $0.name + "\n" }.joined()
        .write(toFile: folder + "/faces.txt", atomically: true, encoding: .utf8)
      source = .embeddings(file: folder + "/faces.npy", names: folder + "/faces.txt")
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func options(threshold: Double? = nil, json: Bool = true) -> FaceOptions {
      var options = FaceOptions(source: source)
      options.threshold = threshold
      options.json = json
      return options
    }
  }

  private func object(_ answer: TaskAnswer) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(answer.lines.joined(separator: "\n").utf8))
        as? [String: Any])
  }

  /// The squared chord of an angle.
  private func chord(_ degrees: Double) -> Double { 2 - 2 * cos(degrees * .pi / 180) }

  @Test func verifyComparesWithTheThreshold() throws {
    let stored = try Stored([("a/1", 0), ("a/2", 30), ("b/1", 90)])
    for (second, angle, same) in [("a/2", 30.0, true), ("b/1", 90, false)] {
      let request = VerifyRequest(stored.options(threshold: 1), first: "a/1", second: second)
      let answer = try object(request.answer(over: SoloCommunicator()))
      #expect(abs(answer["distance"] as! Double - chord(angle)) < 1e-6)
      #expect(answer["same"] as? Bool == same)
    }
    let text = try VerifyRequest(
      stored.options(threshold: 1, json: false), first: "a/1", second: "b/1"
    ).answer(over: SoloCommunicator())
    #expect(
      text.lines == [
        "distance 2.0000", "threshold 1.0000, given by --threshold", "different people",
      ])
    let noThreshold = VerifyRequest(stored.options(), first: "a/1", second: "a/2")
    #expect(throws: (any Error).self) {
      try noThreshold.answer(over: SoloCommunicator())
    }
    let noName = VerifyRequest(stored.options(threshold: 1), first: "a/1", second: "c")
    #expect(throws: (any Error).self) { try noName.answer(over: SoloCommunicator()) }
  }

  @Test func identifyNamesTheNearestAndLeavesStrangersUnknown() throws {
    let stored = try Stored([
      ("known/ann/1", 0), ("known/ann/2", 10), ("known/bob/1", 60), ("known/bob/2", 15),
      ("who/ann/3", 4), ("who/bob/3", 12.1), ("who/cid/1", 110), ("who/cid/2", 75),
    ])
    var request = IdentifyRequest(
      stored.options(threshold: chord(40)), gallery: "known", probes: ["who"])
    request.top = 2
    let answer = try object(request.answer(over: SoloCommunicator()))
    let probes = try #require(answer["probes"] as? [[String: Any]])
    #expect(probes.map { $0["person"] as? String } == ["ann", "ann", nil, "bob"])
    #expect(probes.map { $0["label"] as? String } == ["ann", "bob", "cid", "cid"])
    let nearest = try #require(probes[1]["candidates"] as? [[String: Any]])
    #expect(nearest.map { $0["photo"] as? String } == ["ann/2", "bob/2"])
    let figures = try #require(answer["figures"] as? [String: Double])
    #expect(figures["rank-1"] == 0.5)
    #expect(figures["mated"] == 2 && figures["non-mated"] == 2)
    // Below the nearest stranger, 15 degrees off, lies ann alone.
    #expect(figures["TPIR@FPIR=0.10"] == 0.5)
    let decisions = try #require(answer["decisions"] as? [String: Int])
    #expect(
      decisions == [
        "known_right": 1, "known_wrong": 1, "known_rejected": 0, "strangers_named": 1,
        "strangers_rejected": 1,
      ])
    // Three neighbours of bob's photo at 12.1 are ann, bob, ann; of one at 30, two of them bob's.
    request.neighbours = 3
    let voted = try object(request.answer(over: SoloCommunicator()))
    let people = try #require(voted["probes"] as? [[String: Any]]).map { $0["person"] as? String }
    #expect(people == ["ann", "ann", nil, "bob"])
  }

  @Test func clusterGroupsScoresAndDraws() throws {
    let stored = try Stored([
      ("ann/1", 0), ("ann/2", 5), ("bob/1", 100), ("bob/2", 104), ("bob/3", 8), ("cid/<1>", 200),
      ("cid/2", .nan),
    ])
    var request = ClusterRequest(stored.options(threshold: chord(30)), photos: "")
    request.html = stored.folder + "/sheet.html"
    request.csv = stored.folder + "/list.csv"
    let answer = try object(request.answer(over: SoloCommunicator()))
    let clusters = try #require(answer["clusters"] as? [[String: Any]])
    #expect(clusters.map { $0["members"] as? [Int] } == [[0, 1, 4], [2, 3], [5]])
    #expect(clusters.map { $0["person"] as? String } == ["ann", "bob", "cid"])
    #expect((answer["unreadable"] as? [[String: String]])?.map { $0["photo"] } == ["cid/2"])
    let figures = try #require(answer["figures"] as? [String: Double])
    #expect(figures["pairwise-precision"] == 2.0 / 4 && figures["pairwise-recall"] == 2.0 / 4)
    let sheet = try String(contentsOfFile: request.html!, encoding: .utf8)
    #expect(sheet.contains("cid/&lt;1&gt;") && !sheet.contains("<1>"))
    #expect(sheet.components(separatedBy: "class=\"other\"").count == 2)
    #expect(!sheet.contains("http:") && !sheet.contains("https:"))
    let list = try String(contentsOfFile: request.csv!, encoding: .utf8)
    #expect(
      list == "photo,cluster,person\nann/1,1,ann\nann/2,1,ann\nbob/1,2,bob\nbob/2,2,bob\n"
        + "bob/3,1,bob\ncid/<1>,3,cid\n")

    request.html = nil
    request.clusterCount = 2
    request.method = .kMeans
    request.options.threshold = nil
    let means = try object(request.answer(over: SoloCommunicator()))
    #expect((means["clusters"] as? [[String: Any]])?.count == 2)
  }

  @Test func photosOfAFolderByACheckpointOnAnyRanks() throws {
    let folder = SmallRun.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try SmallRun.train(
      SmallRun.configuration {
        $0.length = .steps(4)
        $0.split = .peopleRandom(fraction: 0.67)
        $0.evaluateEvery = .steps(4)
        $0.schedule = .constant
      }, folder: folder)
    let photos = folder + "/photos"
    try SyntheticFaces(people: 5, photosPerPerson: 3, size: 32, seed: 9).writeFolder(to: photos)
    var options = FaceOptions(source: .checkpoint(folder))
    options.json = true
    options.threads = 1
    let own = try Checkpoint(path: SmallRun.checkpoints(in: folder).last!).progress.threshold
    let names = try FaceFolder(root: photos).photos.map(\.path)

    let verify = VerifyRequest(
      options, first: photos + "/" + names[0], second: photos + "/" + names[0])
    let same = try object(verify.answer(over: SoloCommunicator()))
    #expect(same["distance"] as? Double == 0 && same["same"] as? Bool == true)
    #expect(same["threshold"] as? Double == own?.value)

    var request = ClusterRequest(options, photos: photos)
    request.html = folder + "/sheet.html"
    let alone = try request.answer(over: SoloCommunicator())
    let final = request
    let ranks = try ThreadCommunicator.run(size: 3) { try final.answer(over: $0) }
    #expect(ranks.map(\.lines) == [alone.lines, [], []])
    let sheet = try String(contentsOfFile: folder + "/sheet.html", encoding: .utf8)
    #expect(sheet.components(separatedBy: "data:image/jpeg;base64,").count == 16)

    // One byte a number: the same clusters, from stored embeddings.
    var embed = EmbedRequest(
      checkpoint: folder, data: .folder(photos), out: folder + "/bytes.npy", quiet: true)
    embed.numbers = .int8
    try embed.run(over: SoloCommunicator())
    let bytes = try NumPyFile.read(folder + "/bytes.npy")
    #expect(bytes.shape == [15, 32])
    #expect(
      (0..<15).allSatisfy { bytes.values[32 * $0..<32 * ($0 + 1)].contains { abs($0) == 127 } })
    var stored = ClusterRequest(
      FaceOptions(
        source: .embeddings(file: folder + "/bytes.npy", names: folder + "/bytes.txt")),
      photos: "")
    stored.options.json = true
    stored.clusterCount = 5
    request.html = nil
    request.clusterCount = 5
    let (fromBytes, fromPhotos) = (
      try object(stored.answer(over: SoloCommunicator())),
      try object(request.answer(over: SoloCommunicator()))
    )
    #expect(fromBytes["clusters"] as? [NSDictionary] == fromPhotos["clusters"] as? [NSDictionary])

    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder + "/bad.jpg"))
    let bad = VerifyRequest(options, first: photos + "/" + names[0], second: folder + "/bad.jpg")
    #expect(throws: (any Error).self) { try bad.answer(over: SoloCommunicator()) }
  }
}
