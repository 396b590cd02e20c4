import Collectives
import Datasets
import DataTools
import Foundation
import RunSupport
import Testing
import Training

/// Evaluation on several sets, and the logs beside metrics.jsonl.
@Suite struct EvaluationSetsTests {
  /// A folder of 12 people, a list of pairs in LFW's format, and the same pairs as a .bin.
  private final class Sets {
    let root = SmallRun.temporaryFolder()
    let photos: String
    let list: String
    let bin: String

    init() throws {
      photos = root + "/photos"
      list = root + "/pairs.txt"
      bin = root + "/faces.bin"
      try SyntheticFaces(people: 12, photosPerPerson: 6, size: 32, seed: 5).writeFolder(to: photos)
      let set = try PhotoSet(path: photos)
      let people = set.index.people
      var lines = ["40"]
      var images: [[UInt8]] = []
      func add(_ a: (Int, Int), _ b: (Int, Int)) throws {
        lines.append(
          a.0 == b.0
            ? "\(people[a.0])\t\(a.1)\t\(b.1)" : "\(people[a.0])\t\(a.1)\t\(people[b.0])\t\(b.1)")
        for (person, photo) in [a, b] {
          let path = photos + "/" + set.index.photos[person * 6 + photo - 1].path
          images.append([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
        }
      }
      for pair in 0..<40 { try add((pair % 12, 1 + pair / 12), (pair % 12, 6)) }
      for pair in 0..<40 { try add((pair % 12, 1 + pair / 12), ((pair + 5) % 12, 2)) }
      try (lines.joined(separator: "\n") + "\n").write(
        toFile: list, atomically: true, encoding: .utf8)
      // Interleaved folds of the list are other folds than those of the file's order.
      var body: [UInt8] = [0x80, 4, 0x5D, 0x28]
      for image in images {
        body += [0x42] + withUnsafeBytes(of: UInt32(image.count).littleEndian) { Array($0) } + image
      }
      body += [0x65, 0x5D, 0x28] + (0..<80).map { $0 < 40 ? 0x88 : 0x89 } + [0x65, 0x86, 0x2E]
      try Data(body).write(to: URL(fileURLWithPath: bin))
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }
  }

  private func lines(_ path: String) throws -> [[String: Any]] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  /// `check` finds who is in a set that brings its photos by their bytes, and by name in a list.
  @Test func checkNamesThePeopleOfEverySet() throws {
    let sets = try Sets()
    // Of two people no photo is left as it is in the sets, and one of them has another name too.
    let people = try PhotoSet(path: sets.photos).index.people
    for person in people.prefix(2) {
      for photo in try FileManager.default.contentsOfDirectory(atPath: sets.photos + "/" + person) {
        let url = URL(fileURLWithPath: "\(sets.photos)/\(person)/\(photo)")
        try (Data(contentsOf: url) + Data([0])).write(to: url)
      }
    }
    try FileManager.default.moveItem(
      atPath: sets.photos + "/" + people[0], toPath: sets.photos + "/a stranger")
    var request = CheckRequest(data: sets.photos)
    request.pairs = [sets.list, sets.bin]
    let (lines, isGood) = try request.run()
    #expect(!isGood)
    #expect(lines.contains("error: people also in \(sets.list): 11"))
    #expect(lines.contains("error: people also in \(sets.bin): 10"))
    #expect(lines.last == "verdict: 21 errors")
  }

  @Test func everySetIsReportedByItsName() throws {
    let sets = try Sets()
    let out = sets.root + "/run"
    let prom = sets.root + "/run.prom"
    let configuration = SmallRun.configuration {
      $0.data = .folder(sets.photos)
      $0.length = .steps(4)
      $0.evaluateEvery = .steps(2)
      $0.pairs = [sets.list, sets.bin]
      $0.writesTensorBoard = true
      $0.writesCSV = true
      $0.prometheus = prom
    }
    let outcomes = try SmallRun.train(configuration, ranks: 2, folder: out)
    #expect(outcomes.map(\.ending) == [.finished, .finished])
    let evaluations = try lines(out + "/metrics.jsonl").compactMap {
      $0["evaluation"] as? [String: Any]
    }
    #expect(evaluations.count == 2)
    for evaluation in evaluations {
      let found = try #require(evaluation["sets"] as? [String: [String: Double]])
      #expect(Set(found.keys) == ["pairs", "faces"])
      #expect(found["pairs"]?["pairs"] == 80 && found["faces"]?["pairs"] == 80)
      // The first set is the one that counts; the same photos have the same distances.
      #expect(evaluation["accuracy"] as? Double == found["pairs"]?["accuracy"])
      #expect(found["pairs"]?["AUC-exact"] == found["faces"]?["AUC-exact"])
      #expect((found["faces"]?["photos"] ?? 0) == 160)
    }
    let report = try String(contentsOfFile: out + "/report.html", encoding: .utf8)
    #expect(report.contains("<h3>pairs</h3>") && report.contains("<h3>faces</h3>"))
    try checkTables(out)
    let metrics = try String(contentsOfFile: prom, encoding: .utf8)
    #expect(metrics.contains("ddp_train_step{run=\"run\"} 4.0\n"))
    #expect(
      metrics.contains("ddp_train_evaluation{run=\"run\",set=\"faces\",figure=\"accuracy\"} "))
    #expect(!FileManager.default.fileExists(atPath: prom + ".\(getpid()).tmp"))
    let board = try FileManager.default.contentsOfDirectory(atPath: out + "/tensorboard").sorted()
    #expect(board.count == 4 && board.contains("projector_config.pbtxt"))
    let points = try String(contentsOfFile: out + "/tensorboard/embeddings.tsv", encoding: .utf8)
      .split(separator: "\n")
    #expect(points.allSatisfy { $0.split(separator: "\t").count == 32 })
    let labels = try String(contentsOfFile: out + "/tensorboard/photos.tsv", encoding: .utf8)
      .split(separator: "\n")
    #expect(labels.count == points.count + 1 && labels[0] == "person\tphoto")
  }

  private func checkTables(_ out: String) throws {
    let rows = try String(contentsOfFile: out + "/metrics.csv", encoding: .utf8)
      .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    #expect(rows.count == 5 && rows.allSatisfy { $0.count == rows[0].count })
    #expect(rows.dropFirst().map { String($0[0]) } == ["1", "2", "3", "4"])
    let steps = try lines(out + "/metrics.jsonl").filter { $0["loss"] != nil }
    let loss = try #require(rows[0].firstIndex(of: "loss"))
    // Foundation's reader of JSON may be off by a unit in the last place.
    for (row, step) in zip(rows.dropFirst(), steps) {
      let (written, read) = (try #require(Double(row[loss])), try #require(step["loss"] as? Double))
      #expect(abs(written - read) < 1e-12 * read)
    }
    let figures = try String(contentsOfFile: out + "/evaluations.csv", encoding: .utf8)
    #expect(figures.contains("\n2,pairs,accuracy,") && figures.contains("\n4,faces,AUC,"))
  }

  @Test("On resume each row stands once, and side logs do not change the weights")
  func tablesOnResume() throws {
    let sets = try Sets()
    func run(_ steps: Int, _ folder: String, logs: Bool) throws -> UInt64 {
      let configuration = SmallRun.configuration {
        $0.data = .folder(sets.photos)
        $0.length = .steps(steps)
        $0.resume = .auto
        $0.schedule = .constant
        $0.writesTensorBoard = logs
        $0.writesCSV = logs
      }
      return try SmallRun.train(configuration, folder: folder)[0].weights
    }
    let plain = try run(5, sets.root + "/plain", logs: false)
    _ = try run(3, sets.root + "/run", logs: true)
    // A row of a step that the checkpoint has not seen, and one that was cut off.
    let table = sets.root + "/run/metrics.csv"
    let handle = try #require(FileHandle(forWritingAtPath: table))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("4,1,2\n5,1".utf8))
    try handle.close()
    #expect(try run(5, sets.root + "/run", logs: true) == plain)
    let rows = try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n")
    #expect(rows.dropFirst().map { $0.prefix { $0 != "," } } == ["1", "2", "3", "4", "5"])
    let events = try FileManager.default.contentsOfDirectory(atPath: sets.root + "/run/tensorboard")
    #expect(events.count { $0.hasPrefix("events.") } == 2)
  }
}
