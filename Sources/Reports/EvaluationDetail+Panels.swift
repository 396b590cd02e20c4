private import Datasets
internal import Evaluation
private import Foundation

extension EvaluationDetail {
  /// ROC, DET and histogram, the figures, and the tables.
  func panels() -> [Markup] {
    var charts: [Markup] = []
    if roc.count > 1 { charts += [rocChart(), detChart()] }
    if let histogram {
      charts.append(HistogramChart(histogram: histogram, threshold: threshold).render())
    }
    var children = charts.isEmpty ? [] : [Markup.element("div", ["class": "charts"], charts)]
    if !figures.isEmpty { children.append(Self.list(figures)) }
    children += ratePanel()
    children += rules.map { .element("p", ["class": "note"], text: $0) }
    return children + subsetPanel() + discardPanels()
  }

  /// `figures` by their names, with why there is none in place of one that too few data decide, and
  /// none of what stands beside that.
  static func list(_ figures: [Figure]) -> Markup {
    let rows = figures.filter { $0.isHeadline || $0.refusal == nil }.map { figure in
      Markup.element(
        "div", [:], [.element("dt", text: figure.name), .element("dd", text: figure.text)])
    }
    return .element("dl", ["class": "panel figures"], rows)
  }

  private func rocChart() -> Markup {
    let smallest = roc.map(\.falseAcceptRate).filter { $0 > 0 }.min() ?? 1e-3
    let x = ChartScale.logarithmic(holding: [smallest, 1])
    // No rate of zero has a place on a logarithmic axis: the curve enters from its left edge.
    let points = roc.map {
      ChartPoint(x: max($0.falseAcceptRate, x.low), y: $0.trueAcceptRate)
    }
    let rates = validationRates.sorted { $0.targetFAR < $1.targetFAR }
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
    let kinds = [
      (true, "The same person, furthest apart"), (false, "Different people, closest together"),
    ]
    return kinds.flatMap { isSame, title -> [Markup] in
      let mine = worstPairs.filter { $0.isSame == isSame }
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
    // Stored embeddings have names alone.
    let pictures = Markup.element(
      "div", [:],
      [
        picture(pair.firstJPEG, name: pair.firstName),
        picture(pair.secondJPEG, name: pair.secondName),
      ])
    return .element(
      "figure", ["class": "panel pair"],
      (pair.hasPicture ? [pictures] : []) + [.element("figcaption", [:], caption)])
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
}
