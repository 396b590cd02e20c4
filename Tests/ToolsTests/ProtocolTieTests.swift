import Collectives
import Foundation
import Interchange
import Measuring
import Protocols
import Testing

/// What identification says of equal scores, of photos that cannot be read and of several templates
/// of a person: sets of a few embeddings whose figures follow by hand.
@Suite final class ProtocolTieTests {
  private typealias Row = (name: String, values: [Float])

  private let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(
      atPath: folder + "/meta", withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private func store(_ rows: [Row]) throws -> ProtocolOptions {
    let file = folder + "/faces.npy"
    let names = folder + "/faces.txt"
    try NumPyFile.write(
      rows.flatMap(\.values), shape: [rows.count, rows[0].values.count], to: file)
    try (rows.map(\.name).joined(separator: "\n") + "\n").write(
      toFile: names, atomically: true, encoding: .utf8)
    return ProtocolOptions(source: .embeddings(file: file, names: names))
  }

  /// `lines` without their intervals.
  private func plain(_ lines: [String]) -> [String] {
    lines.map { $0.replacing(#/ \([0-9.]+ to [0-9.]+\)/#, with: "") }
  }

  private func tinyFace(_ rows: [Row]) throws -> [String] {
    plain(try TinyFaceRequest(store(rows), folder: folder).answer(over: SoloCommunicator()))
  }

  /// Four people at right angles, probe and mate each alike, and as many distractors between them.
  private func spread(_ match: String = "Gallery_Match") -> [Row] {
    func axis(_ person: Int, _ other: Float = 0) -> [Float] {
      (0..<5).map { $0 == person ? 1 : $0 == 4 ? other : 0 }
    }
    var rows: [Row] = []
    for person in 0..<4 { rows.append(("Probe/\(person)_0.jpg", axis(person))) }
    for person in 0..<4 { rows.append(("\(match)/\(person)_1.jpg", axis(person, 0.1))) }
    for photo in 0..<30 {
      rows.append(("Gallery_Distractor/d\(photo).jpg", axis(photo % 4, 2)))
    }
    return rows
  }

  @Test func equalScoresAreOfTheImpostor() throws {
    #expect(
      try tinyFace(spread()).suffix(3) == [
        "rank-1 1.000000", "rank-5 1.000000", "rank-20 1.000000",
      ])
    for value in [Float(1), 0, 0.37] {
      let lines = try tinyFace(
        spread().map { row -> Row in (row.name, row.values.map { _ in value }) })
      #expect(lines.suffix(3) == ["rank-1 0.000000", "rank-5 0.000000", "rank-20 0.000000"])
      #expect(lines.contains { $0.hasPrefix("warning: the embeddings have collapsed") })
    }
    // Two photos of the person are no impostors of each other.
    let two = spread() + [(name: "Gallery_Match/0_2.jpg", values: spread()[4].values)]
    #expect(try tinyFace(two).contains("rank-1 1.000000"))
  }

  @Test func photosThatCannotBeReadAreFoundByNobody() throws {
    // Distractors are opposite to every probe: a cosine of 0 would beat them.
    for value in [Float.nan, 0] {
      for part in ["Gallery_Match", "Probe"] {
        let rows = spread().map { row -> Row in
          if row.name.hasPrefix(part) { return (row.name, row.values.map { _ in value }) }
          return row.name.hasPrefix("Gallery_D") ? (row.name, [-1, -1, -1, -1, 0]) : row
        }
        let lines = try tinyFace(rows)
        #expect(lines.suffix(3) == ["rank-1 0.000000", "rank-5 0.000000", "rank-20 0.000000"])
        #expect(lines.contains { $0.hasPrefix("warning: 4 photos could not be read") })
      }
    }
  }

  @Test func photosAreOfTheirPartHoweverDeep() throws {
    let lines = try tinyFace(
      spread("Testing_Set/Gallery_Match/more/deep") + [
        (name: "x/9_1.jpg", values: [1, 0, 0, 0, 0])
      ])
    #expect(lines[0].hasPrefix("tinyface: 4 probes, 4 of people in the gallery; 4 photos"))
    #expect(
      lines.contains {
        $0.hasPrefix("warning: 1 photos stand below none of Probe") && $0.hasSuffix("x/9_1.jpg")
      })
    #expect(lines.contains { $0.hasPrefix("warning: TinyFace as it is published has 3728 probes") })
    #expect(lines.contains("rank-1 1.000000"))
  }

  private func write(_ name: String, _ lines: [String]) throws {
    try (lines.joined(separator: "\n") + "\n").write(
      toFile: "\(folder)/meta/ijbc_\(name)", atomically: true, encoding: .utf8)
  }

  /// IJB-C of templates of one photo each; galleries and probes are `template,person`.
  private func ijb(
    _ templates: [[Float]], score: Double = 1, galleries: [[String]], probes: [String]
  ) throws -> [String] {
    let names = templates.indices.map { "\($0 + 1).jpg" }
    try write("face_tid_mid.txt", names.indices.map { "\(names[$0]) \($0 + 1) 1" })
    try write("name_5pts_score.txt", names.map { "\($0) 1 2 3 4 5 6 7 8 9 10 \(score)" })
    try write("template_pair_label.txt", ["1 2 1"] + (0..<30).map { _ in "1 3 0" })
    try write("1N_gallery_G1.csv", galleries[0])
    try write("1N_gallery_G2.csv", galleries[1])
    try write("1N_probe_mixed.csv", probes)
    return plain(
      try IJBRequest(
        store(zip(names, templates).map { (name: $0, values: $1) }), folder: folder
      )
      .answer(over: SoloCommunicator()))
  }

  /// Templates 1 and 2 of person 7, 3 and 4 of person 8.
  private let templates: [[Float]] = [[1, 0], [1, 0.1], [0, 1], [0.1, 1]]

  private func identified(_ templates: [[Float]], score: Double = 1) throws -> [String] {
    try ijb(templates, score: score, galleries: [["1,7"], ["3,8"]], probes: ["2,7", "4,8"])
  }

  @Test func templatesThatAreAllEqualFindNobody() throws {
    // Without titles the first template counts as any other.
    let lines = try identified(templates)
    #expect(lines.contains("1:N: 2 probes against 2 templates of both galleries"))
    #expect(lines.contains("rank-1 1.000000"))
    #expect(!lines.contains { $0.contains("collapsed") || $0.contains("are empty") })
    let collapsed = try identified(templates.map { _ in [0.6, 0.8] })
    #expect(collapsed.contains("rank-1 0.000000"))
    #expect(collapsed.contains { $0.hasPrefix("warning: the embeddings have collapsed") })
    // Of as many probes as a rate takes.
    let many = try ijb(
      Array(repeating: [0.6, 0.8], count: 26), galleries: [["1,7"], ["2,8"]],
      probes: (3...26).map { "\($0),\(7 + $0 % 2)" })
    let rates = many.filter { $0.hasPrefix("TPIR@FPIR=0.1 ") }
    #expect(rates.count == 2 && rates.allSatisfy { $0.contains(" 0.000000, ") })
  }

  @Test func titlesAreNoNumbers() throws {
    let titled = try ijb(
      templates, galleries: [["TEMPLATE_ID,SUBJECT_ID", "1,7"], ["3,8"]],
      probes: ["t,s", "2,7", "4,8"])
    #expect(titled == (try identified(templates)))
    let error = #expect(throws: InterchangeError.self) {
      try ijb(templates, galleries: [["1,seven"], ["3,8"]], probes: ["2,7"])
    }
    #expect("\(try #require(error))".contains("line 1"))
  }

  @Test func templatesWithoutAReadablePhotoAreFoundByNobody() throws {
    // Both are nearer to nothing than to each other: a score of 0 would beat -1.
    let lines = try ijb(
      [[.nan, 0], [1, 0], [-1, 0], [-1, 0.1]], galleries: [["1,7"], ["3,8"]], probes: ["2,7"])
    #expect(lines.contains("rank-1 0.000000") && lines.contains("rank-10 0.000000"))
    let blind = try ijb(
      [[-1, 0], [0, 0], [1, 0], [1, 0.1]], galleries: [["1,7"], ["3,8"]], probes: ["2,7"])
    #expect(blind.contains("rank-10 0.000000"))
    #expect(blind.contains { $0.hasPrefix("warning: N0D1: 1 of 4 templates are empty") })
  }

  @Test func scoresOfZeroLeaveNoTemplate() throws {
    let lines = try identified(templates, score: 0)
    let empty = lines.filter { $0.contains("of 4 templates are empty") }
    #expect(empty.map { $0.prefix(14) } == ["warning: N1D1:", "warning: N0D1:"])
    #expect(lines.contains("rank-1 0.000000"))
    #expect(lines.contains { $0.hasPrefix("N1D1 TAR@FAR=1e-1 0.000000") })
    #expect(lines.contains { $0.hasPrefix("N1D0 TAR@FAR=1e-1 1.000000") })
  }

  @Test func theBestTemplateOfAPersonIsTheMate() throws {
    // Person 7 has a far and a near template in one gallery; person 8 stands between.
    let lines = try ijb(
      [[0, -1], [1, 0], [0.6, 0.8]] + Array(repeating: [1, 0.1], count: 10),
      galleries: [["1,7", "2,7"], ["3,8"]], probes: (4...13).map { "\($0),7" } + ["3,8"])
    #expect(lines.contains("rank-1 1.000000"))
    let pooled = lines.filter { $0.contains("all scores pooled") }
    // The near template of the probe's own person is no stranger above its mate.
    #expect(
      pooled == [
        "TPIR@FPIR=0.01 insufficient data: 11 probes, and it takes 100, all scores pooled as "
          + "insightface does",
        "TPIR@FPIR=0.1 1.000000, all scores pooled as insightface does",
      ])
  }
}
