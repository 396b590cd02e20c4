internal import Evaluation

extension EvaluationDetail {
  /// What verification is worth on each part of the people, with intervals, and how far the parts
  /// lie apart.
  func subsetPanel() -> [Markup] {
    guard let subsets else { return [] }
    let titles = ["subset", "pairs", "accuracy", "95 %", "std", "FAR", "95 %", "FRR", "95 %"]
    let rows = subsets.rows.map { row in
      [
        row.name, "\(row.pairCount)", Self.text(row.accuracy), Self.text(row.accuracyInterval),
        Self.text(row.accuracyDeviation), Self.text(row.falseAcceptRate),
        Self.text(row.falseAcceptInterval), Self.text(row.falseRejectRate),
        Self.text(row.falseRejectInterval),
      ]
    }
    let rule =
      "FAR and FRR are at one threshold for all, \(Figure.text(subsets.threshold, digits: 4)), the "
      + "most accurate one on all pairs; accuracy is by folds of a subset's own pairs. Intervals "
      + "are of draws of people."
    return [.element("h3", text: "By subset"), Self.panel(titles, rows)]
      + (subsets.spread.lines("subsets") + [rule]).map {
        .element("p", ["class": "note"], text: $0)
      }
  }

  /// False rejects while the pairs of least quality are left out: a chart for each rate, and the
  /// areas.
  func discardPanels() -> [Markup] {
    guard let discard else { return [] }
    var charts: [Markup] = []
    for rate in ErrorDiscard.targets {
      let curves = discard.curves.filter { $0.targetFAR == rate && !$0.points.isEmpty }
      if !curves.isEmpty { charts.append(Self.discardChart(curves, at: rate)) }
    }
    let titles =
      ["at FAR", "threshold"] + ErrorDiscard.shown.map { "\(Self.percent($0)) out" }
      + ["area", "ideal area"]
    let rows = discard.curves.map { curve in
      [PairScores.name(of: curve.targetFAR), curve.isFixed ? "fixed" : "anew"]
        + ErrorDiscard.shown.map { Self.text(curve.error(without: $0)) }
        + [
          Figure.text(curve.area, digits: 6),
          curve.isFixed ? Figure.text(curve.idealArea, digits: 6) : "",
        ]
    }
    var children = [Markup.element("h3", text: "Error against discard")]
    if !charts.isEmpty { children.append(.element("div", ["class": "charts"], charts)) }
    if !rows.isEmpty { children.append(Self.panel(titles, rows)) }
    return children
      + discard.refusals.map { .element("p", ["class": "note"], text: "No curve \($0).") }
  }

  private static func discardChart(_ curves: [ErrorDiscard.Curve], at rate: Double) -> Markup {
    func points(_ curve: [(discarded: Double, error: Double)]) -> [ChartPoint] {
      curve.map { ChartPoint(x: 100 * $0.discarded, y: $0.error) }
    }
    var series = curves.map { curve in
      LineChart.Series(
        curve.isFixed ? "threshold fixed" : "threshold anew", points(curve.points),
        color: curve.isFixed ? 1 : 2)
    }
    if let fixed = curves.first(where: \.isFixed) {
      series.append(.init("ideal, fixed", points(fixed.ideal), color: 8, isFaint: true))
    }
    return LineChart(
      title: "False rejects at FAR \(PairScores.name(of: rate))", xLabel: "pairs left out, %",
      series: series, x: .exact(holding: [0, 100]),
      y: .linear(holding: series.flatMap { $0.points.map(\.y) }, from: true, ceiling: 1)
    ).render()
  }

  /// A table that can be scrolled by keyboard where it is wider than the page.
  static func panel(_ titles: [String], _ rows: [[String]]) -> Markup {
    let head = Markup.element("tr", [:], titles.map { .element("th", text: $0) })
    let body = rows.map { row in
      Markup.element("tr", [:], row.map { .element("td", text: $0) })
    }
    return .element(
      "div", ["class": "panel rates", "tabindex": "0"], [.element("table", [:], [head] + body)])
  }

  private static func text(_ value: Double?) -> String {
    value.map { Figure.text($0, digits: 6) } ?? "none"
  }

  /// `0.910114 to 0.987459`; nothing without an interval.
  static func text(_ interval: ClosedRange<Double>?) -> String {
    guard let interval else { return "" }
    return Figure.text(interval.lowerBound, digits: 6) + " to "
      + Figure.text(interval.upperBound, digits: 6)
  }

  private static func percent(_ share: Double) -> String { ReportNumber.percent(share, digits: 0) }
}
