internal import Datasets
internal import Evaluation
internal import Reports

/// Who is on each of some photos.
struct IdentifyAnswer: Encodable {
  struct Candidate: Encodable, Equatable {
    let person: String
    let photo: String
    let distance: Double
  }

  struct Probe: Encodable, Equatable {
    let photo: String
    /// Nil for somebody unknown, and for a photo that cannot be read.
    let person: String?
    /// Who it is by the folder of the photo, where that tells.
    let label: String?
    /// The nearest photos of the gallery, nearest first.
    let candidates: [Candidate]
    /// Why nothing can be said of the photo; nil where something can.
    let unreadable: String?
  }

  /// What was decided at the threshold, of the photos that have labels.
  struct Decisions: Encodable, Equatable {
    var knownRight = 0
    var knownWrong = 0
    var knownRejected = 0
    var strangersNamed = 0
    var strangersRejected = 0
  }

  let threshold: Double
  let thresholdRule: String
  let galleryPhotos: Int
  let galleryPeople: Int
  let probes: [Probe]
  /// Nil where no probe has a label.
  let decisions: Decisions?
  let figures: [String: Double]
  /// Photos of the gallery that are left out, as nothing can be said of them.
  let unreadableGallery: [UnreadablePhoto]
  /// What is most likely not meant with the photos.
  let warnings: [String]
  private let openSet: OpenSetIdentification?

  private enum CodingKeys: CodingKey {
    case threshold, thresholdRule, galleryPhotos, galleryPeople, probes, decisions, figures
    case unreadableGallery, warnings
  }

  /// Looks for `probes` in `gallery`. The `neighbours` nearest photos nearer than the threshold
  /// decide by majority, of equals the nearer; without any the person is unknown. A photo of the
  /// gallery without a folder is a person of its own name. Photos that cannot be read are not
  /// scored, and left out of the gallery. A photo that is in the gallery too is compared with the
  /// others alone.
  init(
    _ probes: TaskFaces, in all: TaskFaces, threshold: ChosenThreshold, top: Int,
    neighbours: Int
  ) {
    let gallery = all.kept(all.sound)
    unreadableGallery = all.unreadable
    self.threshold = threshold.value
    thresholdRule = threshold.text
    let people = zip(gallery.people, gallery.names).map { $0 ?? $1 }
    let known = Set(people)
    galleryPhotos = people.count
    galleryPeople = known.count
    let names = GalleryNames(known)
    let labels = probes.people.map { $0.map(names.name) }
    let own = Self.places(of: probes, in: gallery)
    let found = Self.nearest(
      to: probes, in: gallery, but: own, count: max(top, neighbours, 2))
    warnings = Self.warnings(labels: labels, known: known, shared: own.count)
    let countOf = Dictionary(people.map { ($0, 1) }, uniquingKeysWith: +)
    func isElsewhere(_ label: String, _ probe: Int) -> Bool {
      (countOf[label] ?? 0) > (own[probe].map { people[$0] == label } == true ? 1 : 0)
    }
    var decisions = Decisions()
    var scored: [OpenSetIdentification.Probe] = []
    var answers: [Probe] = []
    for (probe, nearest) in found.enumerated() {
      if let reason = probes.bad[probe] {
        answers.append(
          Probe(
            photo: probes.names[probe], person: nil, label: labels[probe], candidates: [],
            unreadable: reason))
        continue
      }
      let person = Self.decide(
        nearest.prefix(neighbours).filter { $0.squaredDistance < threshold.value }
          .map { people[$0.row] })
      let label = labels[probe]
      answers.append(
        Probe(
          photo: probes.names[probe], person: person, label: label,
          candidates: nearest.prefix(top).map {
            Candidate(
              person: people[$0.row], photo: gallery.names[$0.row], distance: $0.squaredDistance)
          }, unreadable: nil))
      guard let label else { continue }
      let isMated = known.contains(label) && (own[probe] == nil || isElsewhere(label, probe))
      decisions.count(person, label: label, isMated: isMated)
      scored.append(
        OpenSetIdentification.Probe(
          distance: nearest.first?.squaredDistance ?? .infinity, isMated: isMated,
          isRight: Self.isFirst(label, nearest, people) { row in
            row == own[probe]
              ? .infinity
              : probes.embeddings.squaredDistance(probe, to: row, of: gallery.embeddings)
          }))
    }
    self.probes = answers
    self.decisions = scored.isEmpty ? nil : decisions
    openSet = scored.isEmpty ? nil : OpenSetIdentification(scored)
    var figures: [String: Double] = [:]
    for figure in Self.figures(of: openSet) { figures[figure.name] = figure.value }
    self.figures = figures
  }

  /// The `count` photos of `gallery` that are nearest to each probe, but for the probe's `own`; two
  /// and more tell most often that the nearest is so alone.
  private static func nearest(
    to probes: TaskFaces, in gallery: TaskFaces, but own: [Int: Int], count: Int
  ) -> [[Neighbour]] {
    NearestNeighbours.find(
      probes.embeddings, in: gallery.embeddings, count: count + (own.isEmpty ? 0 : 1)
    ).enumerated().map { probe, nearest in
      Array(nearest.filter { $0.row != own[probe] }.prefix(count))
    }
  }

  /// Whether the nearest of the gallery, whose photos show `people`, is of `person` and no photo of
  /// another is as near; `distance` is that of any row, for ties that `nearest` does not show
  /// whole.
  private static func isFirst(
    _ person: String, _ nearest: [Neighbour], _ people: [String], distance: (Int) -> Double
  ) -> Bool {
    guard let first = nearest.first, people[first.row] == person else { return false }
    let tied = nearest.prefix { $0.squaredDistance == first.squaredDistance }
    guard tied.allSatisfy({ people[$0.row] == person }) else { return false }
    return tied.count < nearest.count
      || !people.indices.contains {
        people[$0] != person && distance($0) <= first.squaredDistance
      }
  }

  /// Where in the gallery the photos of `probes` are that are there themselves, by the probe.
  private static func places(of probes: TaskFaces, in gallery: TaskFaces) -> [Int: Int] {
    let places = Dictionary(
      zip(gallery.origins, gallery.origins.indices), uniquingKeysWith: { first, _ in first })
    var own: [Int: Int] = [:]
    for (probe, origin) in probes.origins.enumerated() { own[probe] = places[origin] }
    return own
  }

  private static func warnings(
    labels: [String?], known: Set<String>, shared: Int
  ) -> [String] {
    var warnings: [String] = []
    let named = labels.compactMap(\.self)
    if let first = named.first, !named.contains(where: known.contains) {
      warnings.append(
        "nobody of the photos to identify is in the gallery by name (\(first) there, "
          + "\(known.min() ?? "") here): every one counts as a stranger")
    }
    if shared > 0 {
      warnings.append(
        "\(shared) of the photos to identify are in the gallery themselves; each is compared with "
          + "the others")
    }
    return warnings
  }

  /// The name that stands most often, of equals the one that stands first; nil without any.
  private static func decide(_ names: [String]) -> String? {
    var votes: [String: Int] = [:]
    for name in names { votes[name, default: 0] += 1 }
    let most = votes.values.max()
    return names.first { votes[$0] == most }
  }

  private static func figures(of openSet: OpenSetIdentification?) -> [Figure] {
    guard let openSet else { return [] }
    var figures: [Figure] = []
    if let rank1 = openSet.rank1 { figures.append(Figure("rank-1", rank1)) }
    for rate in openSet.rates {
      let name = Figure.text(rate.targetFPIR, digits: 2)
      figures.append(Figure("TPIR@FPIR=\(name)", rate.TPIR, refusal: rate.refusal))
      figures.append(
        Figure(
          "threshold@FPIR=\(name)", rate.threshold, digits: 4, isHeadline: rate.refusal == nil))
    }
    figures.append(Figure("mated", Double(openSet.matedCount), digits: 0))
    figures.append(Figure("non-mated", Double(openSet.nonMatedCount), digits: 0))
    return figures
  }

  /// A row a photo, then the figures where labels are known.
  var lines: [String] {
    let places = probes.map(\.candidates.count).max() ?? 0
    var table = ColumnTable(
      [(title: "photo", isNumber: false), (title: "person", isNumber: false)]
        + (0..<places).map {
          (title: $0 == 0 ? "nearest" : "\($0 + 1).", isNumber: false)
        })
    for probe in probes {
      let shown = probe.candidates.map {
        "\($0.person) \(Figure.text($0.distance, digits: 3))"
      }
      table.append(
        [probe.photo, probe.unreadable == nil ? probe.person ?? "unknown" : "unreadable"] + shown
          + Array(repeating: "", count: places - shown.count))
    }
    var lines = table.lines
    lines += UnreadablePhoto.lines(
      probes.compactMap { probe in
        probe.unreadable.map { UnreadablePhoto(photo: probe.photo, reason: $0) }
      })
    if !unreadableGallery.isEmpty {
      lines.append("of the gallery \(unreadableGallery.count) photos are left out")
      lines += UnreadablePhoto.lines(unreadableGallery)
    }
    lines.append(
      "threshold \(thresholdRule); gallery: "
        + "\(galleryPhotos) photos of \(galleryPeople) people")
    if let decisions { lines += decisions.lines }
    lines += warnings.map { "warning: \($0)" }
    return lines + Self.figures(of: openSet).filter(\.isHeadline).map(\.line)
  }
}

extension IdentifyAnswer.Decisions {
  fileprivate mutating func count(_ person: String?, label: String, isMated: Bool) {
    switch (isMated, person) {
    case (true, label): knownRight += 1
    case (true, nil): knownRejected += 1
    case (true, _): knownWrong += 1
    case (false, nil): strangersRejected += 1
    case (false, _): strangersNamed += 1
    }
  }

  fileprivate var lines: [String] {
    [
      "in the gallery: \(knownRight) named right, \(knownWrong) named wrong, "
        + "\(knownRejected) unknown",
      "not in the gallery: \(strangersRejected) unknown, \(strangersNamed) named",
    ]
  }
}

/// People by the names of a gallery, whose folders may lie deeper than those of others or less
/// deep.
private struct GalleryNames {
  private let known: Set<String>
  /// Names by their last components, of as many as are called so.
  private var byTail: [String: [String]] = [:]

  init(_ known: Set<String>) {
    self.known = known
    for name in known.sorted() {
      let parts = name.split(separator: "/")
      for count in 1...max(1, parts.count) {
        byTail[parts.suffix(count).joined(separator: "/"), default: []].append(name)
      }
    }
  }

  /// What the gallery calls the person of folder `folder`: so, or by as many components as both
  /// have where one alone is called so; else `folder` itself.
  func name(_ folder: String) -> String {
    if known.contains(folder) { return folder }
    if let longer = byTail[folder], longer.count == 1 { return longer[0] }
    let parts = folder.split(separator: "/")
    let shorter = (1..<max(1, parts.count)).reversed().map {
      parts.suffix($0).joined(separator: "/")
    }.first(where: known.contains)
    return shorter ?? folder
  }
}
