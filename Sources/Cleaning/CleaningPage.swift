internal import Datasets
private import Foundation
internal import Reports

/// What was found as one HTML page, with its pictures where the photos are at hand.
struct CleaningPage {
  private let report: CleaningReport
  private let findings: CleaningFindings
  private let rows: CheckedRows
  private let thumbnails: Thumbnails?
  /// The photos of people.
  private let photos: [[Int]]

  /// How many findings of a kind are shown, and how many photos of one.
  private static let findingLimit = 200
  private static let photoLimit = 12
  /// Photos of a person that show whom others are compared with.
  private static let exampleCount = 4

  /// A page of `report`, which tells `findings` in `rows`. Throws where no pictures can be made.
  init(_ report: CleaningReport, _ findings: CleaningFindings, _ rows: CheckedRows) throws {
    self.report = report
    self.findings = findings
    self.rows = rows
    thumbnails = try rows.source.map { try Thumbnails($0) }
    photos = rows.photosOfPeople
  }

  func render() -> String {
    let title = "What is wrong with \(report.embeddings)"
    let header = Markup.element(
      "header", [:],
      [
        .element("h1", text: title),
        .element(
          "p",
          text: "\(ReportNumber.grouped(report.photos)) photos of "
            + "\(ReportNumber.grouped(report.people)) people, \(report.dimension) numbers each"),
      ]
        + [report.limitsRule, report.centres?.line].compactMap(\.self).map {
          .element("p", text: $0)
        })
    let notes = report.notes.map { Markup.element("p", ["class": "warning"], text: $0) }
    let groups = [overlaps, merges, strangers, far, copies(true), copies(false)]
    let sections = zip(report.sections, groups).map { section($0.title, count: $0.items.count, $1) }
    let rest = report.sections.dropFirst(groups.count).map { list($0.title, $0.items) }
    let main = [header] + notes + [cards] + sections + rest
    return ReportPage.text(title: title, css: ReportPage.facesCSS, main)
  }

  private var cards: Markup {
    let figures =
      [
        ("people in an evaluation set", report.dropsPeople),
        ("people who are others", report.mergesPeople),
        ("strangers", report.strangers.count),
        ("copies", report.duplicates.reduce(0) { $0 + $1.others.count }),
      ] + (report.centres == nil ? [] : [("far from the main centre", report.far.count)])
    return .element(
      "div", ["class": "cards"],
      figures.map { name, count in
        Markup.element(
          "div", ["class": "card"],
          [
            .element("span", ["class": "name"], text: name),
            .element("b", text: ReportNumber.grouped(count)),
          ])
      })
  }

  // MARK: Findings

  /// Pictures side by side, and what they are.
  private struct Group {
    let title: String
    let note: String
    /// Those that stay, then those that go.
    let own: [Int]
    let others: [Int]
  }

  private func examples(of person: Int, but photos: Set<Int> = []) -> [Int] {
    Array(self.photos[person].lazy.filter { !photos.contains($0) }.prefix(Self.exampleCount))
  }

  private func name(_ person: Int) -> String { rows.index.people[person] }

  private var overlaps: [Group] {
    zip(findings.overlaps.joined(), report.overlaps).prefix(Self.findingLimit).map { found, told in
      Group(
        title: told.person, note: "\(told.photo) of \(told.set), \(CleaningList.text(told.cosine))",
        own: [], others: examples(of: found.person))
    }
  }

  private var merges: [Group] {
    findings.merges.prefix(Self.findingLimit).map { merge in
      Group(
        title: name(merge.kept),
        note: merge.others.map { "\(name($0.person)) \(CleaningList.text($0.cosine))" }
          .joined(separator: ", "), own: examples(of: merge.kept),
        others: merge.others.flatMap { examples(of: $0.person) })
    }
  }

  private var strangers: [Group] {
    groups(findings.strangers.map { ($0.photo, CleaningList.text($0.cosine)) })
  }

  private var far: [Group] {
    groups(findings.far.map { ($0.photo, CleaningList.text(degrees: $0.degrees)) })
  }

  /// The photos `found`, with what is told of each, by person.
  private func groups(_ found: [(photo: Int, note: String)]) -> [Group] {
    var people: [Int] = []
    var own: [Int: [(photo: Int, note: String)]] = [:]
    for item in found {
      let person = rows.index.photos.person(of: item.photo)
      if own[person] == nil { people.append(person) }
      own[person, default: []].append(item)
    }
    return people.prefix(Self.findingLimit).map { person in
      let items = own[person] ?? []
      let others = items.map { $0.photo }
      return Group(
        title: name(person),
        note: items.prefix(Self.photoLimit).map { $0.note }.joined(separator: ", "),
        own: examples(of: person, but: Set(others)), others: others)
    }
  }

  private func copies(_ differs: Bool) -> [Group] {
    findings.duplicates.filter { $0.differs == differs }.prefix(Self.findingLimit).map {
      Group(
        title: rows.index.photos[$0.kept].path,
        note: $0.others.prefix(Self.photoLimit).map { CleaningList.text($0.cosine) }
          .joined(separator: ", "),
        own: [$0.kept], others: $0.others.map { $0.photo })
    }
  }

  private func section(_ title: String, count: Int, _ groups: [Group]) -> Markup {
    guard count > 0 else { return .text("") }
    var children = groups.map { group in
      Markup.element(
        "figure", ["class": "panel found"],
        [
          .element(
            "figcaption", [:],
            [.element("b", text: group.title), .element("span", text: group.note)]),
          faces(group),
        ])
    }
    if groups.count >= Self.findingLimit {
      children.append(
        .element("p", ["class": "note"], text: "No more than \(Self.findingLimit) are shown."))
    }
    return ReportPage.section("\(title): \(ReportNumber.grouped(count))", children)
  }

  private func faces(_ group: Group) -> Markup {
    let own = group.own.prefix(Self.photoLimit).map { face($0, "own") }
    let others = group.others.prefix(Self.photoLimit).map { face($0, "other") }
    let hidden = max(0, group.others.count - Self.photoLimit)
    var parts = [Markup.element("div", ["class": "faces"], own + others)]
    if hidden > 0 {
      parts.append(.element("p", ["class": "note"], text: "and \(hidden) more"))
    }
    return .element("div", [:], parts)
  }

  private func face(_ photo: Int, _ kind: String) -> Markup {
    let path = rows.index.photos[photo].path
    let image =
      thumbnails?.jpeg(photo).map {
        Markup.element(
          "img",
          [
            "alt": path, "loading": "lazy",
            "src": "data:image/jpeg;base64," + Data($0).base64EncodedString(),
          ])
      } ?? .element("i", text: "")
    let stem = path.split(separator: "/").last.map(String.init) ?? path
    return .element("div", ["class": kind, "title": path], [image, .text(stem)])
  }

  private func list(_ title: String, _ items: [String]) -> Markup {
    guard !items.isEmpty else { return .text("") }
    var children = [Markup.element("h2", text: "\(title): \(ReportNumber.grouped(items.count))")]
    children += items.prefix(Self.findingLimit).map {
      .element("p", ["class": "note"], text: $0)
    }
    return .element("section", [:], children)
  }
}
