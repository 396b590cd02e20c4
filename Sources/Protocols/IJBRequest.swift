package import Collectives
internal import Datasets
internal import Evaluation
private import Foundation
internal import Kernels
internal import Measuring
internal import Templates

/// What `ddp-train ijb` is asked: IJB-B or IJB-C, 1:1 and 1:N.
package struct IJBRequest: Sendable {
  /// The two sets, as their files are called.
  package enum Set: String, Sendable, CaseIterable {
    case ijbb, ijbc
  }

  /// Where embeddings come from.
  package var options: ProtocolOptions
  /// Holds `loose_crop` and `meta`.
  package var folder: String
  /// Nil takes the one that is there.
  package var set: Set?

  /// Measures the set in `folder`.
  package init(_ options: ProtocolOptions, folder: String, set: Set? = nil) {
    self.options = options
    self.folder = folder
    self.set = set
  }

  /// IJB-C as it is published: photos, templates and pairs.
  private static let publishedIJBC = (photos: 469_375, templates: 23_124, pairs: 15_658_489)
}

extension IJBRequest {
  /// The figures, one a line, on the first rank; nothing on the others. Throws what is wrong with
  /// the files: order, counts, photos that are missing.
  package func answer(over communicator: any Communicator) throws -> [String] {
    BLASRuntime.configureSingleThread()
    let set = try chosenSet()
    let list = try TemplateList(
      templates: path(set, "face_tid_mid.txt"), points: path(set, "name_5pts_score.txt"))
    let pointsFile = path(set, "name_5pts_score.txt")
    let points = FacePoints.complaint(about: list.points, names: list.photos)
    if let problem = points.problem, options.source.alignsPhotos {
      throw ProtocolError.noFaces(file: pointsFile, problem: problem)
    }
    let doubt = (points.problem ?? points.note).map { "'\(pointsFile)' \($0)" }
    return try ProtocolFaces.open(
      options, folder: folder + "/loose_crop", communicator: communicator, wanted: list.photos,
      points: list.points, pointsFile: pointsFile
    ) { faces, threads in
      try score(faces.embeddings, list, set, doubt: doubt, threads: threads)
    }
  }

  private func path(_ set: Set, _ name: String) -> String { "\(folder)/meta/\(set)_\(name)" }

  private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  private func chosenSet() throws -> Set {
    let there = Set.allCases.filter { isThere(path($0, "face_tid_mid.txt")) }
    if let set {
      guard there.contains(set) else {
        throw ProtocolError.noSet(folder: folder, wanted: set.rawValue)
      }
      return set
    }
    guard let only = there.first else { throw ProtocolError.noSet(folder: folder, wanted: "ijbc") }
    guard there.count == 1 else { throw ProtocolError.severalSets(folder: folder) }
    return only
  }

  private func score(
    _ embeddings: Embeddings, _ list: TemplateList, _ set: Set, doubt: String?, threads: Int
  ) throws -> [String] {
    func features(_ mode: TemplateMode) -> TemplateFeatures {
      TemplateFeatures(
        embeddings, templates: list.templates, media: list.media, scores: list.detectorScores,
        mode: mode)
    }
    var own = features(.N1D1)
    let pairs = try TemplatePairs(path: path(set, "template_pair_label.txt"), places: own.places)
    let same = pairs.isSame.count { $0 }
    var lines = [
      "\(set): \(list.photos.count) photos, \(own.templates.count) templates, "
        + "\(pairs.isSame.count) pairs, \(same) of one person"
    ]
    let counts = (list.photos.count, own.templates.count, pairs.isSame.count)
    if set == .ijbc, counts != Self.publishedIJBC {
      lines.append(
        "warning: IJB-C as it is published has \(Self.publishedIJBC.photos) photos, "
          + "\(Self.publishedIJBC.templates) templates and \(Self.publishedIJBC.pairs) pairs; these "
          + "figures are of another set")
    }
    if embeddings.nonFiniteCount > 0 {
      lines.append(
        "warning: \(embeddings.nonFiniteCount) photos could not be read and are left out")
    }
    if let doubt { lines.append("warning: " + doubt) }
    lines += pairs.warnings.map { "warning: " + $0 }
    if let collapse = CollapseWarning.text(embeddings) { lines.append("warning: " + collapse) }
    let lists = try searchLists(set, known: Swift.Set(own.templates))
    let people = TemplatePeople(
      own, pairs: pairs, lists: lists.map { $0.galleries + [$0.probes] } ?? [])
    let draws = DrawnTemplatePairs(pairs, people: people, seed: 0, threads: threads)
    lines.append("intervals: 95 % of \(draws.rule)")
    for mode in TemplateMode.allCases {
      if mode != .N1D1 { own = features(mode) }
      if own.emptyCount > 0 {
        lines.append(
          "warning: \(mode): \(own.emptyCount) of \(own.templates.count) templates are empty, of "
            + "photos that could not be read or whose \(mode.usesDetector ? "scores or " : "")"
            + "embeddings are zero; they are found by nobody and find nobody")
      }
      var scores = ScoreBlocks.pairs(
        own.values, dimension: own.dimension, first: pairs.first, second: pairs.second,
        threads: threads)
      if own.emptyCount > 0 {
        for pair in scores.indices
        where own.isEmpty[Int(pairs.first[pair])] || own.isEmpty[Int(pairs.second[pair])] {
          scores[pair] = -.infinity
        }
      }
      let sorted = SortedScores(scores, isSame: pairs.isSame)
      lines += draws.intervals(of: CosineRates.rates(sorted), scores: scores, sorted: sorted)
        .map { "\(mode) \($0.line)" }
    }
    guard let lists else {
      return lines + ["no 1:N: '\(missingSearchList(set) ?? folder)' is not there"]
    }
    return lines + identify(features(.N1D1), lists, threads: threads)
  }

  /// The lists of 1:N.
  private struct SearchLists {
    let galleries: [TemplateSubjects]
    let probes: TemplateSubjects
  }

  private func searchPaths(_ set: Set) -> (galleries: [String], probes: String) {
    let names = set == .ijbc ? ["G1", "G2"] : ["S1", "S2"]
    return (names.map { path(set, "1N_gallery_\($0).csv") }, path(set, "1N_probe_mixed.csv"))
  }

  private func missingSearchList(_ set: Set) -> String? {
    let (galleries, probes) = searchPaths(set)
    return (galleries + [probes]).first { !isThere($0) }
  }

  /// The lists of 1:N, whose templates must be `known`; nil where they are not there.
  private func searchLists(_ set: Set, known: Swift.Set<Int32>) throws -> SearchLists? {
    guard missingSearchList(set) == nil else { return nil }
    let paths = searchPaths(set)
    func read(_ path: String) throws -> TemplateSubjects {
      let list = try TemplateSubjects(path: path)
      let strangers = list.templates.filter { !known.contains($0) }
      if let first = strangers.first {
        throw ProtocolError.missingTemplates(count: strangers.count, of: path, first: first)
      }
      return list
    }
    return SearchLists(
      galleries: try paths.galleries.map(read), probes: try read(paths.probes))
  }

  /// The 1:N figures.
  private func identify(
    _ features: TemplateFeatures, _ lists: SearchLists, threads: Int
  ) -> [String] {
    let (galleries, probes) = (lists.galleries, lists.probes)
    let found = TemplateIdentification(
      features, galleries: galleries, probes: probes, threads: threads)
    var lines = [
      "1:N: \(found.probeCount) probes against \(found.gallerySize) templates of both galleries"
    ]
    if found.unmatedCount > 0 {
      lines.append(
        "warning: \(found.unmatedCount) probes are of people in no gallery; ranks are of the others"
      )
    }
    let own = Swift.Set(galleries.flatMap(\.templates)).intersection(probes.templates).count
    if own > 0 {
      lines.append(
        "warning: \(own) probes are templates of the galleries too, and find themselves")
    }
    lines.append("intervals: 95 % of \(found.rule) of the probes, the galleries stay")
    return lines + found.lines
  }
}
