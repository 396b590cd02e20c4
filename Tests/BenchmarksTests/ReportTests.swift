import Benchmarks
import Foundation
import Testing

@Suite struct ReportTests {
  private func report(_ rows: [(String, Double, Double)], error: Double? = nil) -> BenchmarkReport {
    BenchmarkReport(
      kind: "kernels", settings: ["models": "x"], machine: ["fma_gflops": 100],
      rows: rows.map { name, best, median in
        var row = BenchmarkRow(name: name, bestSeconds: best, medianSeconds: median)
        if let error { row.figures = ["error": error, "tolerance": 1e-5] }
        return row
      })
  }

  private func verdicts(_ before: BenchmarkReport, _ after: BenchmarkReport) -> [Comparison.Verdict]
  {
    Comparison(before: before, after: after, threshold: 0.05).lines.map(\.verdict)
  }

  @Test func differencesCountBeyondThresholdAndNoise() {
    let before = report([("a", 1, 1), ("b", 1, 1), ("c", 1, 1), ("d", 1, 1.3), ("e", 1, 1)])
    let after = report([
      ("a", 0.9, 0.9), ("b", 1.2, 1.2), ("c", 1.04, 1.04), ("d", 1.2, 1.2), ("e", 0.8, 1.1),
    ])
    // The median of d before, and of e after, lie 30 % and more above the best.
    #expect(verdicts(before, after) == [.faster, .slower, .same, .same, .same])
    let lines = Comparison(before: before, after: after, threshold: 0.05).lines
    #expect(lines[1].ratio.map { abs($0 - 1 / 1.2) < 1e-12 } == true)
  }

  @Test func rowsOfOneReportAloneAreNamed() {
    #expect(
      verdicts(report([("a", 1, 1)]), report([("b", 1, 1)])) == [.onlyBefore, .onlyAfter])
  }

  @Test func aRowThatBecameWrongIsBroken() {
    let right = report([("a", 1, 1)], error: 1e-6)
    for error in [2e-5, .infinity, .nan] {
      let wrong = report([("a", 0.1, 0.1)], error: error)
      #expect(wrong.wrongRows == ["a"])
      #expect(verdicts(right, wrong) == [.broken])
      #expect(verdicts(wrong, wrong) == [.same])
    }
    #expect(right.wrongRows.isEmpty)
  }

  @Test func reportsComeBackFromTheirFile() throws {
    let path = NSTemporaryDirectory() + "report-\(UUID().uuidString).json"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let written = report([("a", 1.5, 2), ("b", 0.25, 0.5)], error: 1e-6)
    try written.write(to: path)
    #expect(try BenchmarkReport.read(path) == written)
    #expect(throws: BenchmarkFailure.self) { try BenchmarkReport.read(path + ".absent") }
  }

  @Test func timingsAreBestAndMedian() {
    let timing = Timing([5, 1, 4, 2, 3])
    #expect(timing.bestSeconds == 1 && timing.medianSeconds == 3)
  }
}
