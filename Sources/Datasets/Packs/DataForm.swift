#if canImport(Glibc)
  private import Glibc
#else
  private import Darwin
#endif
private import Interchange
internal import Threads

/// What a path that is given as data holds.
enum DataForm {
  case records(String)
  case shards([String])
  case lmdb(String)
  case metadata([(part: String, name: String)], root: String)
  case list
  case folder

  /// What stands before the path of a folder to have it taken as one of `person/photo.jpg`.
  static let folderPrefix = "folder:"

  /// What `path` names, the path without a prefix, and what is to be said of how it was recognised.
  /// Throws `DatasetError`. The files at the paths `used` have another use; `meter` counts folders
  /// that are looked into.
  static func of(
    _ path: String, besides used: [String] = [], meter: WorkMeter? = nil
  ) throws(DatasetError) -> (form: DataForm, path: String, notes: DataNotes) {
    if let shards = try braces(path) { return (.shards(shards), path, DataNotes()) }
    if path.hasPrefix(folderPrefix), !FileReader.exists(path) {
      do throws(UserPath.Failure) {
        return (.folder, try UserPath.read(String(path.dropFirst(7))), DataNotes())
      } catch {
        throw .badOption(name: "--data", text: path, reason: error.description)
      }
    }
    var facts = stat()
    guard stat(path, &facts) == 0 else {
      if errno == ENOENT { throw path.hasPrefix("synthetic:") ? drawn(path) : .noSuchFolder(path) }
      throw .unreadable(path: path, reason: FileReader.reason(errno))
    }
    guard facts.st_mode & S_IFMT == S_IFDIR else { return (try ofFile(path), path, DataNotes()) }
    try UnfinishedFolder.check(path)
    let (form, notes) = try FolderContents(path, besides: used).form(meter)
    return (form, path, notes)
  }

  private static func drawn(_ path: String) -> DatasetError {
    .unusable(
      path: path,
      reason: "are faces that are drawn in memory, without files; write some into a folder, "
        + "ddp-train synthesize FOLDER --people N --photos N, and give that")
  }

  private static func ofFile(_ path: String) throws(DatasetError) -> DataForm {
    let start = try start(of: path)
    let name = path.split(separator: "/").last.map(String.init) ?? path
    if let complaint = FileKind.complaint(aboutStart: start) {
      throw .unusable(path: path, reason: complaint)
    }
    if path.hasSuffix(".rec") { return .records(path) }
    if path.hasSuffix(".idx") { return .records(path.dropLast(4) + ".rec") }
    if LMDBFile.isOne(start[...]) { return .lmdb(path) }
    if path.hasSuffix(".tar")
      || start.count >= 262 && start[257..<262].elementsEqual("ustar".utf8)
    {
      return .shards([path])
    }
    if RecordFile.magic(of: start) != nil { return .records(path) }
    if path.hasSuffix(".bin") || (start.count > 1 && start[0] == 0x80 && start[1] <= 5) {
      throw .badOption(
        name: "--data", text: path,
        reason: "is a verification set, which names no people; give it to --pairs")
    }
    if FolderContents.isMetadata(name) {
      let root = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
      return .metadata([("", name)], root: root.isEmpty ? "/" : root)
    }
    return .list
  }

  /// The first bytes of the file at `path`; throws `DatasetError`.
  static func start(of path: String) throws(DatasetError) -> [UInt8] {
    let file = try RandomAccessFile(path: path)
    do throws(ImageError) {
      return try file.bytes(at: 0, count: min(file.byteCount, 512))
    } catch {
      throw .unreadable(path: path, reason: error.description)
    }
  }

  /// What to say of a folder without photos whose files hold them packed; nil where none does.
  static func packedContents(of root: String) throws(DatasetError) -> DatasetError? {
    for name in try FolderContents(root).files.prefix(64) {
      let path = root + "/" + name
      guard let start = try? start(of: path) else { continue }
      if let complaint = FileKind.complaint(aboutStart: start, packedOnly: true) {
        return .unusable(path: path, reason: complaint)
      }
    }
    return nil
  }

  /// The shards that `name-{000000..000146}.tar` stands for; nil for a path without such braces.
  private static func braces(_ path: String) throws(DatasetError) -> [String]? {
    guard !FileReader.exists(path), let open = path.firstIndex(of: "{"),
      let close = path[open...].firstIndex(of: "}"), path.hasSuffix(".tar")
    else { return nil }
    let range = path[path.index(after: open)..<close].split(
      separator: ".", omittingEmptySubsequences: false)
    guard range.count == 3, range[1].isEmpty, let first = Int(range[0]), let last = Int(range[2]),
      first >= 0, first <= last, last - first < Int(UInt16.max)
    else {
      throw .badOption(
        name: "--data", text: path, reason: "shards are named as in name-{000000..000146}.tar")
    }
    return (first...last).map { number in
      let digits = String(number)
      return path[..<open] + String(repeating: "0", count: max(0, range[0].count - digits.count))
        + digits + path[path.index(after: close)...]
    }
  }
}

/// The names right in a folder that are not hidden, sorted bytewise, and what form of data they
/// make it.
struct FolderContents {
  let root: String
  private(set) var files: [String] = []
  private(set) var folders: [String] = []
  /// The paths of files that have another use.
  private let used: [String]

  /// Lists the folder at `root`, where the files at the paths `used` have another use; throws
  /// `DatasetError.unreadable`.
  init(_ root: String, besides used: [String] = []) throws(DatasetError) {
    self.root = root
    self.used = used
    for (bytes, isFolder) in try FileReader.entries(in: root) where bytes.first != 0x2E {
      let name = String(decoding: bytes, as: UTF8.self)
      if isFolder, SystemFolder.keeper(of: bytes) != nil { continue }
      if isFolder { folders.append(name) } else { files.append(name) }
    }
    files.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    folders.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  static func isMetadata(_ name: String) -> Bool {
    name == "metadata.csv" || name == "metadata.jsonl"
  }

  /// What the folder is, and what is to be said of what else it might be; throws `DatasetError`
  /// where it is a pack and a folder of photos at once. `meter` counts folders that are looked
  /// into.
  func form(_ meter: WorkMeter? = nil) throws(DatasetError) -> (DataForm, DataNotes) {
    var notes = DataNotes()
    if let pack = try pack(&notes) { return (pack, notes) }
    let tables = try metadata(&notes, meter)
    return (tables.isEmpty ? .folder : .metadata(tables, root: root), notes)
  }

  // MARK: Packs

  /// The pack that the folder is; nil for none, with a warning of those that are passed over.
  private func pack(_ notes: inout DataNotes) throws(DatasetError) -> DataForm? {
    let records = files.filter { $0.hasSuffix(".rec") }
    let bases = files.filter { $0 == "data.mdb" || $0.hasSuffix(".lmdb") }
    let shards = files.filter { $0.hasSuffix(".tar") }
    guard !records.isEmpty || !bases.isEmpty || !shards.isEmpty else { return nil }
    guard let photo = firstPhoto() else {
      let form = try only(records, bases, shards)
      notes = beside(form)
      return form
    }
    let sound =
      records.filter { RecordFile.magic(of: start(of: $0)) != nil }
      + bases.filter { LMDBFile.isOne(start(of: $0)[...]) }
    if let pack = sound.first(where: { !$0.hasSuffix(".lmdb") }) {
      throw .badOption(
        name: "--data", text: root,
        reason: "holds both a pack, \(pack), and photos in folders, such as \(photo): give "
          + "\(root)/\(pack) to take the pack, \(DataForm.folderPrefix)\(root) to take the folders")
    }
    for pack in records + bases + shards {
      let isSound = sound.contains(pack) || pack.hasSuffix(".tar")
      notes.warnings.append(
        isSound
          ? "\(pack) is not read, and the photos in folders are, such as \(photo); to take it, "
            + "give \(root)/\(pack)"
          : "\(pack) is \(start(of: pack).isEmpty ? "empty" : "not what its name says") and not "
            + "read; the photos in folders are, such as \(photo)")
    }
    return nil
  }

  /// The one pack of a folder without photos of its own; throws `DatasetError` where there are
  /// several.
  private func only(
    _ records: [String], _ bases: [String], _ shards: [String]
  ) throws(DatasetError) -> DataForm? {
    if records.contains("train.rec") { return .records(root + "/train.rec") }
    if records.count == 1 { return .records(root + "/" + records[0]) }
    if records.count > 1 {
      throw .badOption(
        name: "--data", text: root,
        reason: "holds \(records.count) packs, none of them train.rec; name one")
    }
    if bases.contains("data.mdb") { return .lmdb(root + "/data.mdb") }
    if bases.count == 1 { return .lmdb(root + "/" + bases[0]) }
    if bases.count > 1 {
      throw .badOption(
        name: "--data", text: root, reason: "holds \(bases.count) databases of LMDB; name one")
    }
    return .shards(shards.map { root + "/" + $0 })
  }

  /// What lies beside the pack that was taken: other packs and folders, which are not read.
  private func beside(_ form: DataForm?) -> DataNotes {
    var notes = DataNotes()
    notes.passedOver = PassedOver(in: root, besides: used)
    var own: Set<String> = []
    switch form {
    case .records(let path):
      let stem = path.split(separator: "/").last.map { String($0.dropLast(4)) } ?? ""
      own = Set(["rec", "idx", "lst", "tsv", "people"].map { stem + "." + $0 })
      own.insert("property")
    case .lmdb(let path):
      let name = path.split(separator: "/").last.map(String.init) ?? ""
      own = [name, "lock.mdb", name + "-lock"]
    case .shards(let paths):
      own = Set(paths.map { $0.split(separator: "/").last.map(String.init) ?? "" })
    default: break
    }
    for name in files where !own.contains(name) { notes.passedOver.add(name) }
    for name in folders { notes.passedOver.add(name, kind: "folder beside the pack") }
    return notes
  }

  private func start(of name: String) -> [UInt8] {
    (try? DataForm.start(of: root + "/" + name)) ?? []
  }

  /// As many folders and names are looked through for a photo.
  private static let searchLimit = 10_000

  /// The path of a photo, by its name, in the folders below; nil where none is found in as many
  /// names as are looked at.
  private func firstPhoto() -> String? {
    var left = Self.searchLimit
    var queue = folders[...]
    while let folder = queue.popFirst(), left > 0 {
      guard let contents = try? FolderContents(root + "/" + folder) else { continue }
      left -= contents.files.count + contents.folders.count + 1
      if let photo = contents.files.first(where: { PhotoName($0.utf8) == .photo }) {
        return folder + "/" + photo
      }
      queue.append(contentsOf: contents.folders.map { folder + "/" + $0 })
    }
    return nil
  }

  // MARK: Metadata

  /// The metadata that say who is on the photos, in the folder or in those right in it; a warning
  /// in `notes` of tables that are about something else.
  private func metadata(
    _ notes: inout DataNotes, _ meter: WorkMeter?
  ) throws(DatasetError) -> [(part: String, name: String)] {
    let own = files.filter(Self.isMetadata).map { (part: "", name: $0) }
    guard own.isEmpty else { return try told(own, &notes) }
    var found: [(part: String, name: String)] = []
    var without: String?
    meter?.restart(of: folders.count, unit: "folders")
    defer { meter?.restart(of: 0) }
    for folder in folders {
      meter?.add()
      let names = ["metadata.csv", "metadata.jsonl"].filter {
        FileReader.exists(root + "/" + folder + "/" + $0)
      }
      found += names.map { (part: folder, name: $0) }
      if names.isEmpty { without = without ?? folder }
    }
    guard let first = found.first else { return [] }
    // Parts of a data set have metadata each; a single person's are about something else.
    if let without, !found.allSatisfy({ FolderNotes.splits.contains($0.part.lowercased()) }) {
      notes.warnings.append(
        "\(first.part)/\(first.name) is not read, since other folders, such as \(without), have "
          + "no metadata; people are called by their folders")
      return []
    }
    return try told(found, &notes)
  }

  /// Those of `tables` that have columns of photos and labels; where none has and there are
  /// folders to call people by, nothing, with a warning.
  private func told(
    _ tables: [(part: String, name: String)], _ notes: inout DataNotes
  ) throws(DatasetError) -> [(part: String, name: String)] {
    var fitting: [(part: String, name: String)] = []
    for table in tables {
      let name = (table.part.isEmpty ? "" : table.part + "/") + table.name
      if try MetadataRows.hasColumns(root + "/" + name) {
        fitting.append(table)
      } else if !folders.isEmpty {
        notes.warnings.append(
          "\(name) is not read, since it has not \(MetadataRows.wanted); people are called by "
            + "their folders")
      }
    }
    return fitting.isEmpty && folders.isEmpty ? tables : fitting
  }
}
