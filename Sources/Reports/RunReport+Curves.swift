internal import Evaluation

extension RunReport {
  /// Above this ratio of largest to smallest a curve is drawn on a logarithmic axis.
  private static let logarithmicRatio = 30.0
  /// Curves longer than this are drawn faint, with their running mean.
  private static let smoothedLength = 60

  /// Loss, figures over time, learning rate, throughput and gradient norm.
  func curves() -> [Markup] {
    var charts: [Markup] = []
    if !steps.isEmpty {
      charts.append(curve("Loss", \.loss, color: 1, smoothed: true))
    }
    if steps.contains(where: { $0.teacherCosine.isFinite }) {
      charts.append(curve("Cosine to the teacher", \.teacherCosine, color: 5, smoothed: true))
    }
    charts += tripletCurves()
    if let chart = figuresOverTime() { charts.append(chart) }
    if !steps.isEmpty {
      charts += [
        curve("Learning rate", \.learningRate, color: 3),
        curve("Images per second", \.imagesPerSecond, color: 2, fromZero: true, smoothed: true),
        curve("Gradient norm", \.gradientNorm, color: 4, smoothed: true),
      ]
    }
    return charts.isEmpty ? [] : [.element("div", ["class": "charts"], charts)]
  }

  private func curve(
    _ title: String, _ value: (Step) -> Double, color: Int, fromZero: Bool = false,
    smoothed: Bool = false
  ) -> Markup {
    let points = points(value)
    let finite = points.filter { $0.y.isFinite }
    let values = finite.map(\.y)
    var series = [LineChart.Series(title.lowercased(), finite, color: color)]
    if smoothed && finite.count > Self.smoothedLength {
      let reach = Self.reach(finite.count)
      series = [
        .init("each step", finite, color: color, isFaint: true),
        .init(
          "mean of \(2 * reach + 1)", Downsampling.smoothed(finite, reach: reach), color: color),
      ]
    }
    let y =
      fromZero
      ? ChartScale.linear(holding: values, from: true)
      : ChartScale.automatic(holding: values, ratio: Self.logarithmicRatio)
    let lost = points.count - finite.count
    return LineChart(
      title: title, xLabel: "step", series: series, x: stepScale(), y: y,
      xFormat: { ReportNumber.grouped(Int($0)) },
      note: lost == 0 ? "" : "\(lost) step\(lost == 1 ? "" : "s") without a finite value."
    ).render()
  }

  private func points(_ value: (Step) -> Double) -> [ChartPoint] {
    steps.map { ChartPoint(x: Double($0.step), y: value($0)) }
  }

  /// How many steps before and behind one are in its running mean, of `count`.
  private static func reach(_ count: Int) -> Int { max(2, count / 100) }

  /// The share of triplets with a loss, and distances of pairs; none with other losses.
  private func tripletCurves() -> [Markup] {
    guard steps.contains(where: { $0.triplets != nil }) else { return [] }
    let distances: [(name: String, value: (Step) -> Double)] = [
      ("two people", { $0.triplets?.negativeDistance ?? .nan }),
      ("one person", { $0.triplets?.positiveDistance ?? .nan }),
    ]
    var reach = 0
    let series = distances.enumerated().map { index, distance in
      let finite = points(distance.value).filter { $0.y.isFinite }
      guard finite.count > Self.smoothedLength else {
        return LineChart.Series(distance.name, finite, color: index + 1)
      }
      reach = Self.reach(finite.count)
      return LineChart.Series(
        distance.name, Downsampling.smoothed(finite, reach: reach), color: index + 1)
    }
    return [
      curve(
        "Active share of triplets", { $0.triplets?.activeShare ?? .nan }, color: 6, fromZero: true,
        smoothed: true),
      LineChart(
        title: "Squared distance in a batch", xLabel: "step", series: series, x: stepScale(),
        y: .linear(holding: series.flatMap { $0.points.map(\.y) }, from: true),
        xFormat: { ReportNumber.grouped(Int($0)) },
        note: reach == 0 ? "" : "Means of \(2 * reach + 1) steps."
      ).render(),
    ]
  }

  /// The steps from the first to the last that anything is known of.
  private func stepScale() -> ChartScale {
    let known = steps.map { Double($0.step) } + evaluations.map { Double($0.step) }
    return .exact(holding: known)
  }

  /// One line for each figure that is a share of one.
  private func figuresOverTime() -> Markup? {
    let refused = evaluation?.figures.filter { $0.refusal != nil }.map(\.name) ?? []
    let names = ["accuracy", "VAL@FAR=1e-2", "VAL@FAR=1e-3", "rank-1", "closed-set"].filter {
      !refused.contains($0)
    }
    var series: [LineChart.Series] = []
    for (index, name) in names.enumerated() {
      let points = evaluations.compactMap { point in
        point.figures[name].map { ChartPoint(x: Double(point.step), y: $0) }
      }
      if !points.isEmpty { series.append(.init(name, points, color: index + 1)) }
    }
    let values = series.flatMap { $0.points.map(\.y) }
    guard !values.isEmpty else { return nil }
    return LineChart(
      title: "Figures over time", xLabel: "step", series: series, x: stepScale(),
      y: .linear(holding: values, ceiling: 1), xFormat: { ReportNumber.grouped(Int($0)) }
    ).render()
  }
}
