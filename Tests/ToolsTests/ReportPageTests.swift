import Datasets
import Determinism
import Evaluation
import Foundation
import Interchange
import Losses
import Reports
import RunFolders
import RunSupport
import Testing
import Timing
import Training

@Suite struct ReportPageTests {
  private let summary = RunReport.Summary(
    people: 4038, photos: 9525, imagesSeen: 114_300, wallSeconds: 5432,
    weightsHash: "0123456789abcdef")

  private func empty() -> RunReport {
    RunReport(title: "", subtitle: "", configuration: "", machine: [], summary: summary)
  }

  /// A run of `stepCount` steps with two evaluations and worst pairs of made-up JPEG bytes.
  private func full(stepCount: Int) -> RunReport {
    let random = CounterRandom(seed: 2, purpose: .testing)
    let values = (0..<400 * 6).map { Float(random.normal($0)) }
    let labels = (0..<400).map { $0 / 4 }
    let result = EvaluationResult(
      embeddings: Embeddings(values, dimension: 6),
      pairs: .generated(labels: labels, limit: 400, seed: 1), labels: labels,
      classWeights: Array(values.prefix(120)))
    var report = RunReport(
      title: "run", subtitle: "two ranks", configuration: "model: iresnet18", machine: ["a CPU"],
      summary: summary)
    report.steps = (1...stepCount).map { step in
      .init(
        step: step, loss: step == 77 ? 4321 : 10 + random.normal(step), learningRate: 0.1,
        imagesPerSecond: 100, gradientNorm: step == 5 ? .nan : 2)
    }
    report.evaluations = [
      .init(step: stepCount / 2, figures: result.dictionary),
      .init(step: stepCount, figures: result.dictionary),
    ]
    report.evaluation = .init(
      result, table: VerificationTable(result), name: { "p\($0)/photo.jpg" },
      jpeg: { $0 % 3 == 0 ? nil : [0xFF, 0xD8, UInt8($0 % 256)] })
    report.phases = [.init(name: "forward", seconds: 30), .init(name: "backward", seconds: 70)]
    return report
  }

  @Test func everyReportIsWellFormed() {
    #expect(MarkupCheck.problem(in: empty().render()) == nil)
    for count in [1, 2, 61, 5000] {
      #expect(MarkupCheck.problem(in: full(stepCount: count).render()) == nil)
    }
  }

  @Test func nothingIsFetched() {
    let html = full(stepCount: 100).render()
    #expect(!html.contains("http"))
    #expect(!html.contains("url("))
    #expect(!html.contains("<script"))
    #expect(!html.contains("<link"))
    #expect(!html.contains("@import"))
    for source in html.split(separator: "src=\"").dropFirst() {
      #expect(source.hasPrefix("data:image/jpeg;base64,"))
    }
  }

  @Test func textIsEscapedEverywhere() {
    let evil = "<b>\"&'</b>\u{1}"
    let safe = "&lt;b&gt;&quot;&amp;&#39;&lt;/b&gt;\u{FFFD}"
    var report = full(stepCount: 3)
    report.title = evil + "1"
    report.subtitle = evil + "2"
    report.configuration = evil + "3"
    report.machine = [evil + "4"]
    report.phases = [.init(name: evil + "5", seconds: 1)]
    report.evaluation?.warnings = [evil + "6"]
    report.evaluation?.rules = [evil + "7"]
    report.evaluation?.figures = [Figure(evil + "8", 1)]
    report.evaluation?.worstPairs = [
      .init(
        firstJPEG: [1], secondJPEG: [2], firstName: evil + "9", secondName: "b", distance: 1,
        isSame: true)
    ]
    report.summary.weightsHash = evil + "0"
    let html = report.render()
    #expect(!html.contains("<b>\""))
    #expect(!html.contains("\u{1}"))
    for digit in 0...9 { #expect(html.contains("\(safe)\(digit)"), "place \(digit)") }
    #expect(MarkupCheck.problem(in: html) == nil)
  }

  @Test func keyFiguresComeFirst() throws {
    let html = full(stepCount: 100).render()
    let cards = try #require(html.components(between: "<div class=\"cards\">", "<section>"))
    for text in ["Verification accuracy", "VAL at FAR 1e-2", "Closed-set", "Rank-1", "Images/s"] {
      #expect(cards.contains(text))
    }
    #expect(cards.contains("0123456789abcdef"))
    #expect(cards.contains("4,038"))
    #expect(cards.contains("1 h 30 min"))
    // 200 pairs of two people decide nothing at 1e-3: no number of it stands anywhere.
    #expect(!cards.contains("VAL at FAR 1e-3"))
    let refusal = "insufficient data: 200 pairs of two people, and it takes 1000"
    #expect(html.contains("<dt>VAL@FAR=1e-3</dt><dd>\(refusal)</dd>"))
    // Nor is it a curve, whose name would stand in the legend.
    #expect(html.contains("</i>VAL@FAR=1e-2</span>"))
    #expect(!html.contains("</i>VAL@FAR=1e-3</span>"))
  }

  /// As they stand in `metrics.jsonl`, which has them of runs with triplets alone.
  @Test(arguments: [4, 90]) func tripletsHaveCurvesOfTheirOwn(count: Int) throws {
    let path = SmallRun.temporaryFolder() + ".jsonl"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var record = StepRecord(
      step: 0, epoch: 1, samples: 8, loss: 0.5, learningRate: 0.1, headLearningRate: 0.1,
      gradientNorm: 2, imagesPerSecond: 100, accuracy: .nan, targetCosine: .nan, spread: 1,
      seconds: PhaseSeconds(), stepSeconds: 1, skippedSteps: 0, skippedSamples: 0, isSkipped: false,
      microbatches: [8], readAhead: ReadAhead(MemorySource([], names: [])).counts, gradientHash: 1,
      weightsHash: 2)
    let lines = (1...count).map { step in
      record.step = step
      record.triplets = TripletFigures(
        mode: .all, margin: 0.2, candidates: 10, triplets: step % 10, lossSum: 1,
        positiveDistance: 0.25, negativeDistance: step == 2 ? .nan : 1.5, activeMicrobatches: 1,
        miningSeconds: 0)
      return record.json
    }
    try TextFile.write(lines.joined(separator: "\n") + "\n", to: path)
    let steps = MetricsFile.read(path).steps
    let triplets = steps.map(\.triplets)
    #expect(triplets.map { $0?.activeShare } == (1...count).map { Double($0 % 10) / 10 })
    #expect(triplets.allSatisfy { $0?.positiveDistance == 0.25 })
    #expect(triplets[1]?.negativeDistance.isNaN == true && triplets[2]?.negativeDistance == 1.5)

    let titles = ["Active share of triplets", "Squared distance in a batch"]
    var report = full(stepCount: count)
    #expect(titles.allSatisfy { !report.render().contains($0) })
    report.steps = steps
    let html = report.render()
    #expect(titles.allSatisfy(html.contains) && MarkupCheck.problem(in: html) == nil)
    #expect(html.contains("Means of 5 steps.") == (count > 60))
  }

  @Test func emptySectionsAreLeftOut() {
    let html = empty().render()
    #expect(!html.contains("<svg"))
    #expect(!html.contains("<h2>"))
    var report = empty()
    report.steps = [
      .init(step: 1, loss: .nan, learningRate: 0.1, imagesPerSecond: 9, gradientNorm: .infinity)
    ]
    let one = report.render()
    #expect(one.contains("1 step without a finite value"))
    #expect(!one.contains("nan"))
    #expect(MarkupCheck.problem(in: one) == nil)
  }

  @Test func longRunsStaySmallAndKeepTheirSpikes() {
    let short = full(stepCount: 1000).render().utf8.count
    var report = full(stepCount: 50_000)
    let html = report.render()
    #expect(html.utf8.count < short * 3 / 2)
    #expect(html.utf8.count < 400_000)
    for path in html.split(separator: "<path class=\"line").dropFirst() {
      let data = path.prefix { $0 != "/" }
      #expect(data.filter { $0 == "L" }.count <= 600)
    }
    // The one loss of 4321 sets the axis: 300 times the others, so logarithmic up to 10k.
    #expect(html.contains(">10k</text>"))
    report.steps.removeAll { $0.step == 77 }
    #expect(!report.render().contains(">10k</text>"))
  }

  @Test func missingPicturesAreNamed() {
    let html = full(stepCount: 3).render()
    #expect(html.contains("no picture"))
    #expect(html.contains("data:image/jpeg;base64,/9g"))
  }

  @Test func phasesShareTheBar() {
    let html = full(stepCount: 3).render()
    #expect(html.contains("style=\"width:30.000%\""))
    #expect(html.contains("backward: 1 min 10 s, 70.0 %"))
  }
}

extension String {
  /// What stands between the first `start` and the next `end`.
  fileprivate func components(between start: String, _ end: String) -> Substring? {
    guard let from = ranges(of: start).first?.upperBound else { return nil }
    guard let to = self[from...].ranges(of: end).first?.lowerBound else { return nil }
    return self[from..<to]
  }
}
