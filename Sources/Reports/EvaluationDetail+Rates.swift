internal import Evaluation

extension EvaluationDetail {
  /// False rejects against false accepts, both on logarithmic axes (Martin et al., 1997).
  func detChart() -> Markup {
    // A rate of zero has no place on a logarithmic axis.
    let points = roc.filter { $0.falseAcceptRate > 0 && $0.trueAcceptRate < 1 }.map {
      ChartPoint(x: $0.falseAcceptRate, y: 1 - $0.trueAcceptRate)
    }
    let x = ChartScale.logarithmic(holding: points.map(\.x) + [1])
    let y = ChartScale.logarithmic(holding: points.map(\.y) + [1])
    return LineChart(
      title: "DET", xLabel: "false-accept rate",
      series: [.init("false rejects", points, color: 1, isStepped: true)], x: x, y: y,
      note: points.isEmpty ? "No threshold makes errors of both kinds." : ""
    ).render()
  }

  /// True-accept rates by false-accept rate, with what there is too little data for.
  func ratePanel() -> [Markup] {
    guard let table else { return [] }
    let titles = ["FAR", "TAR", "95 %", "threshold", "reached FAR", "nearest TAR", "at FAR"]
    let head = Markup.element("tr", [:], titles.map { .element("th", text: $0) })
    let rows = table.rates.map { rate -> Markup in
      let name = Markup.element("td", text: PairScores.name(of: rate.targetFAR))
      if let refusal = rate.refusal {
        return .element(
          "tr", [:], [name, .element("td", ["class": "none", "colspan": "6"], text: refusal)])
      }
      let cells = [
        Figure.text(rate.strict.trueAcceptRate, digits: 6), Self.text(rate.interval),
        Figure.text(rate.strict.threshold, digits: 4),
        AcceptRate.rateText(rate.strict.falseAcceptRate),
        Figure.text(rate.nearest.trueAcceptRate, digits: 6),
        AcceptRate.rateText(rate.nearest.falseAcceptRate),
      ]
      return .element("tr", [:], [name] + cells.map { .element("td", text: $0) })
    }
    let accuracy = Self.text(table.accuracyInterval)
    let notes = table.rule + "." + (accuracy.isEmpty ? "" : " Accuracy, 95 %: \(accuracy).")
    return [
      .element(
        "div", ["class": "panel rates", "tabindex": "0"], [.element("table", [:], [head] + rows)]),
      .element("p", ["class": "note"], text: notes),
    ]
  }
}
