internal import Evaluation

/// Two histograms over one axis of distances.
struct HistogramChart: Sendable {
  let histogram: DistanceHistogram
  /// Where a pair stops being accepted, if known.
  let threshold: Double?

  /// The chart as a figure.
  func render() -> Markup {
    let lastBin = histogram.same.indices.last {
      histogram.same[$0] + histogram.different[$0] > 0
    }
    let binCount = (lastBin ?? 0) + 1
    let width = histogram.binWidth
    let x = ChartScale.exact(holding: [0, Double(binCount) * width])
    let counts = histogram.same.prefix(binCount) + histogram.different.prefix(binCount)
    let y = ChartScale.linear(holding: counts.map(Double.init), from: true)
    let frame = ChartFrame(
      x: x, y: y, xLabel: "squared distance", format: ReportNumber.short,
      xFormat: ReportNumber.short)
    var parts = frame.axes()
    parts.append(area(histogram.different.prefix(binCount), color: 2, in: frame))
    parts.append(area(histogram.same.prefix(binCount), color: 1, in: frame))
    if let threshold, threshold <= x.high {
      let place = frame.across(threshold)
      parts.append(frame.rule("mark", place, frame.top, place, frame.bottom))
    }
    for bin in 0..<binCount {
      let low = Double(bin) * width
      let title =
        "\(ReportNumber.short(low)) to \(ReportNumber.short(low + width))\n"
        + "same person: \(histogram.same[bin])\ndifferent people: \(histogram.different[bin])"
      parts.append(
        frame.column(from: frame.across(low), to: frame.across(low + width), title: title))
    }
    return ChartFrame.figure(
      title: "Distances of the pairs", parts: parts,
      legend: [("same person", "b1"), ("different people", "b2")],
      note: threshold.map { "Dashed: the mean threshold, \(ReportNumber.short($0))." } ?? "")
  }

  private func area(_ counts: ArraySlice<Int>, color: Int, in frame: ChartFrame) -> Markup {
    var path = "M\(ReportNumber.coordinate(frame.across(0))) "
    path += ReportNumber.coordinate(frame.bottom)
    for (bin, count) in counts.enumerated() {
      let right = frame.across(Double(bin + 1) * histogram.binWidth)
      path += "V\(ReportNumber.coordinate(frame.down(Double(count))))"
      path += "H\(ReportNumber.coordinate(right))"
    }
    path += "V\(ReportNumber.coordinate(frame.bottom))Z"
    return .element("path", ["class": "area s\(color) f\(color)", "d": path])
  }
}
