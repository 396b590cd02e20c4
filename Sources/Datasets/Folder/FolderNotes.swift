private import Interchange
internal import Threads

/// Who a folder of photos is listed for.
enum FolderUse {
  case data
  /// Data of which somebody else says why metadata are not read.
  case dataWithMetadata
  /// A task, which calls people by their folders, whatever metadata say; photos right in the folder
  /// are of nobody.
  case task
}

/// What a listing of folders shows that is most likely not meant.
enum FolderNotes {
  /// The notes of a walk whose photos are taken as `index`: what is passed over, folders without
  /// photos, photos in the root itself, one name below several folders.
  static func of(
    _ walk: FolderWalk, _ index: PhotoIndex, for use: FolderUse
  ) -> DataNotes {
    var notes = DataNotes()
    notes.passedOver = walk.passedOver
    let unread = walk.unreadMetadata.first { path in
      let parts = path.split(separator: "/")
      let isKnown = use == .dataWithMetadata && parts.count <= 2
      return !isKnown || !FolderContents.isMetadata(String(parts.last ?? ""))
    }
    if let metadata = unread {
      notes.warnings.append(
        use == .task
          ? "\(metadata) is not read: tasks call people by their folders"
          : "\(metadata) is not read, and people are called by their folders: metadata are read as "
            + "metadata.csv or metadata.jsonl in the folder itself or in those right in it")
    }
    if walk.barren.count > 0 {
      notes.warnings.append(
        walk.barren.count == 1
          ? "1 folder has no photo that is read: \(walk.barren.example)"
          : "\(walk.barren.count) folders have no photo that is read, such as "
            + walk.barren.example)
    }
    if walk.deadLinks.count > 0 {
      notes.warnings.append(
        "links that lead nowhere: \(walk.deadLinks.count), such as \(walk.deadLinks.example); "
          + "look whether what they lead to is mounted, and has not been moved")
    }
    if walk.closed.count > 0 {
      notes.warnings.append(
        "files that may be photos and are not read: \(walk.closed.count), such as "
          + walk.closed.example)
    }
    if walk.repeatedFolders.count > 0 {
      notes.warnings.append(
        "links to folders that are listed by another path too: \(walk.repeatedFolders.count), such "
          + "as \(walk.repeatedFolders.example); their photos count twice, as of other people")
    }
    if walk.twins.count > 0 {
      notes.warnings.append(
        "photos that have the name of another but for the ending: \(walk.twins.count), such as "
          + "\(walk.twins.example); if one is made of the other, leave one away")
    }
    if use != .task, index.people.count > 1, index.people.contains(".") {
      let own = index.photosPerPerson[index.people.firstIndex(of: ".") ?? 0]
      notes.warnings.append(
        "\(own) photo\(own == 1 ? "" : "s") right in the folder count as one person, '.', beside "
          + "the people in folders")
    }
    if let repeated = repeatedNames(index.people) {
      notes.warnings.append(repeated)
    } else if let several = severalFolders(index.people) {
      notes.warnings.append(several)
    }
    if let nested = nested(index.people) { notes.warnings.append(nested) }
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

  /// What of the photos below `root` the metadata `files` do not name; `paths` are the named ones,
  /// sorted bytewise. The files at the paths `used` have another use.
  static func ofMetadata(
    _ root: String, _ paths: TextTable, files: [String], besides used: [String],
    _ index: PhotoIndex, _ meter: WorkMeter?
  ) -> DataNotes {
    var notes = DataNotes()
    meter?.restart(of: paths.count)
    var walk = FolderWalk(
      root: root, besides: used + files.map { root + "/" + $0 }, meter: meter)
    do throws(DatasetError) {
      try walk.run()
    } catch {
      notes.warnings.append("photos that the metadata do not name are not counted: \(error)")
      return notes
    }
    notes.passedOver = walk.passedOver
    let (found, named) = (walk.photos, paths)
    var (at, photo) = (0, 0)
    var unnamed = 0
    var firstUnnamed = ""
    while at < found.count || photo < named.count {
      let isUnnamed =
        photo >= named.count
        || at < found.count && found.slice(at).lexicographicallyPrecedes(named.slice(photo))
      if isUnnamed {
        if unnamed == 0 { firstUnnamed = found[at] }
        unnamed += 1
        notes.passedOver.add(found[at], kind: "not named by the metadata")
        at += 1
      } else {
        if at < found.count, found.slice(at) == named.slice(photo) { at += 1 }
        photo += 1
      }
    }
    let files = files.joined(separator: ", ")
    if unnamed > 0 {
      notes.warnings.append(
        "\(files): \(unnamed) of \(found.count) photos that are there \(unnamed == 1 ? "is" : "are") "
          + "not named, such as \(firstUnnamed), and left out; \(named.count) are taken")
    }
    let parts = Set(files.contains("/") ? index.photos.map { firstFolder($0.path) } : [])
    if let together = splitsTogether(index, parts: parts) { notes.warnings.append(together) }
    return notes
  }

  /// What other programs write as the label of a photo that has none.
  private static let nobody: Set = [
    "nan", "NaN", "none", "None", "null", "NULL", "NA", "N/A", "n/a", "-1", "unknown", "Unknown",
  ]

  /// Warnings of people of `index` whose name is what other programs write for nobody.
  static func nobody(among index: PhotoIndex) -> [String] {
    index.people.indices.filter { nobody.contains(index.people[$0]) }.map { person in
      let count = index.photos.indices.count { index.photos.person(of: $0) == person }
      return "\(count) photo\(count == 1 ? " has" : "s have") the label "
        + "'\(index.people[person])', which other programs write where there is none, and "
        + "\(count == 1 ? "is" : "are") taken for one person's; if nobody is meant, leave "
        + "\(count == 1 ? "it" : "them") out"
    }
  }

  /// Warnings of names that look like one another, and of those with control characters.
  static func nearNames(_ people: [String]) -> [String] {
    var warnings: [String] = []
    var near: [String: [Int]] = [:]
    for (person, name) in people.enumerated() {
      // Swift's strings are equal where they differ in normalisation alone.
      let parts = name.split(separator: "/", omittingEmptySubsequences: false).map { part in
        var part = LineCells.trimmed(part)
        let isNumber = part.utf8.allSatisfy { (0x30...0x39).contains($0) }
        while isNumber, part.utf8.count > 1, part.first == "0" { part.removeFirst() }
        return part
      }
      near[parts.joined(separator: "/").lowercased(), default: []].append(person)
    }
    let groups = near.values.filter { $0.count > 1 }
    if let first = groups.min(by: { $0[0] < $1[0] }) {
      let shown = first.prefix(3).map { "'\(people[$0])'" }.joined(separator: " and ")
      let count = groups.reduce(0) { $0 + $1.count }
      warnings.append(
        "\(count) people have names that differ from another's in capitals, in zeros before a "
          + "number, in white space around them or in how Unicode composes them, such as \(shown), "
          + "and are counted apart; if they are one, call them alike")
    }
    let odd = people.filter(PhotoLabels.hasControls)
    if let first = odd.first {
      let shown = first.unicodeScalars.map { $0.value < 0x20 ? "?" : String($0) }.joined()
      warnings.append(
        "\(odd.count) \(odd.count == 1 ? "person has a name" : "people have names") with control "
          + "characters, such as '\(shown)'")
    }
    return warnings
  }

  /// A warning where folders of people lie in the folders of others, as thumbnails and crops do;
  /// nil where none do.
  static func nested(_ people: [String]) -> String? {
    let known = Set(people.map { Array($0.utf8) })
    let inside = people.filter { path in
      var above = path.utf8[...]
      while let cut = above.lastIndex(of: UInt8(ascii: "/")) {
        above = above[..<cut]
        if known.contains(Array(above)) { return true }
      }
      return false
    }
    guard let first = inside.first else { return nil }
    return
      "\(inside.count) of \(people.count) people \(inside.count == 1 ? "is a folder" : "are folders")"
      + " within another person's folder, such as \(first), and count as people of their own; if "
      + "they hold thumbnails, crops or frames of the same person, move them out or join them"
  }

  /// A warning where folders of photos stand several to a folder that has no photos itself, as
  /// those of a person's videos or days do (VoxCeleb's person/video/frame.jpg); nil where they do
  /// not, and where the folders above are the parts of a data set.
  static func severalFolders(_ people: [String]) -> String? {
    var counts: [[UInt8]: Int] = [:]
    for path in people {
      guard let cut = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return nil }
      counts[Array(path.utf8[..<cut]), default: 0] += 1
    }
    let above = counts.keys.map { String(decoding: $0, as: UTF8.self) }
    // As many to a folder as there are folders: these are parts, or the first letters of names.
    guard above.count > 1, people.count > above.count, people.count <= above.count * above.count,
      !above.allSatisfy({ splits.contains(firstFolder($0).lowercased()) })
    else { return nil }
    return "\(people.count) folders of photos stand below \(above.count) others, such as "
      + "\(people[0]), and each counts as a person; if a person is one of the "
      + "\(above.count), with folders of videos or days in it, give a list 'path label'"
  }

  /// A warning where people of one name stand below several folders; nil where none do.
  static func repeatedNames(_ people: [String]) -> String? {
    var places: [[UInt8]: [Int]] = [:]
    for (person, path) in people.enumerated() {
      let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
      places[name, default: []].append(person)
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
