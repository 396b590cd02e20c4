internal import Datasets
internal import EmbeddingFiles
internal import Reports

/// What `check --embeddings` says, with names.
struct CleaningReport: Encodable {
  struct Stranger: Encodable {
    var photo: String
    var person: String
    var cosine: Double?
    /// Whose it most likely is, where that is known, and its cosine to that centre.
    var like: String?
    var likeCosine: Double?
  }

  struct Far: Encodable {
    var photo: String
    var person: String
    /// To the main centre of the person.
    var degrees: Double
  }

  /// How photos lie about the centres that a loss has of their people.
  struct Centres: Encodable {
    var perPerson: Int
    /// Photos of people who have some.
    var photos: Int
    /// Those of them that are nearest to their person's main one.
    var nearest: Int
    /// The angle to it above which a photo is far, and how many are.
    var degrees: Double
    var farPhotos: Int
    var unknownPeople: Int
    /// People all of whose photos are far.
    var emptiedPeople: Int

    /// "centres: 3 of each person; of 120 photos 118 are nearest to the main one of their person".
    var line: String {
      "centres: \(perPerson) of each person; of \(photos) photos \(nearest) are nearest to the main "
        + "one of their person"
    }

    var warnings: [String] {
      [
        ("people without centres, whose photos are not looked at", unknownPeople),
        ("people all of whose photos are far from their main centre", emptiedPeople),
      ].filter { $1 > 0 }.map { "warning: \($0): \($1)" }
        + (2 * farPhotos <= photos
          ? []
          : [
            "warning: more than half of the photos are far, so that the run has not learnt these "
              + "people: train it longer, or give a larger --sub-centre-angle"
          ])
    }
  }

  struct Overlap: Encodable {
    var set: String
    var person: String
    var photo: String
    var cosine: Double
  }

  struct Merge: Encodable {
    var kept: String
    var others: [String]
    var cosines: [Double]
  }

  struct Duplicate: Encodable {
    var kept: String
    var others: [String]
    var cosines: [Double]
    /// Whether they are said to show different people.
    var differs: Bool
  }

  enum Verdict: String, Encodable { case sound, findings }

  var embeddings: String
  var photos: Int
  var people: Int
  var dimension: Int
  var notes: [String]
  /// Photos without an embedding: rows of zeros, or with a NaN or an infinity.
  var undirected: [String]
  var strangers: [Stranger]
  /// Photos far from the main centre of their person.
  var far: [Far]
  /// Nil where no centres were looked at.
  var centres: Centres?
  var fallenApart: [String]
  var merges: [Merge]
  var duplicates: [Duplicate]
  var overlaps: [Overlap]
  var verdict: Verdict
  /// What the list leaves out and takes for others.
  var dropsPhotos: Int
  var dropsPeople: Int
  var mergesPeople: Int
  private var limits: [String: Double]
  /// How limits follow from the embeddings; nil where they are given.
  var limitsRule: String?
  private var files: [String]

  /// What `request`, whose limits follow by `rule`, has found in `rows`; `sets` are
  /// evaluation sets with the names of their rows.
  init(
    _ request: CleaningRequest, rule: String?, _ rows: CheckedRows, _ findings: CleaningFindings,
    _ list: CleaningList, sets: [(path: String, names: [String])]
  ) {
    let index = rows.index
    func name(_ photo: Int) -> String { index.photos[photo].path }
    embeddings = request.embeddings
    (photos, people) = (index.photos.count, index.people.count)
    dimension = rows.rows.width
    undirected = findings.undirected.map(name)
    strangers = findings.strangers.map {
      Stranger(
        photo: name($0.photo), person: index.people[index.photos.person(of: $0.photo)],
        cosine: $0.cosine, like: $0.like.map { index.people[$0.person] },
        likeCosine: $0.like?.cosine)
    }
    far = findings.far.map {
      Far(
        photo: name($0.photo), person: index.people[index.photos.person(of: $0.photo)],
        degrees: $0.degrees)
    }
    centres = findings.centres.map {
      Centres(
        perPerson: request.centres?.count ?? 0, photos: $0.photoCount, nearest: $0.nearestCount,
        degrees: request.limits.centreDegrees, farPhotos: findings.far.count,
        unknownPeople: $0.unknownCount, emptiedPeople: $0.emptiedCount)
    }
    fallenApart = findings.fallenApart.map { index.people[$0] }
    merges = findings.merges.map { merge in
      Merge(
        kept: index.people[merge.kept], others: merge.others.map { index.people[$0.person] },
        cosines: merge.others.map { $0.cosine })
    }
    duplicates = findings.duplicates.map { copies in
      Duplicate(
        kept: name(copies.kept), others: copies.others.map { name($0.photo) },
        cosines: copies.others.map { $0.cosine }, differs: copies.differs)
    }
    overlaps = zip(sets, findings.overlaps).flatMap { set, found in
      found.map {
        Overlap(
          set: set.path, person: index.people[$0.person], photo: set.names[$0.row],
          cosine: $0.cosine)
      }
    }
    (dropsPhotos, dropsPeople, mergesPeople) = list.counts
    verdict = list.lines.isEmpty ? .sound : .findings
    limits = [
      "strangers": request.limits.strangers, "people": request.limits.people,
      "duplicates": request.limits.duplicates,
      "overlaps": request.against.isEmpty ? nil : request.limits.overlaps,
    ].compactMapValues(\.self)
    limitsRule = rule
    notes = rows.notes + (centres?.warnings ?? [])
    notes += Self.warnings(
      people: people, fallenApart: fallenApart.count, limit: limits["strangers"],
      overlaps: Set(overlaps.map(\.person)).count, limits["overlaps"])
    files = [request.out, request.html].compactMap(\.self)
  }

  /// What is most likely not meant: cosines that suit another network.
  private static func warnings(
    people: Int, fallenApart: Int, limit: Double?, overlaps: Int, _ overlapLimit: Double?
  ) -> [String] {
    var warnings: [String] = []
    if let limit, 2 * fallenApart > people {
      warnings.append(
        "warning: \(fallenApart) of \(people) people fall apart at cosine \(limit), so that this "
          + "network says nothing of them: give a lower --stranger-cosine, such as evaluate finds for "
          + "its pairs, or embeddings of a better network")
    }
    if let overlapLimit, 2 * overlaps > people {
      warnings.append(
        "warning: \(overlaps) of \(people) people are as near as cosine \(overlapLimit) to an "
          + "evaluation set: if these are others, give a higher --overlap-cosine or embeddings of a "
          + "better network")
    }
    return warnings
  }

  private enum CodingKeys: CodingKey {
    case embeddings, photos, people, dimension, notes, undirected, strangers, far, centres
    case fallenApart, merges
    case duplicates, overlaps, verdict, dropsPhotos, dropsPeople, mergesPeople, limits
    case limitsRule
  }

  /// What is found, by kind: a title, and a line each.
  var sections: [(title: String, items: [String])] {
    func text(_ cosine: Double?) -> String { CleaningList.text(cosine) }
    func at(_ name: String) -> String { limits[name].map { "cosine \($0)" } ?? "no cosine" }
    func copies(_ differs: Bool) -> [String] {
      duplicates.filter { $0.differs == differs }.map { copies in
        "\(copies.kept) = "
          + zip(copies.others, copies.cosines).map { "\($0) (\(text($1)))" }
          .joined(separator: " = ")
      }
    }
    return [
      (
        "people who are in an evaluation set too, at \(at("overlaps"))",
        overlaps.map { "\($0.person): \($0.photo) of \($0.set) (\(text($0.cosine)))" }
      ),
      (
        "people who are one, at \(at("people"))",
        merges.map { merge in
          "\(merge.kept) = "
            + zip(merge.others, merge.cosines).map { "\($0) (\(text($1)))" }
            .joined(separator: " = ")
        }
      ),
      (
        "strangers among the photos of a person, at \(at("strangers"))",
        strangers.map { stranger in
          "\(stranger.photo) (\(text(stranger.cosine)) to \(stranger.person)"
            + (stranger.like.map { ", \(text(stranger.likeCosine)) to \($0)" } ?? "") + ")"
        }
      ),
      (
        "photos far from the main centre of their person, above "
          + "\(centres?.degrees ?? 0) degrees",
        far.map {
          "\($0.photo) (\(CleaningList.text(degrees: $0.degrees)) degrees from \($0.person))"
        }
      ),
      ("copies of one photo, several people, at \(at("duplicates"))", copies(true)),
      ("copies of one photo of a person, at \(at("duplicates"))", copies(false)),
      ("people whose photos fall apart, at \(at("strangers")): nothing is told", fallenApart),
      ("photos without an embedding", undirected),
    ]
  }

  /// "2 photos and 1 person to leave out, 3 people to take for others", or "sound".
  private var verdictText: String {
    guard verdict == .findings else { return "sound" }
    func counted(_ count: Int, _ one: String, _ many: String) -> String {
      "\(count) \(count == 1 ? one : many)"
    }
    return counted(dropsPhotos, "photo", "photos") + " and "
      + counted(dropsPeople, "person", "people") + " to leave out, "
      + counted(mergesPeople, "person", "people") + " to take for others"
  }

  var lines: [String] {
    var lines = ["\(embeddings): \(photos) photos of \(people) people, \(dimension) numbers each"]
    lines += [limitsRule, centres?.line].compactMap(\.self) + notes
    for (title, items) in sections where !items.isEmpty {
      lines.append("\(title): \(items.count)")
      lines += items.prefix(20).map { "  \($0)" }
      if items.count > 20 { lines.append("  ...") }
    }
    if !files.isEmpty { lines.append("written: \(files.joined(separator: ", "))") }
    lines.append("verdict: \(verdictText)")
    return lines
  }
}
