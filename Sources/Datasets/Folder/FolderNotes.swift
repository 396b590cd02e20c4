internal import Threads

/// What a listing of folders shows that is most likely not meant.
enum FolderNotes {
  /// The notes of a walk whose photos are taken as `index`: what is passed over, folders without
  /// photos, photos in the root itself, one name below several folders.
  static func of(_ walk: FolderWalk, _ index: PhotoIndex) -> DataNotes {
    var notes = DataNotes()
    notes.passedOver = walk.passedOver
    if let metadata = walk.unreadMetadata.first {
      notes.warnings.append(
        "\(metadata) is not read, and people are called by their folders: metadata are read as "
          + "metadata.csv or metadata.jsonl in the folder itself or in those right in it")
    }
    if walk.barren.count > 0 {
      notes.warnings.append(
        walk.barren.count == 1
          ? "1 folder has no photo that is read: \(walk.barren.example)"
          : "\(walk.barren.count) folders have no photo that is read, such as "
            + walk.barren.example)
    }
    if walk.twins.count > 0 {
      notes.warnings.append(
        "photos that have the name of another but for the ending: \(walk.twins.count), such as "
          + "\(walk.twins.example); if one is made of the other, leave one away")
    }
    if index.people.count > 1, index.people.contains(".") {
      let own = index.photosPerPerson[index.people.firstIndex(of: ".") ?? 0]
      notes.warnings.append(
        "\(own) photo\(own == 1 ? "" : "s") right in the folder count as one person, '.', beside "
          + "the people in folders")
    }
    if let repeated = repeatedNames(index.people) { notes.warnings.append(repeated) }
    let parts = Set(index.people.map(firstFolder))
    if let together = splitsTogether(index, parts: parts) { notes.warnings.append(together) }
    return notes
  }

  /// The parts into which Hugging Face's imagefolder and many others divide data.
  static let splits: Set<String> = [
    "train", "training", "validation", "valid", "dev", "val", "test", "testing", "eval",
    "evaluation",
  ]

  /// A warning where `parts`, the folders right in the root, are several splits of one data set,
  /// and all of them are taken; nil where they are not.
  static func splitsTogether(_ index: PhotoIndex, parts: Set<String>) -> String? {
    guard parts.count > 1, parts.allSatisfy({ splits.contains($0.lowercased()) }) else {
      return nil
    }
    var counts: [String: Int] = [:]
    for photo in index.photos { counts[firstFolder(photo.path), default: 0] += 1 }
    let shown = counts.sorted { $0.key < $1.key }.map { "\($0.value) of \($0.key)" }
    return
      "the splits are taken together: \(shown.joined(separator: ", ")) photos; to train on one, "
      + "give --data its folder"
  }

  private static func firstFolder(_ path: String) -> String {
    String(path.prefix { $0 != "/" })
  }

  /// What of the photos below `root` the metadata `files` do not name, and which photos they name
  /// that are not there; `paths` are the named ones, sorted bytewise.
  static func ofMetadata(
    _ root: String, _ paths: TextTable, files: [String], _ index: PhotoIndex, _ meter: WorkMeter?
  ) -> DataNotes {
    var notes = DataNotes()
    meter?.restart(of: paths.count)
    var walk = FolderWalk(root: root, meter: meter)
    do throws(DatasetError) {
      try walk.run()
    } catch {
      notes.warnings.append("photos that the metadata do not name are not counted: \(error)")
      return notes
    }
    notes.passedOver = walk.passedOver
    notes.passedOver.forget(files)
    let (found, named) = (walk.photos, paths)
    var (at, photo) = (0, 0)
    var (absent, unnamed) = (0, 0)
    var (firstAbsent, firstUnnamed) = ("", "")
    while at < found.count || photo < named.count {
      let isUnnamed =
        photo >= named.count
        || at < found.count && found.slice(at).lexicographicallyPrecedes(named.slice(photo))
      if isUnnamed {
        if unnamed == 0 { firstUnnamed = found[at] }
        unnamed += 1
        notes.passedOver.add(found[at], kind: "not named by the metadata")
        at += 1
      } else if at < found.count, found.slice(at) == named.slice(photo) {
        at += 1
        photo += 1
      } else {
        if !FileReader.exists(root + "/" + named[photo]) {
          if absent == 0 { firstAbsent = named[photo] }
          absent += 1
        }
        photo += 1
      }
    }
    let files = files.joined(separator: ", ")
    if unnamed > 0 {
      notes.warnings.append(
        "\(files): \(unnamed) of \(found.count) photos that are there \(unnamed == 1 ? "is" : "are") "
          + "not named, such as \(firstUnnamed), and left out; \(named.count) are taken")
    }
    if absent > 0 {
      notes.warnings.append(
        "\(files): \(absent) of the photos that are named \(absent == 1 ? "is" : "are") not there, "
          + "such as \(firstAbsent)")
    }
    let parts = Set(files.contains("/") ? index.photos.map { firstFolder($0.path) } : [])
    if let together = splitsTogether(index, parts: parts) { notes.warnings.append(together) }
    return notes
  }

  /// A warning where people of one name stand below several folders; nil where none do.
  static func repeatedNames(_ people: [String]) -> String? {
    var places: [Substring: [Int]] = [:]
    for (person, path) in people.enumerated() {
      guard let cut = path.lastIndex(of: "/") else {
        places[path[...], default: []].append(person)
        continue
      }
      places[path[path.index(after: cut)...], default: []].append(person)
    }
    let repeated = places.filter { $0.value.count > 1 }
    guard let first = repeated.min(by: { $0.value[0] < $1.value[0] }) else { return nil }
    let shown = first.value.prefix(3).map { people[$0] }.joined(separator: ", ")
    let count = repeated.reduce(0) { $0 + $1.value.count }
    let parts = Set(people.compactMap { $0.split(separator: "/").first.map(String.init) })
    let advice =
      !parts.isEmpty && parts.allSatisfy { splits.contains($0.lowercased()) }
      ? "give --data the folder of one part to train on that part, or a list to join them"
      : "a person is a folder by its whole path; join those that are one"
    return "\(repeated.count) name\(repeated.count == 1 ? " stands" : "s stand") below several "
      + "folders and count\(repeated.count == 1 ? "s" : "") as \(count) people: \(shown)"
      + (first.value.count > 3 ? ", ..." : "") + "; \(advice)"
  }
}
