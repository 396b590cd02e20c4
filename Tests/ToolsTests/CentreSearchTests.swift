import Cleaning
import Determinism
import EmbeddingFiles
import Foundation
import Interchange
import Kernels
import Losses
import RunSupport
import Sessions
import TestSupport
import Testing

/// Photos far from the main one of the centres that a loss with several has of their person.
@Suite final class CentreSearchTests {
  private let folder = SmallRun.temporaryFolder()

  init() throws { try Folders.make(folder) }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  private struct Report: Decodable {
    struct Far: Decodable {
      var photo: String
      var person: String
      var degrees: Double
    }
    struct Centres: Decodable {
      var perPerson, photos, nearest, unknownPeople, emptiedPeople: Int
      var degrees: Double
    }
    var photos: Int
    var far: [Far]
    var centres: Centres?
    var strangers, merges, duplicates: [String]
    var notes: [String]
    var verdict: String
  }

  /// What is found of `rows` called `names`, with nothing else looked for.
  private func report(
    _ rows: [Float], width: Int, names: [String], _ centres: PersonCentres,
    _ change: (inout CleaningRequest) -> Void = { _ in }
  ) throws -> Report {
    var request = CleaningRequest(embeddings: "run")
    request.rows = EmbeddedRows(rows: .held(rows, width: width), names: names)
    request.centres = centres
    request.limits.followsStrangers = false
    request.limits.followsPeople = false
    request.limits.strangers = nil
    request.limits.people = nil
    request.limits.duplicates = nil
    request.printsJSON = true
    request.threads = 2
    change(&request)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Report.self, from: Data(try request.run().lines[0].utf8))
  }

  private static func row(_ degrees: Double) -> [Float] {
    [Float(2 * cos(degrees * .pi / 180)), Float(2 * sin(degrees * .pi / 180))]
  }

  /// Angles in a plane: of three centres the one with the most photos counts, though another is
  /// longer and a far photo has a centre of its own.
  @Test func photosAreComparedWithTheCentreOfMost() throws {
    let angles: [Double] = [0, 5, 10, 80, 86, 120, 50, 60, 170]
    let names = ["a/0", "a/1", "a/2", "a/3", "a/4", "a/5", "b/0", "b/1", "c/0"].map { $0 + ".jpg" }
    let centres = PersonCentres(
      path: "run", people: ["a", nil, "b"], count: 3,
      rows: .held(
        [(90.0, 1), (4, 1), (-90, 1), (0, 1), (0, 1), (0, 1), (55, 3), (200, 1), (120, 5)]
          .flatMap { angle, length in Self.row(angle).map { $0 * Float(length) } }, width: 2))
    let found = try report(
      angles.flatMap(Self.row), width: 2, names: names, centres
    ) { $0.out = folder + "/drop.txt" }
    // Three photos are nearest to 4 degrees, three to 90: the first of both counts, and it is 90.
    #expect(found.far.map(\.photo) == ["a/0.jpg", "a/1.jpg", "a/2.jpg"])
    #expect(found.far.map { $0.degrees.rounded() } == [90, 85, 80])
    #expect(found.centres?.perPerson == 3 && found.centres?.degrees == 75)
    #expect(found.centres?.photos == 8 && found.centres?.nearest == 5)
    #expect(found.centres?.unknownPeople == 1 && found.centres?.emptiedPeople == 0)
    #expect(found.notes == ["warning: people without centres, whose photos are not looked at: 1"])
    #expect(
      try TextFile.lines(of: folder + "/drop.txt").dropFirst().map { "\($0)" } == [
        "a/0.jpg\tdrop\tfar from the main centre, 90.00 degrees",
        "a/1.jpg\tdrop\tfar from the main centre, 85.00 degrees",
        "a/2.jpg\tdrop\tfar from the main centre, 80.00 degrees",
      ])
    // With a photo more at 4 degrees it is the other way round; only what is above the angle is
    // far.
    let more = try report(
      (angles + [3]).flatMap(Self.row), width: 2, names: names + ["a/6.jpg"], centres
    ) { $0.limits.centreDegrees = 80 }
    #expect(more.far.map(\.photo) == ["a/4.jpg", "a/5.jpg"])
    #expect(more.far.map { $0.degrees.rounded() } == [82, 116])
    #expect {
      try report(Self.row(0), width: 2, names: ["x/0.jpg"], centres)
    } throws: {
      "\($0)".contains("run has no centres of any of the 1 people, such as x")
    }
  }

  /// 1,000 photos of 40 people, 50 of them under another's name, on whose wrong labels ArcFace
  /// learns its centres: what is far from the main one of three was shuffled, and it is more of
  /// that than what is far from a single one, which the wrong photos draw to them.
  @Test func shuffledLabelsAreFound() throws {
    let (rows, labels, names, wrong) = Self.shuffledPhotos()
    var recalls: [Double] = []
    for count in [1, 3] {
      let centres = Self.centres(learnt: count, from: rows, labels)
      let found = try report(rows, width: Self.width, names: names, centres)
      let right = found.far.count { wrong.contains($0.photo) }
      let precision = Double(right) / Double(max(1, found.far.count))
      recalls.append(Double(right) / Double(wrong.count))
      print(
        "shuffled labels, \(count) centres: \(wrong.count) of \(names.count), found "
          + "\(found.far.count); precision \(Console.fixed(precision, 3)), recall "
          + Console.fixed(recalls.last!, 3))
      #expect(precision > 0.95 && found.verdict == "findings")
      #expect(found.centres?.photos == names.count)
    }
    #expect(wrong.count == 50 && recalls[1] > 0.65 && recalls[1] > recalls[0] + 0.1)
  }

  private static let (people, width) = (40, 64)
  private static let random = CounterRandom(seed: 11, purpose: .testing)

  /// Number `place` of what belongs to `row`.
  private static func normal(_ row: Int, _ place: Int) -> Double {
    random.normal(row * width + place)
  }

  /// Photos about a direction for each person, every twentieth under another person's name.
  private static func shuffledPhotos() -> (
    rows: [Float], labels: [Int32], names: [String], wrong: Set<String>
  ) {
    var (rows, labels, names): ([Float], [Int32], [String]) = ([], [], [])
    var wrong: Set<String> = []
    for person in 0..<people {
      for photo in 0..<25 {
        let number = person * 25 + photo
        let label = number % 20 == 7 ? (person + 1 + photo) % people : person
        names.append("p\(label)/of-\(person)-\(photo).jpg")
        labels.append(Int32(label))
        if label != person { wrong.insert(names[number]) }
        rows += (0..<width).map {
          Float(normal(person, $0) + 0.6 * normal(people + number, $0))
        }
      }
    }
    return (rows, labels, names, wrong)
  }

  /// What 150 steps of ArcFace make of `count` centres a person, where embeddings stay.
  private static func centres(
    learnt count: Int, from rows: [Float], _ labels: [Int32]
  ) -> PersonCentres {
    let head = MarginSoftmaxHead(
      configuration: .arcFace(scale: 16, margin: 0.3).withSubCentres(count), classes: people,
      dimension: width)
    var weights = (0..<head.parameterCount).map { Float(0.01 * normal(10_000, $0)) }
    var gradient = [Float](repeating: 0, count: head.parameterCount)
    var scratch = [Float](repeating: 0, count: head.scratchCount(rows: labels.count))
    var unused = rows
    for _ in 0..<150 {
      _ = head.run(
        rows, labels: labels, rows: labels.count, weights: weights, into: &unused,
        weightGradient: &gradient, scratch: &scratch)
      for i in weights.indices { weights[i] -= 0.1 * gradient[i] / Float(labels.count) }
    }
    return PersonCentres(
      path: "run", people: (0..<people).map { "p\($0)" }, count: count,
      rows: .held(weights, width: width))
  }
}
