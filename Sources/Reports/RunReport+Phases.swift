private import Foundation

extension RunReport {
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
