package import Evaluation

/// What `evaluate` has measured as one page for people: self-contained, without scripts or network.
package struct EvaluationReport: Sendable {
  /// The heading of the page.
  private let title: String
  /// A line each under the title, such as what was measured and with which weights.
  private let facts: [String]
  /// The sets by their names, in the order in which they were measured.
  private var sets: [(name: String, detail: EvaluationDetail)] = []
  /// What is of all sets, such as their mean accuracy.
  private var summary: [String] = []

  /// A page called `title`, without a set yet.
  package init(title: String, facts: [String]) {
    (self.title, self.facts) = (title, facts)
  }

  /// Adds a set called `name`, which may be empty where it is the only one.
  package mutating func add(_ detail: EvaluationDetail, called name: String) {
    sets.append((name, detail))
  }

  /// Adds what `results` say of all of their sets together.
  package mutating func add(summaryOf results: SetResults) { summary += results.summary }

  /// The page as one HTML text.
  package func render() -> String {
    let header = Markup.element(
      "header", [:],
      [.element("h1", text: title)] + facts.map { .element("p", text: $0) })
    var main = [header]
    for (name, detail) in sets {
      let prefix = name.isEmpty || sets.count == 1 ? "" : "\(name): "
      main += detail.warnings.map { .element("p", ["class": "warning"], text: prefix + $0) }
    }
    if !summary.isEmpty {
      let lines = summary.map { Markup.element("li", text: $0) }
      main.append(
        ReportPage.section("All sets", [.element("ul", ["class": "panel facts"], lines)]))
    }
    for (name, detail) in sets {
      main += [
        ReportPage.section(name.isEmpty ? "Evaluation" : name, detail.panels()),
        ReportPage.section("Worst pairs", detail.worstPairPanels()),
      ]
    }
    return ReportPage.text(title: title, main)
  }
}
