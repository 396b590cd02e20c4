internal import Evaluation

extension RunReport {
  /// The key figures, first thing on the page.
  func cards() -> Markup {
    var cards: [Markup] = []
    let figures = evaluation?.figures ?? []
    func value(_ name: String) -> Double? { figures.first { $0.name == name }?.value }
    if let accuracy = value("accuracy") {
      let spread = value("accuracy-std").map { "± \(ReportNumber.percent($0))" } ?? ""
      cards.append(card("Verification accuracy", ReportNumber.percent(accuracy), spread))
    }
    // Those that too few pairs decide are no headline.
    let sound = ["1e-3", "1e-2", "1e-1"].compactMap { name -> (name: String, value: Double)? in
      let figure = figures.first { $0.name == "VAL@FAR=\(name)" && $0.refusal == nil }
      return figure.map { (name, $0.value) }
    }
    if let rate = sound.first {
      let next = sound.dropFirst().first
      cards.append(
        card(
          "VAL at FAR \(rate.name)", ReportNumber.percent(rate.value),
          next.map { "\(ReportNumber.percent($0.value)) at FAR \($0.name)" } ?? ""))
    }
    if let closedSet = value("closed-set") {
      let dot = value("closed-set-dot").map { "\(ReportNumber.percent($0)) by raw products" } ?? ""
      cards.append(card("Closed-set accuracy", ReportNumber.percent(closedSet), dot))
    }
    if let rank1 = value("rank-1") {
      cards.append(card("Rank-1 identification", ReportNumber.percent(rank1), galleryText(value)))
    }
    if let last = steps.last(where: { $0.loss.isFinite }) {
      cards.append(
        card("Loss", ReportNumber.short(last.loss), "step \(ReportNumber.grouped(last.step))"))
    }
    let rates = steps.map(\.imagesPerSecond).filter(\.isFinite).sorted()
    if !rates.isEmpty {
      cards.append(card("Images/s", ReportNumber.short(rates[rates.count / 2]), "median step"))
    }
    let seen = summary.imagesSeen > 0 ? "\(ReportNumber.grouped(summary.imagesSeen)) images" : ""
    cards.append(card("Wall time", ReportNumber.duration(summary.wallSeconds), seen))
    cards.append(
      card(
        "People trained on", ReportNumber.grouped(summary.people),
        "\(ReportNumber.grouped(summary.photos)) photos"
          + (summary.leftOutOfEpoch > 0
            ? ", of which each epoch leaves out \(ReportNumber.grouped(summary.leftOutOfEpoch))"
            : "")
      ))
    if !summary.weightsHash.isEmpty {
      let skipped = summary.skippedSteps
      let detail = skipped == 0 ? "hash" : "hash; \(ReportNumber.grouped(skipped)) steps skipped"
      cards.append(card("Weights", summary.weightsHash, detail, isCode: true))
    }
    return .element("div", ["class": "cards"], cards)
  }

  private func galleryText(_ value: (String) -> Double?) -> String {
    guard let probes = value("probes"), let gallery = value("gallery") else { return "" }
    return "\(ReportNumber.grouped(Int(probes))) probes, "
      + "\(ReportNumber.grouped(Int(gallery))) enrolled"
  }

  private func card(
    _ name: String, _ value: String, _ detail: String, isCode: Bool = false
  ) -> Markup {
    .element(
      "div", ["class": isCode ? "card code" : "card"],
      [
        .element("span", ["class": "name"], text: name), .element("b", text: value),
        .element("span", ["class": "detail"], text: detail),
      ])
  }
}
