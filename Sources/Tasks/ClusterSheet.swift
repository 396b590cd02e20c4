internal import Evaluation
private import Foundation
internal import Reports

/// The clusters as one HTML page that holds its pictures.
struct ClusterSheet {
  private let answer: ClusterAnswer
  private let title: String
  private let picture: (Int) -> [UInt8]?

  /// How many photos of one cluster, how many clusters, and how many photos that are alone are
  /// shown.
  private static let photoLimit = 48
  private static let clusterLimit = 300
  private static let aloneLimit = 96

  /// A sheet of `answer`; `picture` gives the JPEG of a photo, nil where there is none.
  init(_ answer: ClusterAnswer, title: String, picture: @escaping (Int) -> [UInt8]?) {
    self.answer = answer
    self.title = title
    self.picture = picture
  }

  func render() -> String {
    var header = [
      Markup.element("h1", text: title), .element("p", text: answer.summary),
    ]
    if let rule = answer.thresholdRule { header.append(.element("p", text: "threshold \(rule)")) }
    let main = [Markup.element("header", [:], header)] + figures() + groups() + alone()
    return ReportPage.text(title: title, css: ReportPage.facesCSS, main)
  }

  private func figures() -> [Markup] {
    guard let scores = answer.scores else { return [] }
    let shown = ["pairwise-F", "BCubed-F", "NMI"].compactMap { name in
      scores.figures.first { $0.name == name }
    }
    let cards = shown.map { figure in
      Markup.element(
        "div", ["class": "card"],
        [
          .element("span", ["class": "name"], text: figure.name),
          .element("b", text: ReportNumber.percent(figure.value)),
        ])
    }
    let detail = Markup.element(
      "p", ["class": "note"],
      text: "Scored on \(scores.photoCount) photos of \(scores.personCount) people by their "
        + "folders. A frame marks a photo of another person than most of its cluster.")
    return [.element("div", ["class": "cards"], cards), detail]
  }

  private func groups() -> [Markup] {
    guard !answer.groups.isEmpty else { return [] }
    var children: [Markup] = []
    for (number, cluster) in answer.groups.prefix(Self.clusterLimit).enumerated() {
      var words = "\(cluster.members.count) photos"
      if let person = cluster.person {
        words += ", \(cluster.ofPerson) of \(person)"
      }
      children.append(
        .element(
          "figure", ["class": "panel found"],
          [
            .element(
              "figcaption", [:],
              [.element("b", text: "\(number + 1)"), .element("span", text: words)]),
            faces(byPerson(cluster), limit: Self.photoLimit, person: cluster.person),
          ]))
    }
    let left = answer.groups.count - Self.clusterLimit
    if left > 0 {
      children.append(.element("p", ["class": "note"], text: "And \(left) smaller clusters."))
    }
    return [ReportPage.section("Clusters", children)]
  }

  /// The photos of the cluster's person first, then those of others.
  private func byPerson(_ cluster: ClusterAnswer.Cluster) -> [Int] {
    let own = cluster.members.filter { !isOther($0, than: cluster.person) }
    return own + cluster.members.filter { isOther($0, than: cluster.person) }
  }

  private func isOther(_ photo: Int, than person: String?) -> Bool {
    guard let person, let own = answer.people[photo] else { return false }
    return own != person
  }

  private func alone() -> [Markup] {
    let photos = answer.clusters.dropFirst(answer.groups.count).map { $0.members[0] }
    guard !photos.isEmpty else { return [] }
    return [
      ReportPage.section(
        "Alone (\(photos.count))",
        [
          .element(
            "figure", ["class": "panel found"],
            [faces(photos, limit: Self.aloneLimit, person: nil)])
        ])
    ]
  }

  private func faces(_ photos: [Int], limit: Int, person: String?) -> Markup {
    let shown = photos.prefix(limit).map { photo -> Markup in
      let name = answer.photos[photo]
      let image =
        picture(photo).map {
          Markup.element(
            "img",
            [
              "alt": name, "loading": "lazy",
              "src": "data:image/jpeg;base64," + Data($0).base64EncodedString(),
            ])
        } ?? .element("i", text: "")
      let stem = name.split(separator: "/").last.map(String.init) ?? name
      return .element(
        "div", ["class": isOther(photo, than: person) ? "other" : "own", "title": name],
        [image, .text(stem)])
    }
    var parts = [Markup.element("div", ["class": "faces"], shown)]
    if photos.count > limit {
      parts.append(.element("p", ["class": "note"], text: "and \(photos.count - limit) more"))
    }
    return .element("div", [:], parts)
  }
}
