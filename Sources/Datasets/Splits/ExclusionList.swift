private import Interchange

/// What `--exclude` names: photos and people to leave out of a data set, and photos and people
/// whose photos are somebody else's.
///
/// A line is a name and, behind a tab, what becomes of it: nothing or `drop` leaves it out,
/// `=PERSON` makes the photos that person's. What stands behind another tab is a reason, which
/// nobody reads. Empty lines and those that begin with `#` say nothing. A name is that of a person,
/// with a slash behind it or not, else the whole path of a photo or what `PhotoLookup` knows one
/// by.
package struct ExclusionList: Sendable {
  private struct Entry {
    let name: String
    /// Whose the photos are; nil leaves them out.
    let person: String?
  }

  /// The file, as it was given.
  package let path: String
  private let entries: [Entry]

  /// Reads the file at `path`. Throws `DatasetError`.
  package init(path: String) throws(DatasetError) {
    self.path = path
    var entries: [Entry] = []
    let lines: [String]
    do {
      lines = try TextFile.lines(of: path)
    } catch {
      throw DatasetError(error, path: path)
    }
    for (number, line) in lines.enumerated() {
      let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard let first = cells.first, !first.isEmpty, !first.hasPrefix("#") else {
        guard cells.dropFirst().allSatisfy(\.isEmpty) || line.hasPrefix("#") else {
          throw .badLine(path: path, line: number + 1, reason: "has no name before its first tab")
        }
        continue
      }
      let fate = cells.count > 1 ? cells[1] : ""
      if fate.hasPrefix("="), fate.count > 1 {
        entries.append(Entry(name: String(first), person: Self.person(String(fate.dropFirst()))))
      } else if fate.isEmpty || fate == "drop" {
        entries.append(Entry(name: String(first), person: nil))
      } else {
        throw .badLine(
          path: path, line: number + 1,
          reason: "says '\(fate)' of '\(first)'; behind a name stands nothing, drop, or =PERSON "
            + "whose photos they are, with a tab before it")
      }
    }
    self.entries = entries
  }

  /// `name` without the slash that marks a person.
  private static func person(_ name: String) -> String {
    name.hasSuffix("/") ? String(name.dropLast()) : name
  }

  // MARK: What it makes of data

  /// A data set without what a list leaves out.
  package struct Outcome: Sendable {
    /// The photos that stay, ascending, by their numbers in the whole.
    package let kept: [Int]
    /// The same photos and their people; people without photos are none.
    package let index: PhotoIndex
    /// Each of `index.people` by its number in the whole, ascending.
    package let people: [Int]
    /// What has become of the data, in one line.
    package let remark: String
    /// What of the list names nothing; nil where all does.
    package let warning: String?
  }

  /// What is left of the photos of `whole`, and whose they are: as if what it leaves out were not
  /// there. `data` is what to call them in a message. Throws `DatasetError`, also where it names
  /// nothing of them, or leaves nothing.
  package func apply(to whole: PhotoIndex, data: String) throws(DatasetError) -> Outcome {
    let fates = try fates(in: whole)
    if fates.unknown.count == entries.count, let first = entries.first {
      throw .badOption(
        name: "--exclude", text: path,
        reason: "none of its \(entries.count) names is in \(data), the first is '\(first.name)'; "
          + "give photos and people as the data call them")
    }
    var kept: [Int] = []
    var owners: [Int32] = []
    var hasPhoto = [Bool](repeating: false, count: whole.people.count)
    for photo in whole.photos.indices {
      let own = whole.photos.person(of: photo)
      let person = fates.ofPhotos[photo] ?? fates.ofPeople[own] ?? own
      guard person >= 0 else { continue }
      kept.append(photo)
      owners.append(Int32(person))
      hasPhoto[person] = true
    }
    guard !kept.isEmpty else {
      throw .badOption(
        name: "--exclude", text: path, reason: "leaves no photo of \(data); it is to name some")
    }
    let people = whole.people.indices.filter { hasPhoto[$0] }
    var numbers = [Int32](repeating: -1, count: whole.people.count)
    for (number, person) in people.enumerated() { numbers[person] = Int32(number) }
    let photos = whole.photos
    let places = kept
    let index = PhotoIndex(
      photos: PhotoList(people: owners.map { numbers[Int($0)] }) { photos[places[$0]].path },
      people: people.map { whole.people[$0] })
    let moved = zip(kept, owners).count { whole.photos.person(of: $0) != Int($1) }
    return Outcome(
      kept: kept, index: index, people: people,
      remark: remark(whole, photos: kept.count, people: people.count, moved: moved),
      warning: warning(fates.unknown, data))
  }

  private func remark(_ whole: PhotoIndex, photos: Int, people: Int, moved: Int) -> String {
    let lost = whole.photos.count - photos
    return "\(path): \(lost) of \(whole.photos.count) photos are left out"
      + (moved > 0 ? ", \(moved) are taken for those of somebody else" : "")
      + "; \(photos) photos of \(people) people stay, of \(whole.people.count)"
  }

  private func warning(_ unknown: [String], _ data: String) -> String? {
    guard let first = unknown.first else { return nil }
    return "\(path): \(unknown.count) of its \(entries.count) lines "
      + "\(unknown.count == 1 ? "names" : "name") nobody and no photo of \(data), such as '\(first)'"
  }

  /// What becomes of photos and people, by their numbers: another person, or -1 for nobody.
  private struct Fates {
    var ofPhotos: [Int: Int] = [:]
    var ofPeople: [Int: Int] = [:]
    /// Names of lines that mean nothing.
    var unknown: [String] = []
  }

  private func fates(in whole: PhotoIndex) throws(DatasetError) -> Fates {
    var fates = Fates()
    let people = Dictionary(
      zip(whole.people, 0...).map { ($0, $1) }, uniquingKeysWith: { first, _ in first })
    let found = photos(whole, people)
    var lookup: PhotoLookup?
    // Lines that leave out come last, as they count whatever others say.
    for entry in entries.filter({ $0.person != nil }) + entries.filter({ $0.person == nil }) {
      var fate = -1
      if let person = entry.person {
        guard let number = people[person] else {
          fates.unknown.append(person)
          continue
        }
        fate = number
      }
      if let photo = found[entry.name] {
        fates.ofPhotos[photo] = fate
      } else if let person = people[Self.person(entry.name)] {
        fates.ofPeople[person] = fate
      } else {
        if lookup == nil { lookup = PhotoLookup(whole.photos.map(\.path)) }
        switch lookup?.find(entry.name) ?? PhotoLookup.Answer.none {
        case .one(let photo): fates.ofPhotos[photo] = fate
        case .none: fates.unknown.append(entry.name)
        case .several(let photos):
          throw .badOption(
            name: "--exclude", text: path,
            reason: "'\(entry.name)' may be \(lookup?.text(photos) ?? ""); give the whole path")
        }
      }
    }
    try follow(&fates.ofPeople, whole)
    for (photo, person) in fates.ofPhotos where person >= 0 {
      fates.ofPhotos[photo] = fates.ofPeople[person].map { $0 < 0 ? person : $0 } ?? person
    }
    return fates
  }

  /// Photos by those names of the list that are their whole paths: one pass over all photos, of
  /// which there may be very many, in place of a table of them.
  private func photos(_ whole: PhotoIndex, _ people: [String: Int]) -> [String: Int] {
    let wanted = Set(entries.lazy.map(\.name).filter { !$0.hasSuffix("/") && people[$0] == nil })
    var found: [String: Int] = [:]
    guard !wanted.isEmpty else { return found }
    for photo in whole.photos.indices {
      let path = whole.photos[photo].path
      if wanted.contains(path) { found[path] = photo }
    }
    return found
  }

  /// Makes those whose photos are those of somebody who is himself another's the last one's. Throws
  /// where nobody is the last.
  private func follow(_ fates: inout [Int: Int], _ whole: PhotoIndex) throws(DatasetError) {
    for person in fates.keys.sorted() {
      var (last, steps) = (person, 0)
      while let next = fates[last], next >= 0, next != last, steps <= fates.count {
        last = next
        steps += 1
      }
      guard steps <= fates.count else {
        throw .badOption(
          name: "--exclude", text: path,
          reason: "makes '\(whole.people[person])' somebody who is in turn taken for him; let one "
            + "of them be nobody else")
      }
      if steps > 0 { fates[person] = last }
    }
  }
}

/// Some of the photos of another source, in their order.
struct KeptPhotos: PhotoSource {
  private let photos: [Int]
  private let whole: any PhotoSource

  init(_ photos: [Int], of whole: any PhotoSource) {
    self.photos = photos
    self.whole = whole
  }

  var count: Int { photos.count }
  func name(of photo: Int) -> String { whole.name(of: photos[photo]) }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    try whole.read(photos[photo], into: buffer)
  }

  func byteCount(of photo: Int) -> Int? { whole.byteCount(of: photos[photo]) }
}

extension ExclusionList.Outcome {
  /// The photos that stay, of `whole`.
  package func source(of whole: any PhotoSource) -> any PhotoSource { KeptPhotos(kept, of: whole) }

  /// Adds to `notes` what has become of the data.
  package func tell(_ notes: inout DataNotes) {
    notes.remarks.append(remark)
    if let warning { notes.warnings.append(warning) }
  }
}
