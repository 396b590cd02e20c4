package import Collectives
internal import Evaluation
internal import Kernels

/// What `ddp-train tinyface` is asked: faces of some 20 pixels against many strangers.
package struct TinyFaceRequest: Sendable {
  /// Where embeddings come from.
  package var options: ProtocolOptions
  /// Holds `Probe`, `Gallery_Match` and `Gallery_Distractor`.
  package var folder: String

  /// Measures the set in `folder`.
  package init(_ options: ProtocolOptions, folder: String) {
    self.options = options
    self.folder = folder
  }
}

extension TinyFaceRequest {
  /// The figures, one a line, on the first rank; nothing on the others. Throws what is wrong with
  /// the photos.
  package func answer(over communicator: any Communicator) throws -> [String] {
    BLASRuntime.configureSingleThread()
    return try ProtocolFaces.open(options, folder: folder, communicator: communicator) {
      faces, threads in
      try TinyFace(faces, folder: folder, threads: threads).lines
    }
  }
}

/// TinyFace's identification (CVLface evaluations/tinyface): a probe is found at rank k where any
/// photo of its person is among the k most similar of the gallery, matches and distractors
/// together.
///
/// A photo of somebody else that is as similar as the person's own stands before it, and a photo
/// without an embedding is found by nobody.
struct TinyFace {
  static let ranks = [1, 5, 20]
  /// The folders of the set.
  private static let parts = ["Probe", "Gallery_Match", "Gallery_Distractor"]
  /// Photos of each of `parts` as the set is published (TinyFace, arXiv 1811.08965).
  private static let published = [3728, 4443, 153_428]

  /// The share of mated probes, by `ranks`.
  let rates: [Double]
  /// The middle 95 % of `rates` over draws of the mated probes' people, who stay in the gallery.
  let intervals: [ClosedRange<Double>?]
  /// How intervals were made, in words.
  let rule: String
  let probeCount: Int
  let matedCount: Int
  let matchCount: Int
  let distractorCount: Int
  /// What is to be warned of, a sentence each.
  let warnings: [String]

  /// Scores `faces`, whose names say which part of the set they are of.
  init(_ faces: ProtocolFaces, folder: String, threads: Int) throws {
    var rows = Self.parts.map { _ in [Int]() }
    var strangers: [Int] = []
    for (row, name) in faces.names.enumerated() {
      if let part = Self.part(name) { rows[part].append(row) } else { strangers.append(row) }
    }
    for (part, rows) in zip(Self.parts, rows) where rows.isEmpty {
      throw ProtocolError.noPart(folder: folder, part: part)
    }
    let probePeople = try rows[0].map { try Self.person(faces.names[$0]) }
    // Distractors are of nobody.
    let people = try rows[1].map { try Self.person(faces.names[$0]) } + rows[2].map { _ in -100 }
    let ranks = Self.placesOfMates(
      faces.embeddings, probes: rows[0], people: probePeople, gallery: rows[1] + rows[2],
      galleryPeople: people, threads: threads)
    let mated = ranks.compactMap(\.self)
    guard !mated.isEmpty else { throw ProtocolError.noMates }
    rates = Self.ranks.map { k in Double(mated.count { $0 < k }) / Double(mated.count) }
    (intervals, rule) = PeopleBootstrap.intervals(
      ranks: Self.ranks, places: mated,
      people: zip(ranks, probePeople).compactMap { $0 == nil ? nil : $1 }, seed: 0)
    (probeCount, matedCount) = (rows[0].count, mated.count)
    (matchCount, distractorCount) = (rows[1].count, rows[2].count)
    warnings = Self.warnings(faces, rows: rows, strangers: strangers)
  }

  /// How many photos of others stand before the best one of its person, by probe; nil where the
  /// gallery has no photo of the person.
  private static func placesOfMates(
    _ embeddings: Embeddings, probes: [Int], people: [Int], gallery: [Int], galleryPeople: [Int],
    threads: Int
  ) -> [Int?] {
    let unit = embeddings.normalized()
    let dimension = embeddings.dimension
    func gather(_ rows: [Int]) -> [Float] {
      rows.flatMap { unit[$0 * dimension..<($0 + 1) * dimension] }
    }
    var matePlaces: [Int: [Int]] = [:]
    for (place, person) in galleryPeople.enumerated() where person >= 0 {
      matePlaces[person, default: []].append(place)
    }
    let byPerson = matePlaces
    let unreadable = gallery.indices.filter { !embeddings.hasDirection(gallery[$0]) }
    let isReadable = probes.map { embeddings.hasDirection($0) }
    return ScoreBlocks.map(
      gather(probes), against: gather(gallery), dimension: dimension, threads: threads
    ) { probe, scores -> Int? in
      guard let mates = byPerson[people[probe]] else { return nil }
      guard isReadable[probe] else { return .max }
      for place in unreadable { scores[place] = -.infinity }
      return MatePlace.find(mates: mates, among: UnsafeBufferPointer(scores))
    }
  }

  private static func warnings(
    _ faces: ProtocolFaces, rows: [[Int]], strangers: [Int]
  ) -> [String] {
    var warnings: [String] = []
    if let first = strangers.first {
      warnings.append(
        "\(strangers.count) photos stand below none of \(parts.joined(separator: ", ")) and are "
          + "left out, such as \(faces.names[first])")
    }
    if rows.map(\.count) != published {
      warnings.append(
        "TinyFace as it is published has \(published[0]) probes, \(published[1]) photos of the "
          + "gallery and \(published[2]) distractors; these figures are of another set")
    }
    let unreadableCount = rows.joined().count { !faces.embeddings.hasDirection($0) }
    if unreadableCount > 0 {
      warnings.append(
        "\(unreadableCount) photos could not be read, or their embeddings are zero; they are found "
          + "by nobody and find nobody")
    }
    return warnings + (CollapseWarning.text(faces.embeddings).map { [$0] } ?? [])
  }

  /// Which of `parts` the photo at `path` stands below, however deep; the innermost decides.
  private static func part(_ path: String) -> Int? {
    for folder in path.split(separator: "/").dropLast().reversed() {
      let folder = folder.lowercased()
      if let part = parts.firstIndex(where: { $0.lowercased() == folder }) { return part }
    }
    return nil
  }

  /// The whole number before the first `_` of the file's name.
  private static func person(_ path: String) throws -> Int {
    guard let person = Int(ProtocolFaces.last(path).prefix { $0 != "_" }), person >= 0 else {
      throw ProtocolError.unlabelled(photo: path)
    }
    return person
  }

  /// The figures to print, one a line.
  var lines: [String] {
    let summary =
      "tinyface: \(probeCount) probes, \(matedCount) of people in the gallery; \(matchCount) photos "
      + "of the gallery and \(distractorCount) distractors"
    return [summary] + warnings.map { "warning: " + $0 }
      + ["intervals: 95 % of \(rule) of the probes, the gallery stays"]
      + Self.ranks.indices.map {
        "rank-\(Self.ranks[$0]) \(Figure.text(rates[$0], digits: 6))"
          + Figure.spread(intervals[$0])
      }
  }
}
