internal import Datasets
internal import Evaluation
private import Foundation
internal import Inputs
internal import Interchange

/// What is wrong with a data set before anybody trains on it.
struct DataCheck: Encodable {
  struct BadPhoto: Encodable {
    var photo: String
    var reason: String
  }

  /// Photos of the same bytes.
  struct Duplicate: Encodable {
    var photos: [String]
    /// Whether they are said to show different people.
    var differs: Bool
  }

  /// People of the data who are in an evaluation set too.
  struct Overlap: Encodable {
    var set: String
    /// People by name; for sets without names those who have a photo of the set.
    var people: [String]
  }

  /// What `check` comes to.
  enum Verdict: String, Encodable {
    case sound, warnings, errors
  }

  /// A thing of the folder that is not read, by its ending.
  var passedOver: [PassedOver.Group]
  /// Where the most things are that are not read.
  var passedOverFolders: [PassedOver.Folder]
  /// What was made out of the data: the columns of a table, a form that is no longer written.
  var remarks: [String]
  /// What is most likely not meant.
  var warnings: [String]
  /// Why nobody can train on the data as a whole.
  var errors: [String]
  var verdict = Verdict.sound
  var data: String
  var format: String
  var photos: Int
  var people: Int
  var bytes: Int
  var fewestPhotos: Int
  var mostPhotos: Int
  var peopleWithOnePhoto: [String]
  var badPhotos: [BadPhoto]
  var duplicates: [Duplicate]
  /// Numbers between the least and the largest label, from 0 on, that nobody has.
  var missingLabels: [Int]
  var overlaps: [Overlap]

  /// Photos that cannot be used, photos that show two people, people of evaluation sets.
  var errorCount: Int {
    errors.count + badPhotos.count + duplicates.count { $0.differs }
      + overlaps.reduce(0) { $0 + $1.people.count }
  }

  /// Decodes every photo of the data on all threads, and compares what it finds.
  static func run(_ request: CheckRequest) throws -> DataCheck {
    var check: DataCheck
    do {
      check = try look(request)
    } catch let error as DatasetError {
      check = DataCheck(unusable: request.data, "\(error)")
    } catch let error as PairsFileError {
      check = DataCheck(unusable: request.data, "\(error)")
    }
    check.verdict =
      check.errorCount > 0 ? .errors : check.warnings.isEmpty ? .sound : .warnings
    return check
  }

  private static func look(_ request: CheckRequest) throws -> DataCheck {
    let set = try ToolWork.run("listing \(request.data)", quietly: request.printsJSON) {
      try PhotoSet(
        path: request.data, besides: request.pairs + [request.exclude].compactMap(\.self),
        meter: $0
      ).excluding(request.exclude, data: request.data)
    }
    let index = set.index
    let found = try ToolWork.decode(
      0..<index.photos.count, of: set, threads: request.threads, quietly: request.printsJSON)
    let counts = index.photosPerPerson
    let overlaps = try request.pairs.map { try SetOverlap($0, set, found.hashes) }
    var warnings = set.notes.allWarnings + overlaps.flatMap(\.warnings)
    if let lone = index.lonePhotosWarning { warnings.append(lone) }
    if found.animations.count > 0 {
      warnings.append(
        "\(found.animations.count) files are animations, of which the first picture is taken, such "
          + "as \(set.source.name(of: found.animations.min() ?? 0))")
    }
    return DataCheck(
      passedOver: set.notes.passedOver.groups,
      passedOverFolders: set.notes.passedOver.folders(limit: 100), remarks: set.notes.remarks,
      warnings: warnings,
      errors: index.people.count > 1
        ? [] : ["\(DatasetError.onlyOnePerson(folder: request.data, person: index.people[0]))"],
      data: request.data, format: set.format.rawValue, photos: index.photos.count,
      people: index.people.count, bytes: found.byteCount, fewestPhotos: counts.min() ?? 0,
      mostPhotos: counts.max() ?? 0,
      peopleWithOnePhoto: index.people.indices.filter { counts[$0] == 1 }.map { index.people[$0] },
      badPhotos: found.bad.sorted { $0.key < $1.key }.map {
        BadPhoto(photo: set.source.name(of: $0.key), reason: $0.value.description)
      },
      duplicates: duplicates(set, found),
      missingLabels: missing(set.labels ?? []),
      overlaps: overlaps.map { Overlap(set: $0.path, people: $0.people.map { index.people[$0] }) })
  }

  private static func duplicates(_ set: PhotoSet, _ found: DecodedPhotos) -> [Duplicate] {
    let hashes = found.hashes
    var first: [UInt64: Int] = [:]
    var groups: [Int: [Int]] = [:]
    for photo in hashes.indices where found.bad[photo] == nil {
      if let known = first[hashes[photo]] {
        groups[known, default: [known]].append(photo)
      } else {
        first[hashes[photo]] = photo
      }
    }
    return groups.sorted { $0.key < $1.key }.map { _, photos in
      Duplicate(
        photos: photos.map { set.source.name(of: $0) },
        differs: Set(photos.map { set.index.photos.person(of: $0) }).count > 1)
    }
  }

  private static func missing(_ labels: [Int]) -> [Int] {
    guard let last = labels.last, last < 10 * labels.count + 1000 else { return [] }
    let known = Set(labels)
    return (0..<max(0, last)).filter { !known.contains($0) }
  }

  // MARK: Report

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// `sound`, `1 warning`, `2 errors, 1 warning`.
  private var verdictText: String {
    func counted(_ count: Int, _ word: String) -> String? {
      count == 0 ? nil : "\(count) \(word)\(count == 1 ? "" : "s")"
    }
    let parts = [counted(errorCount, "error"), counted(warnings.count, "warning")]
      .compactMap { $0 }
    return parts.isEmpty ? "sound" : parts.joined(separator: ", ")
  }

  var lines: [String] {
    var lines =
      photos == 0
      ? []
      : [
        "\(data): \(format), \(photos) photos of \(people) people, \(bytes) bytes",
        "photos of a person: \(fewestPhotos) to \(mostPhotos)",
      ]
    lines += remarks
    lines += errors.map { "error: \($0)" }
    func list(_ title: String, _ items: [String]) {
      guard !items.isEmpty else { return }
      lines.append("\(title): \(items.count)")
      lines += items.prefix(20).map { "  \($0)" }
      if items.count > 20 { lines.append("  ...") }
    }
    list("error: photos that cannot be used", badPhotos.map { "\($0.photo): \($0.reason)" })
    list(
      "error: one photo, several people",
      duplicates.filter(\.differs).map { $0.photos.joined(separator: " = ") })
    for overlap in overlaps {
      list("error: people also in \(overlap.set)", overlap.people)
    }
    list(
      "duplicates of one person",
      duplicates.filter { !$0.differs }.map { $0.photos.joined(separator: " = ") })
    for group in passedOver {
      lines.append(
        "passed over: \(group.count) \(group.kind), such as \(group.example)"
          + (group.advice.map { "; \($0)" } ?? ""))
    }
    for folder in passedOverFolders.prefix(20) {
      lines.append(
        "passed over in \(folder.folder): \(folder.count), such as \(folder.example)")
    }
    lines += warnings.map { "warning: \($0)" }
    list("people with one photo", peopleWithOnePhoto)
    list("labels that nobody has", missingLabels.map(String.init))
    lines.append("verdict: \(verdictText)")
    return lines
  }
}

extension DataCheck {
  /// Data that cannot be opened, and why.
  private init(unusable data: String, _ reason: String) {
    (passedOver, passedOverFolders, remarks, warnings, errors) = ([], [], [], [], [reason])
    (self.data, format) = (data, "")
    (photos, people, bytes, fewestPhotos, mostPhotos) = (0, 0, 0, 0, 0)
    (peopleWithOnePhoto, badPhotos, duplicates, missingLabels, overlaps) = ([], [], [], [], [])
  }
}
