import Determinism
import Reports
import Testing
import Training

@Suite struct ReportChartTests {
  private func noise(count: Int) -> [ChartPoint] {
    let random = CounterRandom(seed: 7, purpose: .testing)
    return (0..<count).map { ChartPoint(x: Double($0), y: random.normal($0)) }
  }

  @Test func downsamplingKeepsEndsSpikesAndOrder() {
    var points = noise(count: 10_000)
    points[3333] = ChartPoint(x: 3333, y: 50)
    points[7001] = ChartPoint(x: 7001, y: -60)
    let kept = Downsampling.keepingExtremes(points, limit: 600) { $0 / 10_000 }
    #expect(kept.count <= 600)
    #expect(kept.count > 500)
    #expect(kept.first == points.first)
    #expect(kept.last == points.last)
    #expect(kept.contains(points[3333]))
    #expect(kept.contains(points[7001]))
    #expect(zip(kept, kept.dropFirst()).allSatisfy { $0.x < $1.x })
  }

  @Test func everyStretchKeepsItsLowestAndHighest() {
    let points = noise(count: 1000)
    let kept = Downsampling.keepingExtremes(points, limit: 22) { $0 }
    // Ten stretches of 99.9 steps.
    for stretch in 0..<10 {
      let low = max(1, Double(stretch) * 99.9)
      let mine = points.dropLast().filter { $0.x >= low && $0.x < Double(stretch + 1) * 99.9 }
      let ys = mine.map(\.y)
      #expect(kept.map(\.y).contains(ys.min() ?? .nan))
      #expect(kept.map(\.y).contains(ys.max() ?? .nan))
    }
  }

  @Test func shortCurvesAreKeptWhole() {
    let points = noise(count: 600)
    #expect(Downsampling.keepingExtremes(points, limit: 600) { $0 } == points)
    #expect(Downsampling.keepingExtremes([], limit: 600) { $0 } == [])
    let still = (0..<900).map { _ in ChartPoint(x: 5, y: 1) }
    #expect(Downsampling.keepingExtremes(still, limit: 600) { $0 }.count <= 600)
  }

  @Test func smoothingKeepsLinesStraight() {
    let line = (0..<50).map { ChartPoint(x: Double($0), y: 3 * Double($0) + 1) }
    for (a, b) in zip(Downsampling.smoothed(line, reach: 5), line) {
      #expect(abs(a.y - b.y) < 1e-9)
    }
    let spike = (0..<9).map { ChartPoint(x: Double($0), y: $0 == 4 ? 5 : 0) }
    #expect(
      Downsampling.smoothed(spike, reach: 2).map(\.y).map { ($0 * 1e6).rounded() / 1e6 }
        == [0, 0, 1, 1, 1, 1, 1, 0, 0])
  }

  @Test func linearScalesEndOnRoundTicks() {
    let scale = ChartScale.linear(holding: [3.1, 41.7])
    #expect(scale.low == 0)
    #expect(scale.high == 50)
    #expect(scale.ticks == [0, 10, 20, 30, 40, 50])
    #expect(scale.position(of: 25) == 0.5)
    #expect(scale.position(of: 99) == 1)
    let share = ChartScale.linear(holding: [0.62, 0.985], ceiling: 1)
    #expect(share.high == 1)
    #expect(abs(share.low - 0.6) < 1e-12)
    let flat = ChartScale.linear(holding: [7])
    #expect(flat.low < 7 && flat.high > 7)
    let zero = ChartScale.linear(holding: [0, 0], from: true)
    #expect(zero.low == 0 && zero.high > 0)
    #expect(ChartScale.linear(holding: []).ticks.count > 1)
  }

  @Test func logarithmicScalesSpanDecades() {
    let scale = ChartScale.logarithmic(holding: [0.0004, 0.3, 0, -1])
    #expect(scale.ticks == [1e-4, 1e-3, 1e-2, 1e-1, 1])
    #expect(abs(scale.position(of: 1e-2) - 0.5) < 1e-12)
    #expect(scale.position(of: 0) == 0)
    #expect(ChartScale.logarithmic(holding: [2, 3]).ticks == [1, 2, 5, 10])
    #expect(ChartScale.logarithmic(holding: [1e-30, 1e30]).ticks.count <= 8)
    #expect(ChartScale.automatic(holding: [1, 20], ratio: 30).isLogarithmic == false)
    #expect(ChartScale.automatic(holding: [1, 50], ratio: 30).isLogarithmic)
    #expect(ChartScale.automatic(holding: [0, 50], ratio: 30).isLogarithmic == false)
  }

  @Test func stepAxesHaveWholeTicks() {
    #expect(ChartScale.exact(holding: [1, 3]).ticks == [1, 2, 3])
    #expect(ChartScale.exact(holding: [1]).ticks == [0, 1, 2])
    #expect(ChartScale.exact(holding: [1, 4200]).ticks == [1000, 2000, 3000, 4000])
  }

  @Test func numbersAreShort() {
    let cases: [(Double, String)] = [
      (0, "0"), (0.0001, "1e-4"), (2.5e-5, "2.5e-5"), (0.001, "0.001"), (0.05, "0.05"),
      (0.123456, "0.123"), (3.14159, "3.142"), (42, "42"), (250, "250"), (1234.5, "1234"),
      (12_500, "12.5k"), (3_400_000, "3.4M"), (-0.5, "-0.5"), (.infinity, "inf"),
    ]
    for (value, text) in cases { #expect(ReportNumber.short(value) == text) }
    #expect(ReportNumber.grouped(1_234_567) == "1,234,567")
    #expect(ReportNumber.grouped(-12) == "-12")
    #expect(ReportNumber.duration(0.018) == "18 ms")
    #expect(ReportNumber.duration(4.25) == "4.2 s")
    #expect(ReportNumber.duration(200) == "3 min 20 s")
    #expect(ReportNumber.duration(3725) == "1 h 02 min")
    #expect(ReportNumber.duration(.nan) == "nan s")
    #expect(ReportNumber.percent(0.9905) == "99.05 %")
  }
}
