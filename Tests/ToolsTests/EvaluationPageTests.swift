import Collectives
import Datasets
import Determinism
import Evaluation
import Foundation
import Interchange
import Measuring
import Reports
import RunSupport
import Testing

/// `evaluate --html FILE`.
@Suite struct EvaluationPageTests {
  private let folder = SmallRun.temporaryFolder()
  private var page: String { folder + "/page.html" }

  /// 40 people of 6 embeddings each, theirs near one another, with lists that divide them.
  private func store() throws -> EvaluateRequest {
    try Folders.make(folder)
    let random = CounterRandom(seed: 5, purpose: .testing)
    let (people, photos, width) = (40, 6, 16)
    var values: [Float] = []
    var names: [String] = []
    for person in 0..<people {
      for photo in 0..<photos {
        names.append("p\(person)/\(photo).jpg")
        for axis in 0..<width {
          let noise = random.normal((person * photos + photo) * width + axis)
          values.append(Float(random.normal(100_000 + person * width + axis) + 0.9 * noise))
        }
      }
    }
    try NumPyFile.write(values, shape: [names.count, width], to: folder + "/faces.npy")
    func write(_ name: String, _ lines: [String]) throws {
      try TextFile.write(lines.joined(separator: "\n") + "\n", to: "\(folder)/\(name)")
    }
    try write("faces.txt", names)
    try write("groups.txt", (0..<people).map { "p\($0) \($0 % 2 == 0 ? "even" : "odd&more")" })
    var pairs: [String] = []
    for person in 0..<people {
      for photo in 1..<photos {
        pairs.append("p\(person)/0.jpg\tp\(person)/\(photo).jpg\t1")
        pairs.append(
          "p\(person)/\(photo).jpg\tp\((person + 2 * photo) % people)/\(photo).jpg\t0")
      }
    }
    try write("pairs.txt", pairs)
    var request = EvaluateRequest(
      source: .embeddings(file: folder + "/faces.npy", names: folder + "/faces.txt"))
    request.pairs = [folder + "/pairs.txt"]
    request.subsets = folder + "/groups.txt"
    request.quality = "norm"
    request.html = page
    return request
  }

  @Test func itHasAllThatIsPrintedOfStoredEmbeddings() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let request = try store()
    try request.run(over: SoloCommunicator())
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(MarkupCheck.problem(in: html) == nil)
    for text in ["http", "url(", "<script", "<link", "src="] { #expect(!html.contains(text)) }

    let stored = try StoredEmbeddings(file: folder + "/faces.npy", names: folder + "/faces.txt")
    let file = try PairsFile(parsing: FileReader.text(of: request.pairs[0]), file: "pairs")
    let pairs = stored.scored(file.resolved(against: stored.names))
    let result = EvaluationResult(embeddings: stored.embeddings, pairs: pairs)
    for figure in result.figures where figure.refusal == nil || figure.isHeadline {
      #expect(html.contains("<dt>\(figure.name)</dt><dd>\(figure.text)</dd>"), "\(figure.name)")
    }
    let scores = try #require(result.scores)
    // `p17/3.jpg` is odd.
    let parts = stored.names.map { name -> Int? in
      name.prefix { $0 != "/" }.last?.wholeNumberValue.map { $0 % 2 }
    }
    let subsets = SubsetTable(
      scores, subsets: parts, names: ["even", "odd&more"],
      threshold: try #require(result.verification?.mostAccurateThreshold))
    for row in subsets.rows {
      let name = row.name.replacingOccurrences(of: "&", with: "&amp;")
      let accuracy = Figure.text(try #require(row.accuracy), digits: 6)
      #expect(
        html.contains("<td>\(name)</td><td>\(row.pairCount)</td><td>\(accuracy)</td>"), "\(name)")
    }
    #expect(subsets.spread.lines("subsets").allSatisfy(html.contains))
    let discard = ErrorDiscard(scores, quality: stored.embeddings.norms)
    #expect(discard.curves.count == 2 && discard.refusals.count == 2)
    for curve in discard.curves {
      let area = Figure.text(curve.area, digits: 6)
      #expect(html.contains("<td>\(area)</td>"))
      for share in ErrorDiscard.shown {
        let error = Figure.text(try #require(curve.error(without: share)), digits: 6)
        #expect(html.contains("<td>\(error)</td>"))
      }
    }
    #expect(html.contains("False rejects at FAR 1e-2"))
    #expect(discard.refusals.allSatisfy { html.contains("No curve \($0).") })
    // Photos are not there, and their names are.
    #expect(html.contains("Worst pairs") && !html.contains("no picture"))
    let worst = try #require(result.worstPairs.first)
    #expect(html.contains("<span>\(stored.names[worst.first].dropLast(4))</span>"))
  }

  @Test func severalSetsStandEachByItselfAndWithTheirMean() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var request = try store()
    let second = folder + "/others.txt"
    try TextFile.write(
      FileReader.text(of: request.pairs[0]).split(separator: "\n").dropFirst(40)
        .joined(separator: "\n") + "\n", to: second)
    request.pairs.append(second)
    try request.run(over: SoloCommunicator())
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(MarkupCheck.problem(in: html) == nil)
    #expect(html.contains("<h2>All sets</h2>") && html.contains("<li>mean-accuracy "))
    for path in request.pairs { #expect(html.contains("<h2>\(path)</h2>")) }
    #expect(html.components(separatedBy: "<h3>Error against discard</h3>").count == 3)
  }

  @Test func itShowsThePhotosOfAnImageFolderByTheirNetwork() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Folders.make(folder)
    try SyntheticFaces(people: 12, photosPerPerson: 4, size: 32, seed: 3)
      .writeFolder(to: folder + "/photos")
    try FlaggedRun.train(
      FlaggedRun.small.merging(["steps": "2", "checkpoint-every": "2"]) { $1 },
      in: folder + "/run")
    var request = EvaluateRequest(source: .checkpoint(folder + "/run"), quiet: true)
    request.data = .folder(folder + "/photos")
    request.split = .all
    request.threads = 1
    request.html = page
    try request.run(over: SoloCommunicator())
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(MarkupCheck.problem(in: html) == nil)
    let checkpoint = "\(folder)/run/checkpoints/step-000000002.safetensors"
    #expect(html.contains("checkpoint: \(checkpoint), step 2"))
    #expect(html.components(separatedBy: "src=\"data:image/jpeg;base64,").count > 8)
    #expect(!html.contains("no picture"))
  }
}
