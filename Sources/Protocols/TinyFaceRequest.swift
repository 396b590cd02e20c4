package import Collectives
internal import Evaluation
internal import Kernels

/// What `ddp-train tinyface` is asked: faces of some 20 pixels against many strangers.
package struct TinyFaceRequest: Sendable {
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
struct TinyFace {
  static let ranks = [1, 5, 20]
  /// The share of mated probes, by `ranks`.
  let rates: [Double]
  let probeCount: Int
  let matedCount: Int
  let matchCount: Int
  let distractorCount: Int
  /// Photos without an embedding.
  let unreadableCount: Int

  /// Scores `faces`, whose names say which part of the set they are of.
  init(_ faces: ProtocolFaces, folder: String, threads: Int) throws {
    let parts = ["Probe", "Gallery_Match", "Gallery_Distractor"]
    let rows = parts.map { part in
      faces.names.indices.filter {
        faces.names[$0].split(separator: "/").dropLast().last == part[...]
      }
    }
    for (part, rows) in zip(parts, rows) where rows.isEmpty {
      throw ProtocolError.noPart(folder: folder, part: part)
    }
    let probePeople = try rows[0].map { try Self.person(faces.names[$0]) }
    // Distractors are of nobody.
    let people = try rows[1].map { try Self.person(faces.names[$0]) } + rows[2].map { _ in -100 }
    let unit = faces.embeddings.normalized()
    let dimension = faces.embeddings.dimension
    func gather(_ rows: [Int]) -> [Float] {
      rows.flatMap { unit[$0 * dimension..<($0 + 1) * dimension] }
    }
    var mates: [Int: [Int]] = [:]
    for (place, person) in people.enumerated() where person >= 0 {
      mates[person, default: []].append(place)
    }
    let byPerson = mates
    let isReadable = rows[0].map { faces.embeddings.norms[$0].isFinite }
    let ranks = ScoreBlocks.map(
      gather(rows[0]), against: gather(rows[1] + rows[2]), dimension: dimension, threads: threads
    ) { probe, scores -> Int? in
      guard let mates = byPerson[probePeople[probe]] else { return nil }
      guard isReadable[probe] else { return .max }
      let best = mates.map { scores[$0] }.max() ?? -1
      return scores.reduce(0) { $0 + ($1 > best ? 1 : 0) }
    }
    let mated = ranks.compactMap(\.self)
    guard !mated.isEmpty else { throw ProtocolError.noMates }
    rates = Self.ranks.map { k in Double(mated.count { $0 < k }) / Double(mated.count) }
    (probeCount, matedCount) = (rows[0].count, mated.count)
    (matchCount, distractorCount) = (rows[1].count, rows[2].count)
    unreadableCount = faces.embeddings.nonFiniteCount
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
    var lines = [
      "tinyface: \(probeCount) probes, \(matedCount) of people in the gallery; \(matchCount) photos "
        + "of the gallery and \(distractorCount) distractors"
    ]
    if unreadableCount > 0 {
      lines.append("warning: \(unreadableCount) photos could not be read; they are found by nobody")
    }
    return lines + zip(Self.ranks, rates).map { "rank-\($0) \(Figure.text($1, digits: 6))" }
  }
}
