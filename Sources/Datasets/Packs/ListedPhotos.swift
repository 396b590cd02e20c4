private import Interchange
internal import Threads

/// Photos that a file names: a list of paths and labels (`ListLayout`), or the `metadata.csv` or
/// `metadata.jsonl` of Hugging Face's imagefolder.
///
/// Paths are relative to the folder of the file; photos are ordered by the bytes of their paths, as
/// those of an image folder are. One that is not there when the file is read is a bad photo.
struct ListedPhotos: PhotoSource {
  let index: PhotoIndex
  let labels: [Int]?
  /// What was taken of the file, what is named twice, and what is not there.
  let notes: DataNotes
  private let root: String
  /// The photos' paths as they are named, sorted bytewise.
  let paths: TextTable
  /// The photos that were not there.
  private let missing: Set<Int32>

  /// Reads the list at `path`; throws `DatasetError`. `meter` counts photos as they are found.
  init(list path: String, meter: WorkMeter? = nil) throws(DatasetError) {
    var lines = Lines()
    let root = Self.folder(of: path)
    func isThere(_ photo: Substring) -> Bool {
      FileReader.isFile(Self.absolute(String(photo), root))
    }
    let (layout, hasQuotes) = try ListLayout.find(path, isThere: isThere)
    var isFirst = true
    try ListRows.forEach(path, layout.separator, hasQuotes: hasQuotes) {
      (row, number) throws(DatasetError) in
      let parts = layout.parts(of: row)
      if row.first?.utf8.first == UInt8(ascii: "#"), parts.map({ !isThere($0.photo) }) ?? true {
        return true
      }
      defer { isFirst = false }
      if isFirst, layout.titles != nil { return true }
      guard let (photo, label) = parts else {
        throw .badLine(
          path: path, line: number, reason: "is not '\(layout.form)' as the lines before it")
      }
      if let label {
        try lines.append(photo, label, path, number)
      } else {
        try lines.append(photo, try Self.folderLabel(photo, path, number), path, number)
      }
      meter?.add()
      return true
    }
    let name = path.split(separator: "/").last.map(String.init) ?? path
    if layout.label == nil || layout.titles != nil || layout.columns > 2 {
      lines.notes.remarks.append(
        ColumnTitles(layout.titles ?? []).remark(
          file: name, photo: layout.photo, label: layout.label))
    }
    try self.init(lines, root: root, file: path)
  }

  /// Who is on the photo at `path` of a list that names photos alone.
  private static func folderLabel(
    _ path: Substring, _ file: String, _ line: Int
  ) throws(DatasetError) -> Substring {
    guard let cut = path.utf8.lastIndex(of: UInt8(ascii: "/")), cut > path.startIndex,
      path[..<cut] != "."
    else {
      throw .badLine(
        path: file, line: line,
        reason: "names a photo alone, '\(path)', that stands in no folder which could say who is "
          + "on it; write 'path label'")
    }
    return path[..<cut]
  }

  /// Reads `metadata.csv` or `metadata.jsonl` files in folders that are `parts` ("" for itself) of
  /// `root`; throws `DatasetError`. `meter` counts photos as they are found.
  init(
    metadata files: [(part: String, name: String)], in root: String, meter: WorkMeter? = nil
  ) throws(DatasetError) {
    var lines = Lines()
    for (part, name) in files {
      let prefix = part.isEmpty ? "" : part + "/"
      let path = root + "/" + prefix + name
      let said = try MetadataRows.forEach(path) {
        (name, label, line) throws(DatasetError) in
        guard let name, let label else {
          throw .badLine(
            path: path, line: line, reason: "has no \(name == nil ? "file_name" : "label")")
        }
        guard !name.hasPrefix("/"), !name.hasPrefix("~/"),
          !name.split(separator: "/").contains("..")
        else {
          throw .badLine(path: path, line: line, reason: "file_name \(name) leaves the folder")
        }
        try lines.append((prefix + name)[...], label[...], path, line)
        meter?.add()
      }
      lines.notes.add(said)
    }
    try self.init(lines, root: root, file: root)
  }

  private init(_ lines: Lines, root: String, file: String) throws(DatasetError) {
    guard lines.paths.count > 0 else { throw .unusable(path: file, reason: "names no photos") }
    let unsorted = lines.paths
    var order = (0..<unsorted.count).sorted {
      unsorted.slice($0).lexicographicallyPrecedes(unsorted.slice($1))
    }
    let known = lines.labels.people()
    var notes = lines.notes
    try Self.join(&order, lines, known, root: root, file: file, &notes)
    var sorted = TextTable(reservingFor: unsorted)
    for photo in order { sorted.append(unsorted.slice(photo)) }
    var people = LabelledPeople(
      people: order.map { known.people[$0] }, names: known.names, labels: known.labels)
    people.takeNames(fromFoldersOf: sorted)
    let paths = sorted
    missing = Self.missing(paths, root)
    if missing.count == paths.count {
      let first = Self.absolute(paths[0], root)
      let isOfWindows = first.contains("\\") && !first.dropFirst(root.count + 1).contains("/")
      throw .unusable(
        path: file,
        reason: "names \(first), which is not there; "
          + (isOfWindows
            ? "write / in the place of \\" : "paths are absolute, or relative to \(root)"))
    }
    if let first = missing.min() {
      let label = known.names[Int(known.people[order[Int(first)]])]
      if FileReader.isFile(Self.absolute(label, root)) {
        throw Self.exchanged(file, path: paths[Int(first)], label: label)
      }
      notes.warnings.append(
        "\(file): \(missing.count) of the \(paths.count) photos that are named "
          + "\(missing.count == 1 ? "is" : "are") not there, such as \(paths[Int(first)]); "
          + "\(missing.count == 1 ? "it counts as a bad photo" : "they count as bad photos") "
          + "(--max-bad)")
    }
    self.root = root
    self.paths = paths
    self.notes = notes
    labels = people.labels
    index = PhotoIndex(
      photos: PhotoList(people: people.people) { paths[$0] }, people: people.names)
  }

  private static func exchanged(_ file: String, path: String, label: String) -> DatasetError {
    .unusable(
      path: file,
      reason: "has lines of two kinds: in one '\(path)' stands where others have the photo, and "
        + "'\(label)' where they have the label; write all of them alike")
  }

  /// Leaves one of the lines that name the same photo with the same label, and counts the others;
  /// throws `DatasetError` where the labels are different.
  private static func join(
    _ order: inout [Int], _ lines: Lines, _ known: LabelledPeople, root: String, file: String,
    _ notes: inout DataNotes
  ) throws(DatasetError) {
    var kept: [Int] = []
    kept.reserveCapacity(order.count)
    var (alike, unlike) = (0, 0)
    var firstAlike: Int?
    var firstUnlike: (Int, Int)?
    for line in order {
      guard let last = kept.last, lines.paths.slice(last) == lines.paths.slice(line) else {
        kept.append(line)
        continue
      }
      if known.people[last] == known.people[line] {
        alike += 1
        firstAlike = firstAlike ?? line
      } else {
        unlike += 1
        firstUnlike = firstUnlike ?? (last, line)
      }
    }
    func label(_ line: Int) -> String { known.names[Int(known.people[line])] }
    if let (one, other) = firstUnlike {
      let path = lines.paths[one]
      let photo = [label(one), label(other)].first { FileReader.isFile(absolute($0, root)) }
      if let photo, !FileReader.isFile(absolute(path, root)) {
        throw exchanged(file, path: path, label: photo)
      }
      throw .unusable(
        path: file,
        reason: "says of \(path) that it shows '\(label(one))' and '\(label(other))'"
          + (unlike == 1 ? "" : ", and contradicts itself in \(unlike) lines in all")
          + (alike == 0 ? "" : "; \(alike) more name a photo again with the same label")
          + "; leave one line for each photo")
    }
    order = kept
    guard let firstAlike else { return }
    notes.warnings.append(
      "\(file): \(alike) line\(alike == 1 ? " names" : "s name") a photo again, with the same "
        + "label, such as \(lines.paths[firstAlike]); each photo counts once")
  }

  var count: Int { paths.count }
  func name(of photo: Int) -> String { paths[photo] }

  func read(_ photo: Int, into buffer: ByteBuffer) throws(ImageError) {
    guard !missing.contains(Int32(photo)) else {
      throw ImageError(description: "was not there when the data were opened")
    }
    try FileReader.read(Self.absolute(paths[photo], root), into: buffer)
  }

  func byteCount(of photo: Int) -> Int? {
    FileReader.byteCount(of: Self.absolute(paths[photo], root))
  }

  private static func absolute(_ path: String, _ root: String) -> String {
    UserPath.inList(path, below: root)
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  /// The photos of `paths`, which are sorted, that are not there; links that lead nowhere are.
  private static func missing(_ paths: TextTable, _ root: String) -> Set<Int32> {
    var missing: Set<Int32> = []
    var photo = 0
    while photo < paths.count {
      // Photos of one folder stand together.
      let folder = folder(paths.slice(photo))
      var end = photo + 1
      while end < paths.count, self.folder(paths.slice(end)) == folder { end += 1 }
      // Many are looked up in the folder's list, which a network file system brings at once.
      var names: Set<[UInt8]>?
      if end - photo >= 8, let all = try? FileReader.entries(in: absolute(text(folder), root)) {
        names = Set(all.map(\.name))
      }
      for place in photo..<end {
        let path = paths.slice(place)
        let isThere =
          names.map { $0.contains(Array(path.dropFirst(folder.count))) }
          ?? FileReader.isNamed(absolute(text(path), root))
        if !isThere { missing.insert(Int32(place)) }
      }
      photo = end
    }
    return missing
  }

  /// A path up to its last slash, with it.
  private static func folder(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    path[..<(path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex)]
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes, as: UTF8.self)
  }

  private struct Lines {
    var paths = TextTable()
    var labels = PhotoLabels()
    var notes = DataNotes()

    mutating func append(
      _ path: Substring, _ label: Substring, _ file: String, _ line: Int
    ) throws(DatasetError) {
      let path = path.trimmedASCII
      guard !path.isEmpty else {
        throw .badLine(path: file, line: line, reason: "has an empty path")
      }
      paths.append(Self.plain(path.utf8))
      do throws(LabelProblem) {
        try labels.append(String(label))
      } catch {
        throw .badLine(path: file, line: line, reason: "has \(error)")
      }
    }

    /// A path without parts that say nothing: `./a`, `a//b` and `a/./b` are `a` and `a/b`.
    private static func plain(_ path: Substring.UTF8View) -> [UInt8] {
      var plain: [UInt8] = []
      plain.reserveCapacity(path.count)
      let slash = UInt8(ascii: "/")
      for byte in path {
        if byte == slash {
          if plain.last == slash { continue }
          if plain == [0x2E] || plain.suffix(2) == [slash, 0x2E] {
            plain.removeLast()
            if plain.isEmpty || plain.last == slash { continue }
          }
        }
        plain.append(byte)
      }
      return plain
    }
  }
}
