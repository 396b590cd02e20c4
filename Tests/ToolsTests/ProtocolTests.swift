import Collectives
import Datasets
import DataTools
import Evaluation
import Foundation
import Inputs
import Interchange
import Measuring
import Protocols
import Templates
import Testing

/// Sets in the layouts of IJB and TinyFace with the figures of NumPy (scripts/golden/tables.py).
private struct GoldenProtocols: Decodable {
  struct Rate: Decodable {
    let target, tar, far, nearTAR, nearFAR: Double
  }
  struct Mode: Decodable {
    let rates: [Rate]
    let intervals: [[Double]]
    let scores: [Double]
  }
  struct IJB: Decodable {
    let dimension: Int
    let embeddingSixteenths, templates, media, pairs: [Int]
    let names: [String]
    let scores: [Double]
    let points: [[Int]]
    let galleries: [[[Int]]]
    let probes: [[Int]]
    let modes: [String: Mode]
    let ranks, nist, pooled: [Double]
    let rankIntervals, nistIntervals, pooledIntervals: [[Double]]
  }
  struct TinyFace: Decodable {
    let dimension: Int
    let names: [String]
    let embeddingSixteenths: [Int]
    let ranks: [Double]
    let rankIntervals: [[Double]]
  }
  let ijb: IJB
  let tinyface: TinyFace
}

@Suite final class ProtocolTests {
  private let golden: GoldenProtocols
  private let folder: String

  init() throws {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
    golden = try JSONDecoder().decode(
      GoldenProtocols.self,
      from: Data(contentsOf: tests.appendingPathComponent("Golden/tables.json")))
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(
      atPath: folder + "/meta", withIntermediateDirectories: true)
    let ijb = golden.ijb
    try write(
      "face_tid_mid.txt",
      ijb.names.indices.map {
        "\(ijb.names[$0]) \(ijb.templates[$0]) \(ijb.media[$0])"
      })
    try write(
      "name_5pts_score.txt",
      ijb.names.indices.map { row in
        "\(ijb.names[row]) \(ijb.points[row].map { "\($0).5" }.joined(separator: " ")) "
          + "\(ijb.scores[row])"
      })
    try write(
      "template_pair_label.txt",
      stride(from: 0, to: ijb.pairs.count, by: 3).map {
        "\(ijb.pairs[$0]) \(ijb.pairs[$0 + 1]) \(ijb.pairs[$0 + 2])"
      })
    for (name, list) in zip(["gallery_G1", "gallery_G2"], ijb.galleries) {
      try write(
        "1N_\(name).csv",
        ["TEMPLATE_ID,SUBJECT_ID,FILENAME"]
          + list.map {
            "\($0[0]),\($0[1]),frames/1.jpg"
          })
    }
    try write(
      "1N_probe_mixed.csv",
      ["TEMPLATE_ID,SUBJECT_ID,FILENAME"]
        + ijb.probes.map {
          "\($0[0]),\($0[1]),frames/1.jpg"
        })
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func write(_ name: String, _ lines: [String]) throws {
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: "\(folder)/meta/ijbc_\(name)", atomically: true, encoding: .utf8)
  }

  private func edit(_ name: String, _ change: (inout [String]) -> Void) throws {
    let path = "\(folder)/meta/ijbc_\(name)"
    var lines = try String(contentsOfFile: path, encoding: .utf8)
      .split(separator: "\n").map(String.init)
    change(&lines)
    try write(name, lines)
  }

  private func store(_ sixteenths: [Int], _ dimension: Int, _ names: [String]) throws
    -> EvaluateRequest.Source
  {
    let path = folder + "/faces.npy"
    try NumPyFile.write(
      sixteenths.map { Float($0) / 16 }, shape: [names.count, dimension], to: path)
    try (names.joined(separator: "\n") + "\n").write(
      toFile: folder + "/faces.txt", atomically: true, encoding: .utf8)
    return .embeddings(file: path, names: folder + "/faces.txt")
  }

  /// The answer with the photos of the set stored in another order than that of the lists.
  private func answer(dropping count: Int = 0) throws -> [String] {
    let ijb = golden.ijb
    let order = Array(ijb.names.indices.reversed().dropFirst(count))
    let values = order.flatMap {
      ijb.embeddingSixteenths[$0 * ijb.dimension..<($0 + 1) * ijb.dimension]
    }
    let source = try store(values, ijb.dimension, order.map { "loose_crop/" + ijb.names[$0] })
    return try IJBRequest(ProtocolOptions(source: source), folder: folder)
      .answer(over: SoloCommunicator())
  }

  @Test func templatesAndTheirRatesEqualNumPy() throws {
    let ijb = golden.ijb
    let embeddings = Embeddings(
      ijb.embeddingSixteenths.map { Float($0) / 16 }, dimension: ijb.dimension)
    for mode in TemplateMode.allCases {
      let expected = try #require(ijb.modes[mode.rawValue])
      let features = TemplateFeatures(
        embeddings, templates: ijb.templates.map(Int32.init), media: ijb.media.map(Int32.init),
        scores: ijb.scores, mode: mode)
      let places = features.places
      var scores: [Double] = []
      var isSame: [Bool] = []
      for at in stride(from: 0, to: ijb.pairs.count, by: 3) {
        let a = Int(places[Int32(ijb.pairs[at])]!) * features.dimension
        let b = Int(places[Int32(ijb.pairs[at + 1])]!) * features.dimension
        var score = 0.0
        for i in 0..<features.dimension {
          score += Double(features.values[a + i]) * Double(features.values[b + i])
        }
        scores.append(score)
        isSame.append(ijb.pairs[at + 2] == 1)
      }
      for (a, b) in zip(scores, expected.scores) { #expect(abs(a - b) < 1e-6) }
      for (a, b) in zip(CosineRates.rates(scores, isSame: isSame), expected.rates) {
        #expect(abs(a.strict.trueAcceptRate - b.tar) < 1e-9)
        #expect(abs(a.strict.falseAcceptRate - b.far) < 1e-9)
        #expect(abs(a.nearest.trueAcceptRate - b.nearTAR) < 1e-9)
        #expect(abs(a.nearest.falseAcceptRate - b.nearFAR) < 1e-9)
      }
    }
  }

  /// A figure with its interval, as they are printed.
  private func text(_ value: Double, _ interval: [Double]) -> String {
    Figure.text(value, digits: 6) + Figure.spread(interval[0]...interval[1])
  }

  @Test func theFilesOfIJBGiveTheFiguresOfNumPy() throws {
    let ijb = golden.ijb
    let lines = try answer()
    #expect(
      lines[0]
        == "ijbc: \(ijb.names.count) photos, 240 templates, 9000 pairs, 100 of one person")
    #expect(lines[1].hasPrefix("warning: IJB-C as it is published has 469375 photos"))
    for (name, mode) in ijb.modes {
      #expect(mode.intervals.count == 3)
      for (rate, interval) in zip(mode.rates, mode.intervals) {
        let start = "\(name) TAR@FAR=\(PairScores.name(of: rate.target)) "
        let line = try #require(lines.first { $0.hasPrefix(start) })
        #expect(line.hasPrefix(start + text(rate.tar, interval) + ", threshold "), "\(line)")
        #expect(line.contains("nearest point \(Figure.text(rate.nearTAR, digits: 6)) at FAR"))
      }
      #expect(lines.contains { $0.hasPrefix("\(name) TAR@FAR=1e-6 insufficient data: 8900 pairs") })
    }
    #expect(lines.contains("intervals: 95 % of 1000 draws of 60 people"))
    for (index, rank) in [1, 5, 10].enumerated() {
      #expect(
        lines.contains("rank-\(rank) \(text(ijb.ranks[index], ijb.rankIntervals[index]))"))
    }
    for (index, target) in [0.01, 0.1].enumerated() {
      let start = "TPIR@FPIR=\(target) "
      let nist =
        index == 0
        ? "insufficient data: 90 probes of people who are not in the gallery, and it takes 100"
        : text(ijb.nist[index], ijb.nistIntervals[index])
      #expect(lines.contains { $0.hasPrefix(start + nist + ", NIST") })
      #expect(
        lines.contains {
          $0.hasPrefix(
            start + text(ijb.pooled[index], ijb.pooledIntervals[index]) + ", all scores pooled")
        })
    }
  }

  /// Without the lists of 1:N pairs of one person tell who is one.
  @Test func peopleAreThoseOfPairsWithoutLists() throws {
    try FileManager.default.removeItem(atPath: folder + "/meta/ijbc_1N_probe_mixed.csv")
    let lines = try answer()
    let ijb = golden.ijb
    var groups: [Set<Int>] = Set(ijb.templates).map { [$0] }
    for at in stride(from: 0, to: ijb.pairs.count, by: 3) where ijb.pairs[at + 2] == 1 {
      let joined = groups.filter { $0.contains(ijb.pairs[at]) || $0.contains(ijb.pairs[at + 1]) }
      groups.removeAll(where: joined.contains)
      groups.append(joined.reduce([]) { $0.union($1) })
    }
    #expect(groups.count > 60)
    #expect(lines.contains("intervals: 95 % of 1000 draws of \(groups.count) people"))
    #expect(lines.last?.hasPrefix("no 1:N: '") == true)
  }

  @Test func listsAsOtherProgramsWriteThemAreTheSame() throws {
    let lines = try answer()
    let pairs = folder + "/meta/ijbc_template_pair_label.txt"
    let text = try String(contentsOfFile: pairs, encoding: .utf8)
    for (from, to) in [("", "\u{FEFF}"), ("\n", "\r"), ("\n", "\r\n"), (" 0\n", " -1\n")] {
      let other = from.isEmpty ? to + text : text.replacingOccurrences(of: from, with: to)
      try other.write(toFile: pairs, atomically: true, encoding: .utf8)
      #expect(try answer() == lines, "\(to.debugDescription)")
    }
    try edit("1N_probe_mixed.csv") { rows in
      rows = rows.map { row in
        row.split(separator: ",").map { "\"\($0)\"" }.joined(separator: ",")
      }
    }
    #expect(try answer() == lines)
  }

  @Test func doubtfulPairsOfTemplatesAreTold() throws {
    try edit("template_pair_label.txt") { lines in
      let other = lines[0].hasSuffix("1") ? "0" : "1"
      let words = lines[0].split(separator: " ")
      lines += [
        lines[1], lines[2], "\(words[1]) \(words[0]) \(other)", "\(words[0]) \(words[0]) 1",
      ]
    }
    let lines = try answer()
    #expect(
      lines.contains("warning: 1 pairs are of a template with itself, which is as near as can be"))
    #expect(
      lines.contains(
        "warning: 1 pairs of two templates have both answers; leave out those that are wrong"))
    #expect(lines.contains("warning: 2 pairs stand in the list again"))
  }

  @Test func probesThatAreInAGalleryAreTold() throws {
    let gallery = golden.ijb.galleries[0][0]
    try edit("1N_probe_mixed.csv") { $0.append("\(gallery[0]),\(gallery[1]),frames/1.jpg") }
    #expect(
      try answer().contains(
        "warning: 1 probes are templates of the galleries too, and find themselves"))
  }

  @Test func probesOfNobodyHaveNoRank() throws {
    try edit("1N_probe_mixed.csv") { rows in
      rows = rows.map { row in
        let cells = row.split(separator: ",")
        return Int(cells[1]) == nil ? row : "\(cells[0]),\(900_000 + Int(cells[1])!),\(cells[2])"
      }
    }
    let lines = try answer()
    #expect(!lines.contains { $0.hasPrefix("rank-") }, "\(lines.suffix(6))")
    #expect(lines.contains { $0.contains("probes are of people in no gallery") })
  }

  private func complaint(_ body: () throws -> [String]) -> String {
    do { return "no error: \(try body().prefix(2))" } catch { return "\(error)" }
  }

  @Test func anotherOrderIsNamedByItsFirstRow() throws {
    try edit("name_5pts_score.txt") { $0.swapAt(4, 5) }
    let text = complaint { try answer() }
    #expect(text.contains("line 5") && text.contains("is of 6.jpg") && text.contains("of 5.jpg"))
  }

  @Test func otherCountsAreNamed() throws {
    try edit("name_5pts_score.txt") { $0.removeLast() }
    let text = complaint { try answer() }
    let count = golden.ijb.names.count
    #expect(text.contains("it has \(count - 1) photos") && text.contains("has \(count)"))
  }

  @Test func missingPhotosAreCountedAndNamed() throws {
    let text = complaint { try answer(dropping: 2) }
    #expect(text.hasPrefix("2 of \(golden.ijb.names.count) photos are not in"))
  }

  @Test func strangersAmongTemplatesAreNamed() throws {
    try edit("template_pair_label.txt") { $0[2] = "7 99999 0" }
    var text = complaint { try answer() }
    #expect(text.contains("line 3") && text.contains("template 99999"))
    try edit("template_pair_label.txt") { $0[2] = "7 10 2" }
    text = complaint { try answer() }
    #expect(text.contains("line 3") && text.contains("'template template 1'"))
    try edit("template_pair_label.txt") { $0[2] = "7 10 0" }
    try edit("1N_probe_mixed.csv") { $0[1] = "99999,1,x" }
    text = complaint { try answer() }
    #expect(text.contains("1N_probe_mixed.csv' names 1 templates") && text.contains("99999"))
  }

  @Test func rowsThatAreNoNumbersAreLeftOutOfTheirTemplate() {
    let embeddings = Embeddings([1, 0, .nan, 0, 0, 2, 3, 0], dimension: 2)
    let features = TemplateFeatures(
      embeddings, templates: [5, 5, 5, 9], media: [1, 1, 2, 1], scores: [1, 1, 0.5, 0], mode: .N1D1)
    // Medium 1 is its one good photo, medium 2 half of (0, 2): (1, 1) before it is normalised.
    let half = Float(0.5.squareRoot())
    #expect(features.templates == [5, 9])
    let expected: [Float] = [half, half, 0, 0]
    for (a, b) in zip(features.values, expected) { #expect(abs(a - b) < 1e-7) }
    #expect(features.emptyCount == 1)
  }

  @Test func tinyFaceEqualsNumPy() throws {
    let tiny = golden.tinyface
    let source = try store(tiny.embeddingSixteenths, tiny.dimension, tiny.names)
    let lines = try TinyFaceRequest(ProtocolOptions(source: source), folder: folder)
      .answer(over: SoloCommunicator())
    #expect(
      lines[0]
        == "tinyface: 40 probes, 35 of people in the gallery; 85 photos of the gallery and 300 "
        + "distractors")
    for (index, rank) in [1, 5, 20].enumerated() {
      #expect(
        lines.contains("rank-\(rank) \(text(tiny.ranks[index], tiny.rankIntervals[index]))"))
    }
  }

  @Test func pairsAreReadBackAsTheyWereMadeAndPackedAsABin() throws {
    let photos = folder + "/photos"
    try SyntheticFaces(people: 12, photosPerPerson: 4, size: 32, seed: 5).writeFolder(to: photos)
    let list = folder + "/pairs.txt"
    var request = PairsRequest(data: photos, out: list)
    request.folds = 4
    request.limit = 48
    _ = try request.run()
    let text = try String(contentsOfFile: list, encoding: .utf8)
    _ = try request.run()
    #expect(text == (try String(contentsOfFile: list, encoding: .utf8)))
    request.seed = 2
    _ = try request.run()
    #expect(text != (try String(contentsOfFile: list, encoding: .utf8)))
    let index = try PhotoSet(path: photos).index
    let read = try PairsFile(
      parsing: String(contentsOfFile: list, encoding: .utf8), file: list
    ).resolved(against: index.photos.map(\.path))
    #expect(read.foldCount == 4 && read.skipped.isEmpty && read.pairs.count == 48)
    var foldOf: [Int: Int] = [:]
    for pair in read.pairs {
      let people = [pair.first, pair.second].map { index.photos.person(of: $0) }
      #expect((people[0] == people[1]) == pair.isSame)
      for person in people {
        let known = foldOf.updateValue(pair.fold, forKey: person)
        #expect(known == nil || known == pair.fold)
      }
    }
    let bin = folder + "/own.bin"
    let said = try BinRequest(data: photos, pairs: list, out: bin).run()
    // Four folds that readers cut into ten.
    #expect(said.count == 2 && said[1].hasPrefix("warning: who reads a .bin cuts it into 10"))
    let set = try VerificationBin(path: bin)
    #expect(set.isSame == read.pairs.map(\.isSame))
    for (place, pair) in read.pairs.enumerated() {
      for (side, photo) in [pair.first, pair.second].enumerated() {
        let expected = try Data(
          contentsOf: URL(fileURLWithPath: photos + "/" + index.photos[photo].path))
        set.withImage(2 * place + side) { #expect(Data($0) == expected) }
      }
    }
    let plan = try EvaluationSet.open([bin], index: nil)[0].plan
    #expect(plan.pairs?.foldCount == 10)
  }
}
