private import Datasets
internal import Evaluation
private import Foundation

extension RunReport {
  /// ROC, histogram and the table of figures of the last evaluation.
  func evaluationPanels() -> [Markup] {
    guard let evaluation else { return [] }
    var panels: [Markup] = []
    if evaluation.roc.count > 1 {
      panels.append(rocChart(evaluation))
      panels.append(detChart(evaluation.roc))
    }
    if let histogram = evaluation.histogram {
      panels.append(
        HistogramChart(histogram: histogram, threshold: evaluation.threshold).render())
    }
    var children = panels.isEmpty ? [] : [Markup.element("div", ["class": "charts"], panels)]
    let rows = evaluation.figures.map { figure in
      Markup.element(
        "div", [:],
        [
          .element("dt", text: figure.name),
          .element("dd", text: Figure.text(figure.value, digits: figure.digits)),
        ])
    }
    if !rows.isEmpty { children.append(.element("dl", ["class": "panel figures"], rows)) }
    children += ratePanel(evaluation.table)
    children += evaluation.rules.map { .element("p", ["class": "note"], text: $0) }
    return children + setPanels()
  }

  /// The printed figures of every set, where there are several.
  private func setPanels() -> [Markup] {
    evaluationSets.flatMap { name, figures -> [Markup] in
      let rows = figures.filter(\.isHeadline).map { figure in
        Markup.element(
          "div", [:],
          [
            .element("dt", text: figure.name),
            .element("dd", text: Figure.text(figure.value, digits: figure.digits)),
          ])
      }
      return [.element("h3", text: name), .element("dl", ["class": "panel figures"], rows)]
    }
  }

  private func rocChart(_ evaluation: EvaluationDetail) -> Markup {
    let smallest = evaluation.roc.map(\.falseAcceptRate).filter { $0 > 0 }.min() ?? 1e-3
    let x = ChartScale.logarithmic(holding: [smallest, 1])
    // No rate of zero has a place on a logarithmic axis: the curve enters from its left edge.
    let points = evaluation.roc.map {
      ChartPoint(x: max($0.falseAcceptRate, x.low), y: $0.trueAcceptRate)
    }
    let rates = evaluation.validationRates.sorted { $0.targetFAR < $1.targetFAR }
    let dots = rates.map { ChartPoint(x: $0.targetFAR, y: $0.mean) }
    let shown = dots.filter { $0.x >= x.low }
    let y = ChartScale.linear(holding: points.map(\.y) + shown.map(\.y) + [1], ceiling: 1)
    return LineChart(
      title: "ROC", xLabel: "false-accept rate",
      series: [
        .init("all pairs at once", points, color: 1, isStepped: true),
        .init("VAL, mean of the folds", shown, color: 2, isDots: true),
      ], x: x, y: y
    ).render()
  }

  /// The pairs verification got most wrong, with their pictures.
  func worstPairPanels() -> [Markup] {
    let pairs = evaluation?.worstPairs ?? []
    let kinds = [
      (true, "The same person, furthest apart"), (false, "Different people, closest together"),
    ]
    return kinds.flatMap { isSame, title -> [Markup] in
      let mine = pairs.filter { $0.isSame == isSame }
      guard !mine.isEmpty else { return [] }
      return [
        .element("h3", text: title), .element("div", ["class": "pairs"], mine.map(pairFigure)),
      ]
    }
  }

  private func pairFigure(_ pair: PicturePair) -> Markup {
    let names =
      pair.firstName == pair.secondName ? [pair.firstName] : [pair.firstName, pair.secondName]
    let caption =
      [Markup.element("b", text: Figure.text(pair.distance, digits: 3))]
      + names.map { .element("span", text: Self.shortName($0)) }
    return .element(
      "figure", ["class": "panel pair"],
      [
        .element(
          "div", [:],
          [
            picture(pair.firstJPEG, name: pair.firstName),
            picture(pair.secondJPEG, name: pair.secondName),
          ]), .element("figcaption", [:], caption),
      ])
  }

  /// `path` without its extension, and without its folder where the name repeats that, as in LFW.
  private static func shortName(_ path: String) -> String {
    var parts = path.split(separator: "/")
    guard let name = parts.popLast() else { return path }
    let stem = name.split(separator: ".").dropLast().joined(separator: ".")
    let shown = stem.isEmpty ? String(name) : stem
    if let folder = parts.last, shown.hasPrefix(folder) { return shown }
    return (parts.map(String.init) + [shown]).joined(separator: "/")
  }

  private func picture(_ file: [UInt8], name: String) -> Markup {
    guard !file.isEmpty else { return .element("div", ["class": "missing"], text: "no picture") }
    let source = "data:\(Self.mediaType(file));base64," + Data(file).base64EncodedString()
    return .element("img", ["alt": name, "loading": "lazy", "src": source])
  }

  private static func mediaType(_ file: [UInt8]) -> String {
    switch file.withUnsafeBytes({ ImageFormat($0) }) {
    case .png: "image/png"
    case .webP: "image/webp"
    default: "image/jpeg"
    }
  }

  /// A bar of the phases with their seconds and shares.
  func phasePanel() -> [Markup] {
    let known = phases.filter { $0.seconds.isFinite && $0.seconds > 0 }
    let total = known.reduce(0) { $0 + $1.seconds }
    guard total > 0 else { return [] }
    var segments: [Markup] = []
    var keys: [Markup] = []
    for (index, phase) in known.enumerated() {
      let color = index % 8 + 1
      let share = ReportNumber.percent(phase.seconds / total, digits: 1)
      let text = "\(phase.name): \(ReportNumber.duration(phase.seconds)), \(share)"
      let width = String(format: "%.3f%%", 100 * phase.seconds / total)
      segments.append(
        .element("i", ["class": "b\(color)", "style": "width:\(width)", "title": text], text: ""))
      keys.append(
        .element(
          "span", ["class": "key"],
          [
            .element("i", ["class": "b\(color)"], text: ""), .text(phase.name + " "),
            .element("b", text: share), .text(" " + ReportNumber.duration(phase.seconds)),
          ]))
    }
    return [
      .element(
        "div", ["class": "panel"],
        [
          .element("div", ["class": "bar"], segments),
          .element("div", ["class": "legend wide"], keys),
        ])
    ]
  }
}
