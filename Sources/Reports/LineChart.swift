/// Lines over one axis, drawn as SVG with ticks, a legend and a reading for every stretch.
struct LineChart: Sendable {
  /// One line.
  struct Series: Sendable {
    let name: String
    /// With ascending x; what is not finite is left out.
    let points: [ChartPoint]
    /// 1...5, a colour of the style sheet.
    let color: Int
    var isFaint = false
    /// Level until the next point, as a count's curve is.
    var isStepped = false
    /// Dots alone, without a line.
    var isDots = false

    /// A line called `name`.
    init(
      _ name: String, _ points: [ChartPoint], color: Int, isFaint: Bool = false,
      isStepped: Bool = false, isDots: Bool = false
    ) {
      self.name = name
      self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
      self.color = color
      self.isFaint = isFaint
      self.isStepped = isStepped
      self.isDots = isDots
    }
  }

  let title: String
  let xLabel: String
  let series: [Series]
  let x: ChartScale
  let y: ChartScale
  /// How values are written in readings and on the vertical axis.
  var format: @Sendable (Double) -> String = { ReportNumber.short($0) }
  var xFormat: @Sendable (Double) -> String = { ReportNumber.short($0) }
  /// A sentence under the chart.
  var note = ""

  /// No curve holds more points than this.
  static let pointLimit = 600
  private static let hitCount = 120

  /// The chart as a figure.
  func render() -> Markup {
    let frame = ChartFrame(x: x, y: y, xLabel: xLabel, format: format, xFormat: xFormat)
    var parts = frame.axes()
    let drawn = series.filter { !$0.points.isEmpty }
    for line in drawn { parts += draw(line, in: frame) }
    if let densest = drawn.max(by: { $0.points.count < $1.points.count }) {
      parts += readings(of: drawn, along: densest.points, in: frame)
    }
    let needsLegend = drawn.count > 1 || drawn.first?.name != title.lowercased()
    let legend = drawn.map { ($0.name, "b\($0.color)" + ($0.isFaint ? " faint" : "")) }
    return ChartFrame.figure(
      title: title, parts: parts, legend: needsLegend ? legend : [], note: note)
  }

  private func draw(_ line: Series, in frame: ChartFrame) -> [Markup] {
    let points = Downsampling.keepingExtremes(line.points, limit: Self.pointLimit) {
      x.position(of: $0)
    }
    var parts: [Markup] = []
    if points.count > 1 && !line.isDots {
      var path = ""
      for (index, point) in points.enumerated() {
        let across = ReportNumber.coordinate(frame.across(point.x))
        let down = ReportNumber.coordinate(frame.down(point.y))
        if line.isStepped && index > 0 {
          path += "H\(across)V\(down)"
        } else {
          path += "\(index == 0 ? "M" : "L")\(across) \(down)"
        }
      }
      let kind = line.isFaint ? "line faint" : "line"
      parts.append(.element("path", ["class": "\(kind) s\(line.color)", "d": path]))
    }
    if line.isDots || (points.count <= 40 && !line.isFaint && !line.isStepped) {
      for point in points {
        parts.append(
          .element(
            "circle",
            [
              "class": "dot f\(line.color)", "r": line.isDots ? "4" : "2.5",
              "cx": ReportNumber.coordinate(frame.across(point.x)),
              "cy": ReportNumber.coordinate(frame.down(point.y)),
            ]))
      }
    }
    return parts
  }

  /// Invisible columns whose hover titles tell the values under them.
  private func readings(
    of lines: [Series], along points: [ChartPoint], in frame: ChartFrame
  ) -> [Markup] {
    let stride = max(1, (points.count + Self.hitCount - 1) / Self.hitCount)
    let chosen = Swift.stride(from: 0, to: points.count, by: stride).map { points[$0] }
    return chosen.indices.map { index in
      let here = frame.across(chosen[index].x)
      let left = index == 0 ? frame.left : (frame.across(chosen[index - 1].x) + here) / 2
      let right =
        index == chosen.count - 1 ? frame.right : (here + frame.across(chosen[index + 1].x)) / 2
      var reading = "\(xLabel) \(xFormat(chosen[index].x))"
      for line in lines {
        guard let value = Self.value(of: line, near: chosen[index].x) else { continue }
        reading += "\n\(line.name): \(format(value))"
      }
      return frame.column(from: left, to: right, title: reading)
    }
  }

  /// The value at `x` or at the last point before it.
  private static func value(of line: Series, near x: Double) -> Double? {
    var low = 0
    var high = line.points.count
    while low < high {
      let middle = (low + high) / 2
      if line.points[middle].x <= x { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? line.points[low - 1].y : line.points.first?.y
  }
}
