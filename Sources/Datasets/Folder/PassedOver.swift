internal import Interchange

/// What lies beside the photos of a data set and is not read: by ending and by folder, counted,
/// with an example of each.
package struct PassedOver: Sendable, Equatable {
  /// Things of one kind.
  package struct Group: Sendable, Equatable, Encodable {
    /// `.heic`, `hidden`, `no ending`, `@eaDir (folder of a network storage)`.
    package var kind: String
    /// How many there are.
    package var count: Int
    /// The path of the first of them, in the order of their names.
    package var example: String
    /// Whether they are photos of a format that is not read.
    package var arePhotos: Bool
    /// What to do to have them read; nil where there is nothing to do.
    package var advice: String?
  }

  /// A folder and how many of its things are passed over.
  package struct Folder: Sendable, Equatable, Encodable {
    /// Its path within the data set.
    package var folder: String
    /// How many things in it are passed over.
    package var count: Int
    /// The path of the first of them.
    package var example: String
  }

  private var byKind: [String: Group] = [:]
  private var byFolder: [String: Folder] = [:]
  /// The paths within the data set of files that have another use.
  private var used: Set<String> = []

  /// Nothing is passed over so far.
  package init() {}

  /// Passes over what lies in the data set at `root`, but for the files at the paths `used`, which
  /// are read or written as something else than photos.
  init(in root: String, besides used: [String]) {
    self.used = FilePlace.names(of: used, in: root)
  }

  /// Whether the same is passed over.
  package static func == (first: PassedOver, second: PassedOver) -> Bool {
    first.byKind == second.byKind && first.byFolder == second.byFolder
  }

  /// Counts the file at `path`; `format` is what its bytes say, nil where they say nothing, so that
  /// the name has to.
  mutating func add(_ path: String, format: ImageFormat? = nil) {
    let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
    let ending = PhotoName.ending(of: name)
    let format = format ?? Self.formats[ending]
    let kind = ending.isEmpty ? "no ending" : "." + ending
    var advice = format?.conversion
    if advice == nil { advice = Self.advice[ending] }
    add(path, kind: format.map { "\(kind) (\($0.rawValue))" } ?? kind, format != nil, advice)
  }

  /// Counts what is at `path` as one of `kind`.
  mutating func add(
    _ path: String, kind: String, _ isPhoto: Bool = false, _ advice: String? = nil
  ) {
    guard !used.contains(path) else { return }
    var group =
      byKind[kind]
      ?? Group(kind: kind, count: 0, example: path, arePhotos: isPhoto, advice: advice)
    group.count += 1
    // Folders list their files in any order.
    group.example = min(group.example, path)
    byKind[kind] = group
    let name = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    var folder = byFolder[name] ?? Folder(folder: name, count: 0, example: path)
    folder.count += 1
    folder.example = min(folder.example, path)
    byFolder[name] = folder
  }

  /// Counts what `other` counts too.
  mutating func add(_ other: PassedOver) {
    byKind.merge(other.byKind) { own, theirs in
      var both = own
      both.count += theirs.count
      both.example = min(own.example, theirs.example)
      return both
    }
    byFolder.merge(other.byFolder) { own, theirs in
      var both = own
      both.count += theirs.count
      both.example = min(own.example, theirs.example)
      return both
    }
  }

  private static let formats: [String: ImageFormat] = [
    "heic": .heic, "heif": .heic, "hif": .heic, "avif": .avif, "gif": .gif, "bmp": .bmp,
    "dib": .bmp, "tif": .tiff, "tiff": .tiff, "jp2": .jpeg2000, "j2k": .jpeg2000, "jxl": .jpegXL,
    "pgm": .netpbm, "ppm": .netpbm, "pnm": .netpbm, "pbm": .netpbm, "pam": .netpbm,
  ]

  private static let advice = [
    "parquet": "write the table as metadata.csv or metadata.jsonl",
    "zip": "unpack it", "7z": "unpack it", "rar": "unpack it", "gz": "unpack it",
    "tgz": "unpack it", "xz": "unpack it", "bz2": "unpack it", "zst": "unpack it",
    "tar": "give it to --data by itself", "rec": "give it to --data by itself",
    "lmdb": "give it to --data by itself", "mdb": "give its folder to --data by itself",
  ]

  /// How many things are passed over.
  package var count: Int { byKind.values.reduce(0) { $0 + $1.count } }

  /// How many of them are photos.
  package var photoCount: Int { groups.reduce(0) { $0 + ($1.arePhotos ? $1.count : 0) } }

  /// By kind: photos first, then the most.
  package var groups: [Group] {
    byKind.values.sorted {
      ($0.arePhotos ? 0 : 1, -$0.count, $0.kind) < ($1.arePhotos ? 0 : 1, -$1.count, $1.kind)
    }
  }

  /// By folder: the most first, `limit` of them at most.
  package func folders(limit: Int) -> [Folder] {
    Array(byFolder.values.sorted { (-$0.count, $0.folder) < (-$1.count, $1.folder) }.prefix(limit))
  }

  /// How many folders have something that is passed over.
  package var folderCount: Int { byFolder.count }

  /// One line a kind and one of the folders, for a log; none where nothing is passed over.
  package var lines: [String] {
    guard count > 0 else { return [] }
    var lines = groups.prefix(8).map { group in
      "passed over: \(group.count) \(group.kind), such as \(group.example)"
        + (group.advice.map { "; \($0)" } ?? "")
    }
    if groups.count > 8 { lines.append("passed over: \(groups.count - 8) kinds more") }
    let shown = folders(limit: 4).map { "\($0.count) in \($0.folder)" }.joined(separator: ", ")
    lines.append(
      "passed over, by folder: \(shown)"
        + (folderCount > 4 ? " and others in \(folderCount - 4) folders more" : ""))
    return lines
  }
}

/// What somebody should know of a data set before anybody trains on it.
package struct DataNotes: Sendable, Equatable {
  /// What lies beside the photos.
  package var passedOver = PassedOver()
  /// What is most likely not meant, a line each.
  package var warnings: [String] = []
  /// What was made out of the data, such as the columns of a table that were taken, a line each.
  package var remarks: [String] = []

  /// Nothing to say.
  package init() {}

  /// Takes over all that `other` says.
  mutating func add(_ other: DataNotes) {
    passedOver.add(other.passedOver)
    warnings += other.warnings
    remarks += other.remarks
  }

  /// The warnings, with one for photos that are passed over.
  package var allWarnings: [String] {
    let photos = passedOver.photoCount
    return
      (photos == 0
      ? []
      : ["photos of a format that is not read, passed over: \(photos)"]) + warnings
  }
}
