/// The frame of a chart: where data lands on the drawing, and its axes.
struct ChartFrame: Sendable {
  let x: ChartScale
  let y: ChartScale
  let xLabel: String
  let format: @Sendable (Double) -> String
  let xFormat: @Sendable (Double) -> String

  static let width = 560.0
  static let height = 250.0
  let left = 54.0
  let right = Self.width - 14
  let top = 12.0
  let bottom = Self.height - 38

  /// The horizontal place of `value`.
  func across(_ value: Double) -> Double { left + x.position(of: value) * (right - left) }

  /// The vertical place of `value`.
  func down(_ value: Double) -> Double { bottom - y.position(of: value) * (bottom - top) }

  /// Grid lines and the writing on both axes.
  func axes() -> [Markup] {
    var parts: [Markup] = []
    for tick in y.ticks {
      let place = down(tick)
      parts.append(rule("grid", left, place, right, place))
      parts.append(write(format(tick), at: left - 7, place + 4, anchor: "end"))
    }
    for tick in x.ticks {
      let place = across(tick)
      parts.append(rule("tick", place, bottom, place, bottom + 4))
      // At the ends it would leave the drawing, or lie on the writing of the other axis.
      let anchor = place < left + 8 ? "start" : place > right - 8 ? "end" : "middle"
      parts.append(write(xFormat(tick), at: place, bottom + 17, anchor: anchor))
    }
    parts.append(rule("axis", left, bottom, right, bottom))
    parts.append(
      write(xLabel, at: (left + right) / 2, Self.height - 5, anchor: "middle", class: "label"))
    return parts
  }

  /// A line of class `name`.
  func rule(_ name: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> Markup {
    .element(
      "line",
      [
        "class": name, "x1": ReportNumber.coordinate(x1), "y1": ReportNumber.coordinate(y1),
        "x2": ReportNumber.coordinate(x2), "y2": ReportNumber.coordinate(y2),
      ])
  }

  /// Text that starts, ends or is centred at a place.
  func write(
    _ text: String, at x: Double, _ y: Double, anchor: String, class name: String = "value"
  ) -> Markup {
    .element(
      "text",
      [
        "class": name, "x": ReportNumber.coordinate(x), "y": ReportNumber.coordinate(y),
        "text-anchor": anchor,
      ], text: text)
  }

  /// An invisible column over the height of the chart that shows `title` when pointed at.
  func column(from left: Double, to right: Double, title: String) -> Markup {
    .element(
      "rect",
      [
        "class": "hit", "x": ReportNumber.coordinate(left), "y": ReportNumber.coordinate(top),
        "width": ReportNumber.coordinate(max(0.5, right - left)),
        "height": ReportNumber.coordinate(bottom - top),
      ], [.element("title", text: title)])
  }

  /// The drawing with its title, legend and note.
  static func figure(
    title: String, parts: [Markup], legend: [(name: String, class: String)], note: String
  ) -> Markup {
    let keys = legend.map { key in
      Markup.element(
        "span", ["class": "key"],
        [.element("i", ["class": key.class], text: ""), .text(key.name)])
    }
    var children = [
      Markup.element(
        "figcaption", [:],
        [.element("h3", text: title), .element("span", ["class": "legend"], keys)]),
      .element(
        "svg",
        [
          "viewBox": "0 0 \(ReportNumber.coordinate(width)) \(ReportNumber.coordinate(height))",
          "role": "img", "aria-label": title,
        ], parts),
    ]
    if !note.isEmpty { children.append(.element("p", ["class": "note"], text: note)) }
    return .element("figure", ["class": "panel"], children)
  }
}
